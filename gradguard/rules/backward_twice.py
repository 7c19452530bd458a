"""A backward pass runs through a graph whose buffers an earlier backward pass has freed."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward, GraphNode
from gradguard.ledger import Freed, Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if not event.graph:
        yield Acquittal(event.site)
        return
    root = event.graph[0]
    again = ledger.freed.get(root.id)
    if again is not None:
        yield _report_same_root(event, root, again)
        return
    border: GraphNode | None = None
    for node in event.graph:
        freed = ledger.freed.get(node.id)
        if freed is None:
            continue
        border = border or node
        if node.saves:
            yield _report_shared(event, border, freed)
            return
    yield Acquittal(event.site)


def _named(name: str) -> str:
    return f"`{name}`" if name else "the result"


def _report_same_root(event: Backward, root: GraphNode, freed: Freed) -> Report:
    name = _named(event.name)
    where = "in an earlier iteration" if freed.site == event.site else "here"
    return Report(
        event.site,
        f"backward a second time through the graph of {name}: its buffers were freed by the first backward",
        ((root.site, f"{name} is computed here"), (freed.site, f"the first backward ran {where}")),
        help=f"compute {name} anew before each backward (move the forward pass into the loop), or remove one of them",
    )


def _report_shared(event: Backward, border: GraphNode, freed: Freed) -> Report:
    carried = _named(border.name or border.operation)
    notes = [(border.site, f"{carried} is computed here")]
    if freed.site == event.site and freed.calls == event.calls:
        notes.append((freed.site, "this very backward freed that part of the graph in an earlier iteration"))
        help_text = (
            f"cut the graph where {carried} is carried over (`.detach()`), or compute it anew inside the loop if its "
            "gradient is wanted"
        )
    else:
        notes.append((freed.site, f"the backward of {_named(freed.name)} freed that part of the graph"))
        help_text = (
            f"add the losses and call backward once, or use {carried}`.detach()` in one of them; "
            "`retain_graph=True` in the first backward is right only if both need the whole graph"
        ).replace("``", "")
    return Report(
        event.site,
        f"backward a second time through the graph of {carried}: its buffers were freed by an earlier backward",
        tuple(notes),
        help=help_text,
    )


RULE = Rule(
    code="GG201",
    name="backward-twice",
    summary="a backward pass reaches a graph that an earlier backward pass has freed",
    why="""
        `backward()` frees the buffers of every operation it runs through. A second pass through any of them raises
        "Trying to backward through the graph a second time"; if nothing was saved, it silently adds the gradient again.
        What carries a graph over is a loss used twice, a forward pass before the loop, a hidden state or running
        average from the iteration before, or a generator's output that was not detached.
    """,
    instead="""
        Compute the forward pass again for each backward, add losses that share a graph and call backward once, or cut
        the graph with `.detach()` where the old part needs no gradient. `retain_graph=True` is seldom the repair.
    """,
    bad="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = w.pow(2).sum()
        for _ in range(2):
            w.grad = None
            loss.backward()  # <- here
            w.data -= 0.1 * w.grad
    """,
    good="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(2):
            w.grad = None
            loss = w.pow(2).sum()
            loss.backward()
            w.data -= 0.1 * w.grad
    """,
    raises=True,
    detect={Backward: detect},
)
