"""`retain_graph=True` where no second backward needs the graph, or where it hides that a graph is carried over."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import GraphRetained
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: GraphRetained, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.asks != "retain":
        return
    if event.used and event.carried:
        carried = f"`{event.carried}`"
        notes = () if event.carried_at is None else ((event.carried_at, f"{carried} is computed here"),)
        yield Report(
            event.site,
            f"`retain_graph=True` hides that {carried} carries the graphs of all iterations along: each backward "
            "runs through all of them again",
            notes,
            help=f"cut the graph where {carried} is carried over (`.detach()`), and leave `retain_graph` out",
            facts={"carried": event.carried},
        )
    elif event.used is False:
        yield Report(
            event.site,
            "`retain_graph=True` is not needed: no later backward runs through this graph, which only stays in memory",
            help="leave `retain_graph=True` out",
        )
    else:
        yield Acquittal(event.site)


RULE = Rule(
    code="GG207",
    name="needless-retain-graph",
    summary="`retain_graph=True` that nothing needs, or that hides a graph carried from iteration to iteration",
    why="""
        `retain_graph=True` keeps the intermediate results of the forward pass for another backward through the same
        graph. Where none follows it only costs memory. Where it was written to silence "Trying to backward through the
        graph a second time" in a loop, it hides the cause: something carries the graphs of earlier iterations along, so
        each iteration is slower than the one before and counts old gradients again.
    """,
    instead="""
        Leave it out. If torch then complains, find what carries the graph over (a hidden state, a running sum) and cut
        it with `.detach()`. Two losses that share a graph are better added and run backward once.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward(retain_graph=True)  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    """,
    detect={GraphRetained: detect},
)
