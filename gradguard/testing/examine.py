"""One example of the inputs of a custom Function, and all that can be wrong with its backward there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gradguard.testing import problems
from gradguard.testing.derivative import Comparison, compare, cotangent
from gradguard.testing.layouts import CONTIGUOUS, LAYOUTS, Layout
from gradguard.testing.probe import Record, probe, same
from gradguard.testing.problems import Problem

__all__ = ["Case", "Examiner", "Options", "Rejected"]

_GRADCHECK_SIZE, _GRADGRADCHECK_SIZE = 64, 8


class Rejected(Exception):
    """The forward does not take these inputs, or gives nothing that has a gradient. The cause is what it raised."""


@dataclass(frozen=True, slots=True)
class Case:
    """The inputs of one call. `layouts` has None for all but floating tensors; `needs` says what needs a gradient."""

    values: tuple[Any, ...]
    layouts: tuple[Layout | None, ...]
    needs: tuple[bool, ...]

    def contiguous(self) -> Case:
        return replace(self, layouts=tuple(layout and CONTIGUOUS for layout in self.layouts))


@dataclass(frozen=True, slots=True)
class Options:
    """What is looked at beyond the gradient itself."""

    double_backward: bool = True
    unneeded: bool = False
    dtypes: tuple[torch.dtype, ...] = (torch.float32,)


@dataclass(slots=True)
class _Run:
    """One call of `apply`, and what a gradient can be asked of."""

    inputs: list[Any]
    outputs: tuple[Any, ...]
    differentiable: tuple[int, ...]

    @property
    def roots(self) -> tuple[Tensor, ...]:
        return tuple(self.outputs[index] for index in self.differentiable)


@dataclass(slots=True)
class Examiner:
    """Examines example after example. `judged` counts the derivatives that were compared."""

    function: type[Any]
    names: Callable[[int], str]
    options: Options
    judged: int = 0
    rough: int = 0
    record: Record = field(default_factory=Record)
    _probe: Any = None

    def __post_init__(self) -> None:
        self._probe = probe(self.function, self.record)

    def examine(self, case: Case) -> Problem | None:
        """The first thing that is wrong, or None."""
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            for problem in self._problems(case):
                if problem is not None:
                    return problem
        return None

    def _problems(self, case: Case) -> Iterator[Problem | None]:
        leaves = self._leaves(case)
        yield self._forward_changes(case, leaves)
        run = self._run(case, leaves)
        yield self._random_forward(case, leaves, run)
        yield self._backward(case, leaves, run)
        yield self._gradient_layouts(leaves, run)
        comparison, problem = self._formula(case, leaves, run)
        yield problem
        yield self._later_change(case)
        for dtype in self.options.dtypes:
            yield self._other_dtype(case, dtype)
        second = None
        if self.options.double_backward:
            second, problem = self._double_backward(case, leaves)
            yield problem
        yield self._gradcheck(case, leaves, comparison, second)

    # --- calling the Function -----------------------------------------------------------------------------------------

    def _leaves(self, case: Case, dtype: torch.dtype | None = None) -> list[Tensor | None]:
        leaves: list[Tensor | None] = []
        for value, layout, need in zip(case.values, case.layouts, case.needs, strict=True):
            leaf = None if layout is None else layout.base(value)
            if leaf is not None:
                leaf = leaf if dtype is None else leaf.to(dtype)
                leaf.requires_grad_(need)
            leaves.append(leaf)
        return leaves

    def _inputs(self, case: Case, leaves: Sequence[Tensor | None]) -> list[Any]:
        return [
            layout.view(leaf)
            if layout is not None and leaf is not None
            else (value.clone() if isinstance(value, Tensor) else value)
            for value, layout, leaf in zip(case.values, case.layouts, leaves, strict=True)
        ]

    def _run(self, case: Case, leaves: Sequence[Tensor | None], inputs: list[Any] | None = None) -> _Run:
        if inputs is None:
            inputs = self._inputs(case, leaves)
        torch.default_generator.manual_seed(0)  # torch.manual_seed formats a traceback at each call
        self.record.error = None
        self.record.calls.clear()
        try:
            result = self._probe.apply(*inputs)
        except Exception as error:
            raise Rejected("forward") from error
        outputs = tuple(result) if isinstance(result, tuple) else (result,)
        differentiable = tuple(
            index for index, output in enumerate(outputs) if isinstance(output, Tensor) and output.requires_grad
        )
        if not differentiable:
            raise Rejected("no gradient")
        return _Run(inputs, outputs, differentiable)

    def _needed(self, leaves: Sequence[Tensor | None]) -> list[Tensor]:
        return [leaf for leaf in leaves if leaf is not None and leaf.requires_grad]

    def _gradients(
        self, run: _Run, leaves: Sequence[Tensor | None], weights: Sequence[Tensor], create_graph: bool = False
    ) -> list[Tensor]:
        needed = self._needed(leaves)
        found: Sequence[Tensor | None] = torch.autograd.grad(
            run.roots, needed, weights, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
        return [
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(needed, found, strict=True)
        ]

    def _weights(self, run: _Run) -> list[Tensor]:
        return [cotangent(root.detach(), number) for number, root in enumerate(run.roots)]

    # --- what can be wrong --------------------------------------------------------------------------------------------

    def _forward_changes(self, case: Case, leaves: Sequence[Tensor | None]) -> Problem | None:
        inputs = self._inputs(case, leaves)
        copies = [value.detach().clone() if isinstance(value, Tensor) else None for value in inputs]
        self._run(case, leaves, inputs)
        for index, (value, copy) in enumerate(zip(inputs, copies, strict=True)):
            if copy is None or any(value is dirty for dirty in self.record.dirty):
                continue
            if not same(value.detach(), copy):
                saved = any(value is kept for kept in self.record.saved)
                return problems.input_changed(self.names(index), saved)
        return None

    def _random_forward(self, case: Case, leaves: Sequence[Tensor | None], run: _Run) -> Problem | None:
        again = self._run(case, leaves)
        for left, right in zip(run.outputs, again.outputs, strict=False):
            if isinstance(left, Tensor) and not same(left.detach(), right.detach()):
                return problems.random_forward()
        return None

    def _backward(self, case: Case, leaves: Sequence[Tensor | None], run: _Run) -> Problem | None:
        weights = self._weights(run)
        self.record.calls.clear()
        try:
            first = self._gradients(run, leaves, weights)
        except Exception as error:
            return self._refused(case, error)
        if not self.record.calls:
            raise Rejected("no backward")
        call = self.record.calls[-1]
        if call.changed:
            return problems.backward_changes(call.changed[0])
        if self.options.unneeded:
            for index, (gradient, needed) in enumerate(zip(call.returned, call.needs_input_grad, strict=False)):
                if gradient is not None and not needed:
                    return problems.unneeded_gradient(self.names(index), index)
        try:
            second = self._gradients(run, leaves, weights)
        except Exception as error:
            return problems.backward_once(error)
        for left, right in zip(first, second, strict=True):
            if not torch.allclose(left, right, equal_nan=True):
                return problems.backward_differs()
        return None

    def _refused(self, case: Case, error: Exception) -> Problem:
        """Torch or the backward itself raised: what was it?"""
        if self.record.error is not None or not self.record.calls:
            return problems.backward_fails(self.record.error or error, case.needs, [self.names(i) for i in range(9)])
        returned = self.record.calls[-1].returned
        while len(returned) > len(case.values) and returned[-1] is None:
            returned = returned[:-1]
        if len(returned) != len(case.values):
            names = [self.names(index) for index in range(len(case.values))]
            return problems.gradient_count(len(returned), names)
        for index, (gradient, value) in enumerate(zip(returned, case.values, strict=True)):
            if gradient is not None and not isinstance(value, Tensor):
                return problems.gradient_for_constant(self.names(index), value)
            if gradient is not None and not isinstance(gradient, Tensor):
                return problems.gradient_type(self.names(index), gradient)
        for index, (gradient, value) in enumerate(zip(returned, case.values, strict=True)):
            if gradient is not None and case.needs[index] and gradient.shape != value.shape:
                return problems.gradient_shape(self.names(index), tuple(gradient.shape), tuple(value.shape))
        return problems.backward_fails(error, case.needs, [self.names(index) for index in range(len(case.values))])

    def _gradient_layouts(self, leaves: Sequence[Tensor | None], run: _Run) -> Problem | None:
        """The same incoming gradient in other layouts, such as the expanded one that `.sum()` sends."""
        plain = self._weights(run)
        variants = [
            (layout.name, plain, [layout.view(weight) for weight in plain])
            for layout in LAYOUTS[1:3]
            if all(layout.fits(weight) for weight in plain)
        ]
        ones = [torch.ones_like(weight, memory_format=torch.contiguous_format) for weight in plain]
        variants.append(("expanded, as `.sum()` sends it", ones, [one.new_ones(()).expand(one.shape) for one in ones]))
        for name, contiguous, other in variants:
            expected = self._gradients(run, leaves, contiguous)
            try:
                found = self._gradients(run, leaves, other)
            except Exception as error:
                return problems.gradient_layout(name, self.record.error or error)
            if not all(
                torch.allclose(left, right, equal_nan=True) for left, right in zip(expected, found, strict=True)
            ):
                return problems.gradient_layout(name, None)
        return None

    def _closed(self, case: Case, leaves: Sequence[Tensor | None], which: tuple[int, ...]) -> Callable[..., Any]:
        """The Function of those leaves that need a gradient, all else held fast."""

        def call(*needed: Tensor) -> tuple[Tensor, ...]:
            moving = iter(needed)
            every = [next(moving) if leaf is not None and leaf.requires_grad else leaf for leaf in leaves]
            outputs = self._run(case, every).outputs
            return tuple(outputs[index] for index in which)

        return call

    def _formula(
        self, case: Case, leaves: Sequence[Tensor | None], run: _Run
    ) -> tuple[Comparison | None, Problem | None]:
        if not self._comparable(case, run):
            return None, None
        needed = self._needed(leaves)
        comparison = compare(self._closed(case, leaves, run.differentiable), needed)
        self.judged += comparison.judged
        self.rough += comparison.rough
        wrong = comparison.mismatch
        weights = self._weights(run)
        single, double = (self._gradients(run, leaves, [weight * factor for weight in weights]) for factor in (1, 2))
        pairs = list(zip(single, double, strict=True))
        ignores = all(torch.allclose(left, right) for left, right in pairs) and any(bool(left.any()) for left in single)
        if wrong is None:
            linear = all(torch.allclose(2 * left, right, equal_nan=True) for left, right in pairs)
            return comparison, None if linear else problems.not_linear(ignores)
        positions = [index for index, leaf in enumerate(leaves) if leaf is not None and leaf.requires_grad]
        position = positions[wrong.leaf]
        returned = self.record.calls[-1].returned
        reached = position < len(returned) and returned[position] is not None
        changed = any(value is dirty for value in self.record.saved for dirty in self.record.dirty)
        return comparison, problems.wrong_formula(
            comparison,
            names=[self.names(index) for index in positions],
            outputs=len(run.differentiable),
            reached=reached,
            ignores_incoming=ignores,
            saved_and_changed=changed,
        )

    @staticmethod
    def _comparable(case: Case, run: _Run) -> bool:
        tensors = [*run.roots, *(value for value in case.values if isinstance(value, Tensor))]
        doubles = all(value.dtype == torch.float64 for value, need in zip(case.values, case.needs, strict=True) if need)
        return doubles and not any(tensor.is_complex() or tensor.layout != torch.strided for tensor in tensors)

    def _later_change(self, case: Case) -> Problem | None:
        """An input that is changed in place between forward and backward must raise, or not matter."""
        case = case.contiguous()
        expected = None
        for index, layout in enumerate(case.layouts):
            if layout is None:
                continue
            leaves = self._leaves(case)
            run = self._run(case, leaves)
            changed = run.inputs[index]
            if self.record.dirty or any(
                isinstance(output, Tensor)
                and output.untyped_storage().data_ptr() == changed.untyped_storage().data_ptr()
                for output in run.outputs
            ):
                continue
            weights = self._weights(run)
            if expected is None:
                expected = self._gradients(self._run(case, leaves), leaves, weights)
            with torch.no_grad():
                changed.add_(1)
            try:
                found = self._gradients(run, leaves, weights)
            except Exception:  # noqa: S112 - torch noticed, as it should
                continue
            if not all(
                torch.allclose(left, right, equal_nan=True) for left, right in zip(expected, found, strict=True)
            ):
                return problems.later_change(self.names(index))
        return None

    def _other_dtype(self, case: Case, dtype: torch.dtype) -> Problem | None:
        if any(need and value.dtype != torch.float64 for value, need in zip(case.values, case.needs, strict=True)):
            return None
        case = case.contiguous()
        leaves = self._leaves(case)
        run = self._run(case, leaves)
        weights = self._weights(run)
        expected = self._gradients(run, leaves, weights)
        others = self._leaves(case, dtype)
        try:
            other = self._run(case, others)
        except Rejected:
            return None  # not a type that it takes
        if not all(_near(*roots) for roots in zip(run.roots, other.roots, strict=True)):
            return None  # random numbers, perhaps, which are others in another type
        try:
            found = self._gradients(other, others, [w.to(r.dtype) for w, r in zip(weights, other.roots, strict=True)])
        except Exception as error:
            return problems.other_dtype(dtype, self.record.error or error)
        if not all(_near(*gradients) for gradients in zip(expected, found, strict=True)):
            return problems.other_dtype(dtype, None)
        return None

    def _double_backward(self, case: Case, leaves: Sequence[Tensor | None]) -> tuple[Comparison | None, Problem | None]:
        run = self._run(case, leaves)
        if not self._comparable(case, run):
            return None, None
        weights = [weight.requires_grad_() for weight in self._weights(run)]
        gradients = self._gradients(run, leaves, weights, create_graph=True)
        graded = [gradient for gradient in gradients if gradient.requires_grad]
        if graded:
            try:
                # Not `grad`: it would not run the node by which `once_differentiable` raises, which leads nowhere.
                torch.autograd.backward(graded, [torch.ones_like(gradient) for gradient in graded], retain_graph=True)
            except Exception as error:
                if "once_differentiable" in str(error):
                    return None, None
                return None, problems.second_fails(error)
        needed = self._needed(leaves)

        def backward(*moving: Tensor) -> tuple[Tensor, ...]:
            inputs, incoming = moving[: len(needed)], moving[len(needed) :]
            every = iter(inputs)
            now = [next(every) if leaf is not None and leaf.requires_grad else leaf for leaf in leaves]
            return tuple(self._gradients(self._run(case, now), now, incoming, create_graph=True))

        comparison = compare(backward, [*needed, *weights])
        if comparison.mismatch is None:
            return comparison, None
        return comparison, problems.second_derivative(
            left_autograd=not graded, finite=math.isfinite(comparison.mismatch.autograd)
        )

    def _gradcheck(
        self,
        case: Case,
        leaves: Sequence[Tensor | None],
        first: Comparison | None,
        second: Comparison | None,
    ) -> Problem | None:
        """torch's own checks have the last word, which also send undefined gradients and know complex numbers."""
        needed = self._needed(leaves)
        sizes = sum(leaf.numel() for leaf in needed)
        run = self._run(case, leaves)
        if not 0 < sizes <= _GRADCHECK_SIZE or not all(
            leaf.dtype in (torch.float64, torch.complex128) for leaf in needed
        ):
            return None
        if first is not None and first.rough:
            return None
        call = self._closed(case, leaves, run.differentiable)
        checks: list[Callable[..., bool]] = [torch.autograd.gradcheck]
        if second is not None and not second.rough and sizes <= _GRADGRADCHECK_SIZE:
            checks.append(torch.autograd.gradgradcheck)
        name = ""
        try:
            for check in checks:
                name = check.__name__
                check(call, tuple(leaf.detach().clone().requires_grad_() for leaf in needed))
        except Exception as error:
            return problems.gradcheck(name, self.record.error or error)
        return None


def _near(exact: Tensor, rounded: Tensor) -> bool:
    """Whether the second is what the first may become in a type with fewer digits."""
    exact, rounded = exact.detach(), rounded.detach()
    usable = exact.isfinite() & (exact.abs() < 1e6)
    room = 0.02 * (1 + float(exact[usable].abs().max())) if usable.any() else 0.0
    return bool(((exact - rounded).abs() <= room)[usable].all())
