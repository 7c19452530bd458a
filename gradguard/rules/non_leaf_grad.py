"""`.grad` is read on a tensor that is the result of an operation: it is None there."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import GradRead
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: GradRead, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.rebound_at is not None:
        return  # parameter-rebound tells of that
    if event.is_leaf or event.retains_grad:
        yield Acquittal(event.site)
        return
    if event.is_leaf is None or not event.requires_grad or event.retains_grad is None:
        return
    name = f"`{event.name}`" if event.name else "the tensor"
    by = f"`{event.operation}`" if event.operation else "an operation"
    notes = []
    if event.made_at is not None:
        notes.append((event.made_at, f"{by} makes it a non-leaf tensor"))
    if event.leaf_at is not None and event.leaf_at != event.made_at:
        notes.append((event.leaf_at, "the leaf that does get a gradient is made here"))
    short = event.name or "it"
    # Where the operation was applied to a leaf itself, the order of the two was probably meant the other way round.
    releaf = ""
    if event.leaf_at is not None:
        releaf = f"read `.grad` of the leaf, or make {name} itself the leaf ({by} first, `requires_grad_()` last), or "
    yield Report(
        event.site,
        f"`.grad` of {name} is None: it is the result of {by}, not a leaf, and only leaves keep a gradient",
        tuple(notes),
        help=f"{releaf}call `{short}.retain_grad()` before the backward",
        facts={"name": event.name},
    )


RULE = Rule(
    code="GG301",
    name="non-leaf-grad",
    summary="`.grad` is read on a tensor that is not a leaf",
    why="""
        Autograd keeps gradients only for leaf tensors: those that were made by the user and not by an operation. A
        `.to(device)`, `.double()`, `.reshape()` or `* 0.1` after `requires_grad=True` gives a new tensor; backward
        fills the `.grad` of the old one, which nobody holds any more, and the new one's stays None.
    """,
    instead="""
        Do the operations first and ask for the gradient last (`torch.ones(2).to(device).requires_grad_()`), read
        `.grad` of the leaf, or call `retain_grad()` on the intermediate result before the backward.
    """,
    bad="""
        import torch

        w = torch.ones(2, requires_grad=True) * 0.1
        loss = w.pow(2).sum()
        loss.backward()
        print(w.grad)  # <- here
    """,
    good="""
        import torch

        w = (torch.ones(2) * 0.1).requires_grad_()
        loss = w.pow(2).sum()
        loss.backward()
        print(w.grad)
    """,
    detect={GradRead: detect},
)
