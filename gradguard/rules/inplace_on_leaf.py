"""A leaf tensor that requires grad is changed in place while autograd is recording."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import TensorWrite
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: TensorWrite, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.hidden or False in (event.is_leaf, event.requires_grad, event.recorded):
        yield Acquittal(event.site)
        return
    if not (event.is_leaf and event.requires_grad and event.recorded):
        return
    name = f"`{event.name}`" if event.name else "it"
    what = "a part of a leaf tensor" if event.is_view else "a leaf tensor"
    if event.uses_gradient:
        repair = f"do the update under `with torch.no_grad():`, or let an optimizer do it; {name} stays a leaf there"
    else:
        repair = (
            f"under `with torch.no_grad():` if only the value of {name} is to change; if the gradient is to flow "
            "through the change, make a new tensor (`y = x + 1`) or change a `.clone()`"
        )
    yield Report(
        event.site,
        f"`{event.operation}` changes {name} in place, {what} that requires grad: torch refuses this outside of "
        "`torch.no_grad()`",
        help=repair,
        facts={"name": event.name, "update": "yes" if event.uses_gradient else ""},
    )


RULE = Rule(
    code="GG501",
    name="inplace-on-leaf",
    summary="a leaf tensor that requires grad is changed in place while autograd records",
    why="""
        A leaf that requires grad is what a gradient is computed for. If it were changed in place while autograd
        records, it would become the result of that operation and no leaf, and its gradient would be lost. So torch
        raises "a leaf Variable that requires grad is being used in an in-place operation". That holds for `+=`,
        `w[0] = 1`, `w.add_(…)`, for a view of the leaf and for `nn.ReLU(inplace=True)` on an input that requires grad.
    """,
    instead="""
        Change a parameter under `with torch.no_grad():` (updates, initial values, clamping). If the change is a part
        of the computation, make a new tensor: `total = total + loss`, or start from one that does not require grad.
    """,
    bad="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        w.pow(2).sum().backward()
        w -= 0.1 * w.grad  # <- here
    """,
    good="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        w.pow(2).sum().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
    """,
    raises=True,
    detect={TensorWrite: detect},
)
