"""What can be wrong with a custom Function, in words: what it is, why it matters, what to write instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gradguard.testing.derivative import Comparison

__all__ = ["Problem"]

_COUNT = "GG601", "function-gradient-count"
_SAVE = "GG602", "function-save-for-backward"
_WRONG = "GG604", "function-wrong-gradient"

_ONCE = (
    "put `@once_differentiable` (from `torch.autograd.function`) between `@staticmethod` and the backward, so that a "
    "second derivative raises an error instead of being wrong"
)

_TIMES = "multiply by the gradient that comes in (`grad_output * …`): it is 1 only where this is the last operation"


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` tells problems apart while a counter-example is shrunk. `where` is the method to look at."""

    kind: str
    message: str
    help: str
    where: str = "backward"
    rule: tuple[str, str] = _WRONG
    cause: Exception | None = None


def _cause(error: Exception) -> str:
    lines = str(error).strip().split("\n")
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__


def _number(value: float) -> str:
    return f"{value:.6g}"


def _place(name: str, element: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, element))}]" if element else name


def _plain(name: str) -> str:
    return name.strip("`")


def input_changed(name: str, saved: bool) -> Problem:
    also = " and then saves it, so that `backward` sees the changed values" if saved else ""
    return Problem(
        "input-changed",
        f"`forward` changes its input {name} in place{also}; autograd does not know of the change",
        f"compute a new tensor (`{_plain(name)} * 2`, not `{_plain(name)}.mul_(2)`), or call "
        f"`ctx.mark_dirty({_plain(name)})` and return it",
        where="forward",
    )


def random_forward() -> Problem:
    return Problem(
        "random",
        "`forward` gives different results for the same inputs, even with the same random seed; there is no derivative",
        "let the result depend on the inputs and on torch's random numbers alone",
        where="forward",
    )


def backward_changes(what: str) -> Problem:
    return Problem(
        "backward-changes",
        f"`backward` changes {what} in place; others use that tensor too, and get wrong gradients from it",
        "compute a new tensor: `a * b`, not `a.mul_(b)` or `a *= b`",
    )


def unneeded_gradient(name: str, index: int) -> Problem:
    return Problem(
        "unneeded",
        f"`backward` computes a gradient for {name}, which needs none here; it is thrown away",
        f"compute it only `if ctx.needs_input_grad[{index}]:`, and return None otherwise",
    )


def backward_once(error: Exception) -> Problem:
    return Problem(
        "backward-once",
        "the second backward through the same graph (with `retain_graph=True`) fails where the first one did not "
        f"({_cause(error)})",
        "leave everything on `ctx` as `forward` left it",
        cause=error,
    )


def backward_differs() -> Problem:
    return Problem(
        "backward-differs",
        "a second backward through the same graph gives other gradients than the first one",
        "let `backward` change nothing that it uses: no tensor in place, and nothing on `ctx`",
    )


def backward_fails(error: Exception, needs: Sequence[bool], names: Sequence[str]) -> Problem:
    without = [name for name, need in zip(names, needs, strict=False) if not need]
    when = ""
    if any(needs) and len(without) < len(needs):
        needed = [name for name, need in zip(names, needs, strict=False) if need]
        when = f" when a gradient is needed for {' and '.join(needed)}" + (" alone" if without else "")
    return Problem(
        "backward-fails",
        f"`backward` fails{when}: {_cause(error)}",
        "let it work for every input that `forward` takes, whichever of them need a gradient",
        cause=error,
    )


def gradient_count(found: int, names: Sequence[str]) -> Problem:
    given = "1 gradient" if found == 1 else f"{found} gradients"
    wanted = "1 input" if len(names) == 1 else f"{len(names)} inputs"
    return Problem(
        "count",
        f"`backward` returns {given}, but `forward` has {wanted} ({', '.join(names)}) and each of them needs its own",
        "return one value for each input of `forward`, in the same order; None for an input that has no gradient",
        rule=_COUNT,
    )


def gradient_for_constant(name: str, value: object) -> Problem:
    return Problem(
        "constant",
        f"`backward` returns a gradient for {name}, but {name} is {value!r} and no tensor: it needs none",
        f"return None in the place of {name}",
        rule=_COUNT,
    )


def gradient_type(name: str, gradient: object) -> Problem:
    return Problem(
        "type",
        f"`backward` returns {gradient!r} as the gradient for {name}: a gradient is a tensor or None",
        "return a tensor of the shape of the input",
    )


def gradient_shape(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> Problem:
    return Problem(
        "shape",
        f"`backward` returns a gradient of shape {found} for {name}, which has the shape {wanted}",
        f"the gradient for an input has the shape of that input, here {wanted}",
    )


def gradient_layout(layout: str, error: Exception | None) -> Problem:
    what = "gives a wrong gradient" if error is None else f"fails ({_cause(error)})"
    return Problem(
        "gradient-layout",
        f"`backward` {what} when the gradient that comes in is not contiguous ({layout})",
        "use `.reshape()` in place of `.view()`, and `.contiguous()` before code that reads memory by itself (CUDA)",
        cause=error,
    )


def later_change(name: str) -> Problem:
    return Problem(
        "later-change",
        f"if {name} is changed in place after the forward, the gradient is wrong and no error tells so: "
        f"`forward` keeps {name} on `ctx` by itself",
        f"`ctx.save_for_backward({_plain(name)})` in `forward` and `ctx.saved_tensors` in `backward`: torch then "
        "notices the change, and memory is freed in time",
        where="forward",
        rule=_SAVE,
    )


def other_dtype(dtype: torch.dtype, error: Exception | None) -> Problem:
    what = "gives another gradient" if error is None else f"fails ({_cause(error)})"
    return Problem(
        "dtype",
        f"`backward` {what} with {dtype}, although `forward` takes it and the gradient in float64 is right",
        "make new tensors like those that are there: `torch.zeros_like(x)`, `x.new_zeros(3)`",
        cause=error,
    )


def second_fails(error: Exception) -> Problem:
    return Problem(
        "second-fails", f"the second derivative (`create_graph=True`) fails: {_cause(error)}", _ONCE, cause=error
    )


def second_derivative(left_autograd: bool, finite: bool) -> Problem:
    if not finite:
        return Problem(
            "second",
            "the gradient is right, but the second derivative (a gradient penalty, `create_graph=True`) is nan or "
            "infinite: `backward` computes something that has no derivative there, such as the root of 0",
            f"{_ONCE}; or keep `backward` away from such points",
        )
    why = (
        "what `backward` computes leaves autograd (by numpy, `.detach()`, `.data`, `.item()` or `no_grad()`)"
        if left_autograd
        else "what `backward` uses is not made from the inputs and outputs alone (a saved intermediate result counts "
        "as a constant), or a part of it leaves autograd"
    )
    return Problem(
        "second",
        "the gradient is right, but the second derivative (a gradient penalty, `create_graph=True`) is silently wrong: "
        + why,
        f"{_ONCE}; or let `backward` use only torch operations on saved inputs and outputs",
    )


def gradcheck(name: str, error: Exception) -> Problem:
    return Problem("gradcheck", f"`torch.autograd.{name}` fails: {_cause(error)}", "see the error above", cause=error)


def wrong_formula(
    comparison: Comparison,
    *,
    names: Sequence[str],
    outputs: int,
    reached: bool,
    ignores_incoming: bool,
    saved_and_changed: bool,
) -> Problem:
    wrong = comparison.mismatch
    assert wrong is not None
    name = names[wrong.leaf]
    place = _place(_plain(name), wrong.element)
    if wrong.of_output is None:
        of = "a weighted sum of the outputs"
    else:
        number, element = wrong.of_output
        of = _place("output" if outputs == 1 else f"output {number}", element)
    if not reached:
        message = f"`backward` returns None for {name}, although the output depends on it"
        advice = f"return the gradient for {name} where `ctx.needs_input_grad` asks for it"
    else:
        message = f"`backward` returns a wrong gradient for {name}"
        advice = _hint(comparison, names, ignores_incoming, saved_and_changed)
    numbers = (
        f": the derivative of {of} by {place} is {_number(wrong.numerical)} (by finite differences), "
        f"`backward` says {_number(wrong.autograd)}"
    )
    return Problem("formula", message + numbers, advice)


def not_linear(ignores_incoming: bool) -> Problem:
    return Problem(
        "not-linear",
        "the gradient that `backward` returns does not grow with the gradient that comes in"
        + (": it takes no notice of it" if ignores_incoming else ", as the chain rule says"),
        _TIMES,
    )


def _hint(comparison: Comparison, names: Sequence[str], ignores_incoming: bool, saved_and_changed: bool) -> str:
    wrong = comparison.mismatch
    assert wrong is not None
    if saved_and_changed:
        return "`forward` saves an input that it changes in place: save a copy of it from before the change"
    if ignores_incoming:
        return _TIMES
    if not math.isfinite(wrong.autograd):
        return "look for a division by zero, or a logarithm or root of a number that is not positive"
    found, wanted = _judged(comparison, wrong.leaf)
    for other, name in enumerate(names):
        if other != wrong.leaf and comparison.autograd[other].shape == comparison.autograd[wrong.leaf].shape:
            if _close(comparison.autograd[other], comparison.numerical[wrong.leaf]) and _close(
                comparison.autograd[wrong.leaf], comparison.numerical[other]
            ):
                pair = f"{names[wrong.leaf]} and {name}"
                return f"the gradients for {pair} have changed places: return them in the order of the inputs"
    if not found.abs().any():
        return "add what is missing: by this gradient the input has no influence at all"
    if torch.allclose(found, -wanted, atol=1e-5, rtol=1e-3):
        return "turn the sign around: each of these derivatives has the right size and the wrong sign"
    matrix = comparison.autograd[wrong.leaf]
    if matrix.shape[0] == matrix.shape[1] > 1 and _close(matrix, comparison.numerical[wrong.leaf].T):
        return "transpose: the derivative of output i by element j stands where that of output j by element i belongs"
    factor = _factor(found, wanted)
    if factor is not None:
        return f"look for a factor: `backward` says {_number(factor)} times what is right"
    return "compare the formula in `backward` with the derivative of what `forward` computes"


def _factor(found: Tensor, wanted: Tensor) -> float | None:
    """The number by which all is wrong, where there is one: proved by several values, or by being simple."""
    used = wanted.abs() > 1e-4
    ratios = found[used] / wanted[used]
    if not len(ratios) or bool((found[~used].abs() > 1e-4).any()):
        return None
    first = float(ratios[0])
    if not first or not torch.allclose(ratios, ratios[:1].expand_as(ratios), rtol=1e-3):
        return None
    simple = any(abs(number - round(number)) < 1e-3 and round(number) for number in (first, 1 / first))
    several = not torch.allclose(wanted[used], wanted[used][:1].expand_as(ratios))
    return first if simple or several else None


def _judged(comparison: Comparison, leaf: int) -> tuple[Tensor, Tensor]:
    usable = comparison.numerical[leaf].isfinite() & comparison.autograd[leaf].isfinite()
    return comparison.autograd[leaf][usable], comparison.numerical[leaf][usable]


def _close(left: Tensor, right: Tensor) -> bool:
    usable = left.isfinite() & right.isfinite()
    return bool(usable.any()) and torch.allclose(left[usable], right[usable], atol=1e-5, rtol=1e-3)


def shown(value: Any, requires_grad: bool, layout: str) -> str:
    """A value as a person would write it."""
    if not isinstance(value, Tensor):
        return repr(value)
    dtype = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
    gradient = ", requires_grad=True" if requires_grad else ""
    if value.numel() == 0:
        text = f"torch.empty({tuple(value.shape)}{dtype}{gradient})"
    elif value.numel() > 16:
        text = f"a tensor of shape {tuple(value.shape)}{dtype}{gradient}"
    else:
        text = f"torch.tensor({value.tolist()}{dtype}{gradient})"
    return text if layout in ("", "contiguous") else f"{text}  # {layout}"
