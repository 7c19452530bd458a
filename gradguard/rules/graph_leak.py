"""A loop keeps the graphs of all of its turns: a loss is summed or collected with its graph."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import GraphKept
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule

# A buffer of so few values is no leak, whatever it holds.
_FEW = 50


def detect(event: GraphKept, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if not event.grows or (event.bound is not None and event.bound < _FEW):
        yield Acquittal(event.site)
        return
    value = f"`{event.value}`" if event.value else "what is added" if event.kind == "sum" else "what is put there"
    holder = f"`{event.holder}`" if event.holder else "it"
    if event.kind == "sum":
        by = f"grows by the graph of {value}" if event.value else "is computed from its old value, and grows by a graph"
        what = f"{holder} {by} in every iteration: none of them is released, and memory grows"
        repair = f"add a number: `{event.value}.item()`, or `{event.value}.detach()`"
    else:
        what = f"{holder} keeps {value} of every iteration together with its graph: none is released, and memory grows"
        repair = f"put a value without a graph there: `{event.value}.item()`, or `{event.value}.detach()`"
    if not event.value.replace(".", "").replace("_", "").isalnum():
        repair = "keep a number (`.item()`) or a tensor without a graph (`.detach()`)"
    if event.evaluating:
        repair = "evaluate under `with torch.no_grad():`, or put `@torch.no_grad()` above the function"
    facts = {"value": event.value, "holder": event.holder}
    yield Report(event.site, what, help=repair, facts=facts)


RULE = Rule(
    code="GG209",
    name="graph-leak",
    summary="losses or outputs are summed or collected together with their graphs",
    why="""
        A loss carries the graph that it was computed with. `total += loss` makes `total` a result of all losses so far,
        and a list of losses holds them all. No backward can run through these graphs any more, and yet they stay in
        memory, with all intermediate results where no backward has freed those. The run ends with "out of memory".
    """,
    instead="""
        Keep numbers: `total += loss.item()`, or `total += loss.detach()`, which does not wait for a GPU. The same goes
        for outputs that are collected for a metric. An evaluation needs no graphs at all: run it under
        `torch.no_grad()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        total = 0.0
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss  # <- here
        print(total / 5)
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        total = 0.0
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(total / 5)
    """,
    detect={GraphKept: detect},
)
