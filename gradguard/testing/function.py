"""`check_function`: is the backward of a custom `autograd.Function` the derivative of its forward?"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import itertools
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gradguard.finding import Finding, Location
from gradguard.testing.examine import Case, Examiner, Options, Rejected
from gradguard.testing.layouts import LAYOUTS, Layout, expanded
from gradguard.testing.probe import backward_name
from gradguard.testing.problems import Problem, shown

if TYPE_CHECKING:
    import hypothesis.strategies as st

__all__ = ["WrongFunction", "check_function"]

_MOST_MASKS = 6


class WrongFunction(AssertionError):
    """A custom Function is wrong. The text tells how, with the smallest example; `finding` says it for programs."""

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(text)
        self.finding = finding


class _Failure(Exception):
    """A problem and its example, on their way through hypothesis."""

    def __init__(self, problem: Problem, case: Case) -> None:
        super().__init__(problem.kind)
        self.problem = problem
        self.case = case


@functools.cache
def _failure(kind: str) -> type[_Failure]:
    """Hypothesis shrinks within one type of exception: each kind of problem is given its own."""
    return type(f"_Failure_{kind}", (_Failure,), {})


def check_function(
    function: Any,
    *inputs: Any,
    no_gradient_for: Iterable[str | int] = (),
    double_backward: bool = True,
    unneeded_gradients: bool = False,
    dtypes: Sequence[torch.dtype] = (torch.float32,),
    examples: int = 50,
) -> None:
    """Check a custom `autograd.Function` on many generated inputs, and show the smallest for which it is wrong.

    >>> import torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * grad_output
    >>> check_function(Square)

    Raises `WrongFunction` (an AssertionError) for: a wrong formula, a wrong number, shape or type of the returned
    gradients, a gradient for an input that is no tensor, an input, saved tensor or incoming gradient that is changed in
    place, an input that is kept on `ctx` without `save_for_backward`, a backward that goes wrong with some layout of
    memory or some choice of inputs that need a gradient, and a second derivative that is wrong while
    `@once_differentiable` is missing.

    function: the class, or its `apply`.
    inputs: one for each input of `forward`. A hypothesis strategy (see `gradguard.testing.strategies`) is drawn from; a
        tensor is used with its own values; anything else is handed on as it is. Without any, an input of any small
        shape is made for the one parameter that forward has. Tensors should be float64: finite differences need the
        digits.
    no_gradient_for: names or positions of floating inputs for which `backward` gives no gradient on purpose.
    double_backward: check second derivatives as well, unless the Function says `@once_differentiable`.
    unneeded_gradients: report also a gradient that is computed for a tensor that needs none. Not wrong, only slow.
    dtypes: further types that must give the same gradient as float64, roughly, where forward takes them.
    examples: how many inputs are tried; the same ones in every run.

    Not judged: points at which the function has a kink or a jump, as relu has at 0. Torch's random numbers start from
    the same seed in each call of forward, and are left as they were.
    """
    __tracebackhide__ = True
    import hypothesis
    import hypothesis.strategies as st

    kind = _class_of(function)
    _refuse_instance_methods(kind)
    names = _names(kind)
    given = inputs or _default_inputs(kind, names)
    ignored = _positions(no_gradient_for, names, len(given))
    options = Options(double_backward, unneeded_gradients, tuple(dtypes))
    examiner = Examiner(kind, lambda index: _name(names, index), options)
    refusals: list[Exception] = []
    tried = 0

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(_cases(st, given, ignored))
    def run(case: Case) -> None:
        nonlocal tried
        if not any(case.needs):
            raise TypeError(f"no input of `{kind.__name__}` is a floating tensor: there is nothing to differentiate by")
        try:
            problem = examiner.examine(case)
        except Rejected as rejected:
            if isinstance(rejected.__cause__, Exception):
                refusals.append(rejected.__cause__)
            hypothesis.reject()
        tried += 1
        if problem is not None:
            raise _failure(problem.kind)(problem, case)

    try:
        with _one_thread():
            run()
    except _Failure as failure:
        failed = failure
    except hypothesis.errors.Unsatisfiable:
        _nothing_tried(kind, refusals)
    except hypothesis.errors.Flaky as flaky:
        raise WrongFunction(f"`{kind.__name__}` behaves differently for the same inputs from call to call") from flaky
    else:
        if not tried:
            _nothing_tried(kind, refusals)
        if not examiner.judged and examiner.rough:
            raise WrongFunction(
                f"`{kind.__name__}` could not be checked: the results of `forward` jump from input to input. Does it "
                "round them?"
            )
        return
    raise _wrong(kind, failed.problem, failed.case, lambda index: _name(names, index)) from failed.problem.cause


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Inputs are tiny: further threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _nothing_tried(kind: type[Any], refusals: Sequence[Exception]) -> None:
    if refusals:
        error = refusals[-1]
        raise WrongFunction(
            f"`{kind.__name__}.forward` took none of the inputs that were tried; the last time it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    raise WrongFunction(
        f"nothing that `{kind.__name__}.forward` returned requires a gradient: is an output marked with "
        "`ctx.mark_non_differentiable`, or no floating tensor?"
    )


def _class_of(function: Any) -> type[Any]:
    found = getattr(function, "__self__", function)
    if isinstance(found, type) and issubclass(found, torch.autograd.Function):
        return found
    raise TypeError(f"check_function takes a subclass of torch.autograd.Function, not {function!r}")


def _refuse_instance_methods(kind: type[Any]) -> None:
    for name in ("forward", "setup_context", backward_name(kind)):
        method = inspect.getattr_static(kind, name)
        if not isinstance(method, (staticmethod, classmethod)):
            finding = Finding(
                "function-not-static",
                "GG603",
                f"`{name}` of `{kind.__name__}` is not a static method",
                _location(kind, name),
                help=f"write `@staticmethod` above `def {name}`; its first parameter is `ctx`, and there is no `self`",
            )
            raise WrongFunction(_text(finding, ""), finding)


def _names(kind: type[Any]) -> list[str]:
    try:
        parameters = list(inspect.signature(kind.forward).parameters.values())
    except (TypeError, ValueError):
        return []
    if kind.setup_context is torch.autograd.Function.setup_context:
        parameters = parameters[1:]
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _name(names: Sequence[str], index: int) -> str:
    return f"`{names[index]}`" if index < len(names) else f"input {index}"


def _default_inputs(kind: type[Any], names: Sequence[str]) -> tuple[Any, ...]:
    if len(names) != 1:
        listed = f" ({', '.join(names)})" if names else ""
        raise TypeError(
            f"`{kind.__name__}.forward` does not have one input alone{listed}: say what they are, for example "
            f"check_function({kind.__name__}, tensors('n 3'), tensors('3'))"
        )
    from gradguard.testing.strategies import tensors

    return (tensors(),)


def _positions(wanted: Iterable[str | int], names: Sequence[str], count: int) -> frozenset[int]:
    found = set()
    for entry in wanted:
        position = names.index(entry) if isinstance(entry, str) and entry in names else entry
        if not isinstance(position, int) or not 0 <= position < count:
            raise ValueError(f"no_gradient_for names {entry!r}, but the inputs are {', '.join(names)}")
        found.add(position)
    return frozenset(found)


def _cases(module: Any, inputs: Sequence[Any], ignored: frozenset[int]) -> st.SearchStrategy[Case]:
    """Strategy for the values, their layouts in memory, and which of them need a gradient."""

    def differentiable(value: object) -> bool:
        return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())

    def draw_case(draw: Callable[[Any], Any]) -> Case:
        values = [draw(given) if isinstance(given, module.SearchStrategy) else given for given in inputs]
        values = [value.detach() if isinstance(value, Tensor) else value for value in values]
        layouts: list[Layout | None] = []
        for value in values:
            if not differentiable(value):
                layouts.append(None)
                continue
            choices = [layout for layout in LAYOUTS if layout.fits(value)]
            row = expanded(value)
            # A simple layout comes first, and is what a counter-example is shrunk to.
            layouts.append(draw(module.sampled_from([*choices, row] if row else choices)))
        able = [index for index, value in enumerate(values) if differentiable(value) and index not in ignored]
        masks = _masks(len(able))
        mask = draw(module.sampled_from(masks)) if masks else ()
        needs = [False] * len(values)
        for index, need in zip(able, mask, strict=True):
            needs[index] = need
        return Case(tuple(values), tuple(layouts), tuple(needs))

    strategy: st.SearchStrategy[Case] = module.composite(draw_case)()
    return strategy


def _masks(count: int) -> list[tuple[bool, ...]]:
    """All the ways in which some of the inputs need a gradient, the fullest first."""
    if count > _MOST_MASKS:
        single = [tuple(index == chosen for index in range(count)) for chosen in range(count)]
        return [(True,) * count, *single]
    found = [mask for mask in itertools.product((True, False), repeat=count) if any(mask)]
    return sorted(found, key=lambda mask: -sum(mask))


def _location(kind: type[Any], method: str) -> Location:
    """The method's only return statement, or else its first line."""
    plain = inspect.unwrap(getattr(kind, method))
    code = getattr(plain, "__code__", None)
    if code is None:
        return Location("<unknown>", 1, 1, 1, 1)
    path, line = code.co_filename, code.co_firstlineno
    try:
        lines, line = inspect.getsourcelines(plain)
        (definition,) = ast.parse(textwrap.dedent("".join(lines))).body
    except (OSError, SyntaxError, TypeError, ValueError):
        return Location(_shorter(path), line, 1, line, 1)
    indent = len(lines[0]) - len(lines[0].lstrip())
    returns = [node for node in ast.walk(definition) if isinstance(node, ast.Return)]
    node: ast.stmt = returns[0] if len(returns) == 1 and method != "forward" else definition
    first, start = node.lineno + line - 1, node.col_offset + indent + 1
    if node is definition:
        return Location(_shorter(path), first, start, first, start + len("def ") + len(method))
    return Location(
        _shorter(path), first, start, (node.end_lineno or 1) + line - 1, (node.end_col_offset or 0) + indent + 1
    )


def _shorter(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return path
    return path if relative.startswith("..") else relative


def _wrong(kind: type[Any], problem: Problem, case: Case, name: Callable[[int], str]) -> WrongFunction:
    method = backward_name(kind) if problem.where == "backward" else "forward"
    code, rule = problem.rule
    message = problem.message.replace("`backward`", f"`{kind.__name__}.{backward_name(kind)}`", 1).replace(
        "`forward`", f"`{kind.__name__}.forward`", 1
    )
    finding = Finding(rule, code, message, _location(kind, method), help=problem.help)
    lines = []
    arguments = []
    for index, (value, layout, need) in enumerate(zip(case.values, case.layouts, case.needs, strict=True)):
        plain = name(index).strip("`").replace(" ", "_")
        arguments.append(plain)
        lines.append(f"    {plain} = {shown(value, need, layout.name if layout else '')}")
    lines.append(f"    {kind.__name__}.apply({', '.join(arguments)})")
    return WrongFunction(_text(finding, "the smallest example that shows it:\n" + "\n".join(lines)), finding)


def _text(finding: Finding, example: str) -> str:
    place = finding.location
    parts = [f"{finding.code} {finding.rule}\n{finding.message}", f"at {place.path}:{place.line}", example]
    parts.append(f"instead: {finding.help}")
    return "\n\n".join(part for part in parts if part)
