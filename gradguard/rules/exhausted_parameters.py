"""An iterator over parameters is used a second time, when nothing is left in it."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Exhausted
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: Exhausted, ledger: Ledger) -> Iterator[Report]:
    name = f"`{event.name}`" if event.name else "this iterator over parameters"
    what = f", so {event.consumer} gets no parameter at all" if event.consumer else ""
    when = ", in an earlier iteration" if event.spent_at == event.site else ""
    text = f"it is used up here{when}"
    yield Report(
        event.site,
        f"{name} has been run through already and is empty{what}",
        () if event.spent_at is None else ((event.spent_at, text),),
        help="keep a list where it is made: `params = list(model.parameters())`",
        facts={"name": event.name},
    )


RULE = Rule(
    code="GG306",
    name="exhausted-parameters",
    summary="an iterator over parameters is used twice",
    why="""
        `model.parameters()`, `filter(…)` and generator expressions can be run through once. The optimizer that gets one
        uses it up; whatever gets it next (`clip_grad_norm_`, a loop that freezes or initializes, a second optimizer)
        sees no parameters, and mostly does nothing without saying so.
    """,
    instead="""
        Make a list of it, `params = list(model.parameters())`, or call `model.parameters()` again for each use.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        params = model.parameters()
        optimizer = torch.optim.SGD(params, lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        params = list(model.parameters())
        optimizer = torch.optim.SGD(params, lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
    """,
    detect={Exhausted: detect},
)
