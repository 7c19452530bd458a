"""A gradient is asked for, for a tensor of integers or booleans."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import AskedForGrad
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: AskedForGrad, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if not event.dtype.startswith(("int", "uint", "bool")):
        yield Acquittal(event.site)
        return
    if event.conditional:
        return  # somebody asks first what dtype it is
    name = f"`{event.name}`" if event.name else "this tensor"
    kind = "booleans" if event.dtype == "bool" else "integers"
    if event.dtype[-1:].isdigit():
        kind = f"integers ({event.dtype})"
    yield Report(
        event.site,
        f"{name} holds {kind}, which have no gradient: only floating point tensors can require one",
        help="make it a floating point tensor first (`torch.tensor([1.0, 2.0], requires_grad=True)`, "
        "`.float().requires_grad_()`); indices and labels need no gradient",
    )


RULE = Rule(
    code="GG206",
    name="integer-requires-grad",
    summary="requires_grad is set on a tensor of integers",
    why="""
        A derivative says what an infinitely small change does, and integers cannot change by that. PyTorch takes the
        dtype of a tensor from the numbers it is made of: `torch.tensor([1, 2])` is int64, `torch.tensor([1.0, 2.0])` is
        float32. Asking the first for a gradient raises "Only Tensors of floating point and complex dtype can require
        gradients".
    """,
    instead="""
        Write the numbers with a point, pass `dtype=torch.float32`, or convert with `.float()` before
        `requires_grad_()`. What is an index (the input of an embedding) or a label needs no gradient at all.
    """,
    bad="""
        import torch

        w = torch.tensor([1, 2, 3], requires_grad=True)  # <- here
        loss = (w * 2).sum()
        loss.backward()
    """,
    good="""
        import torch

        w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        loss = (w * 2).sum()
        loss.backward()
    """,
    raises=True,
    detect={AskedForGrad: detect},
)
