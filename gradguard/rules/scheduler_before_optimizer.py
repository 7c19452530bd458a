"""A learning rate scheduler goes on before the optimizer has taken its first step."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import SchedulerStep
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: SchedulerStep, ledger: Ledger) -> Iterator[Report | Acquittal]:
    first = ledger.schedules.get(event.scheduler)
    if first is None:
        if event.early is False:
            yield Acquittal(event.site)
        return
    # Called once before the training, or several times on end to resume one, it does what was meant.
    if first.early and not first.conditional and event.early is False and first.site == event.site:
        yield Report(
            event.site,
            f"`{event.name}.step()` runs before `{event.optimizer}.step()`: the first value of the schedule is skipped",
            help=f"call `{event.name}.step()` after the optimizer's step: at the end of the batch or of the epoch",
        )


RULE = Rule(
    code="GG105",
    name="scheduler-before-optimizer",
    summary="a learning rate scheduler steps before the optimizer does",
    why="""
        Since PyTorch 1.1 the scheduler sets the first learning rate when it is made, and `scheduler.step()` sets the
        next one. Called at the top of the loop, it throws the first value away, and every later one comes too
        early: a warm-up starts too high, a milestone comes too soon.
    """,
    instead="""
        Step the optimizer first: `scheduler.step()` belongs at the end of the loop over batches, or of the loop over
        epochs, whichever the schedule counts.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
        for _ in range(3):
            scheduler.step()  # <- here
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
            scheduler.step()
    """,
    detect={SchedulerStep: detect},
)
