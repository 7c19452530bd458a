"""`backward()` without a gradient on a tensor of more than one element."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward, Site
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.seeded is not False or event.many is not True:
        yield Acquittal(event.site)
        return
    name = f"`{event.name}`" if event.name else "the tensor"
    shape = f" ({'shape ' if event.shape.startswith('(') else ''}{event.shape})" if event.shape else ""
    notes: tuple[tuple[Site, str], ...] = ()
    if event.unreduced is not None:
        by = f"`{event.unreduced_by}`" if event.unreduced_by else "this operation"
        notes = ((event.unreduced, f"{by} gives more than one number here, and nothing reduces them to one"),)
    short = event.name if event.name and not set(event.name) & set("( +-*/@") else "loss"
    yield Report(
        event.site,
        f"backward on {name}{shape}, which is not a scalar: the gradient can be created only for scalar outputs",
        notes,
        help=f"reduce it first (`{short}.mean().backward()` or `{short}.sum().backward()`), or pass the weight of each "
        f"element: `{short}.backward(torch.ones_like({short}))`",
    )


RULE = Rule(
    code="GG202",
    name="non-scalar-backward",
    summary="backward() is called on a tensor that has more than one element",
    why="""
        The gradient of a vector-valued output is not defined without a weight for each element, so PyTorch raises "grad
        can be implicitly created only for scalar outputs". The reduction was lost on the way: `reduction='none'`, a
        forgotten `.mean()`, a sum over only one dimension.
    """,
    instead="""
        `loss.mean().backward()`, `loss.sum().backward()`, or `loss.backward(gradient)` with the weight of each element.
    """,
    bad="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w - 3.0) ** 2
        loss.backward()  # <- here
    """,
    good="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w - 3.0) ** 2
        loss.mean().backward()
    """,
    raises=True,
    detect={Backward: detect},
)
