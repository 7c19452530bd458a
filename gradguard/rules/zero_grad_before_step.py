"""A gradient is cleared after the backward that made it and before the step that should have used it."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import OptimizerStep
from gradguard.ledger import Clearing, Gradient, Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: OptimizerStep, ledger: Ledger) -> Iterator[Report | Acquittal]:
    states = [ledger.gradient(gradient) for gradient in event.gradients]
    if not states or not all(state.known for state in states):
        return
    wasteful = [state for state in states if _wasted(state)]
    if wasteful and not any(state.added for state in states):
        if event.updater in ledger.idle_steps:
            return
        clearing = wasteful[0].clearing
        assert clearing is not None
        yield _report_nothing_left(event, clearing)
        return
    acquittals = []
    for state in states:
        if not state.added or state.clearing is None:
            continue
        lost = {(addition.site, addition.calls) for addition in state.clearing.lost}
        # Where others had something and lost nothing by that clearing, this one was just in no optimizer before.
        clearings = [other.clearing for other in states if other.added and other.clearing is not None]
        same = all(other.lost or _had_nothing(other, state.clearing) for other in clearings)
        if same and lost and not state.clearing.conditional and lost == {(a.site, a.calls) for a in state.added}:
            yield _report_some_lost(event, state.clearing)
            return
        if not lost:
            acquittals.append(Acquittal(state.clearing.site))
    yield from acquittals


def _had_nothing(other: Clearing, clearing: Clearing) -> bool:
    """Whether a gradient was empty when the other one was cleared: the head of another task, say."""
    return other.empty or (other.site == clearing.site and other.turn < clearing.turn)


def _wasted(state: Gradient) -> bool:
    return state.clearing is not None and bool(state.clearing.lost) and not state.clearing.conditional


def _report_nothing_left(event: OptimizerStep, clearing: Clearing) -> Report:
    return Report(
        clearing.site,
        f"this clears the gradients that the backward has just computed, so `{event.name}.step()` has nothing to apply",
        (
            (clearing.lost[-1].site, "the gradient is computed here"),
            (event.site, "and this step finds it cleared"),
        ),
        help="clear before the backward or after the step, not between the two",
    )


def _report_some_lost(event: OptimizerStep, clearing: Clearing) -> Report:
    return Report(
        clearing.site,
        f"this clears the gradients in every iteration, but `{event.name}.step()` does not run in every iteration: "
        "of the k micro-batches of each step, the gradients of k - 1 are thrown away",
        (
            (clearing.lost[-1].site, "this gradient is lost when no step follows before the next clearing"),
            (event.site, "only the gradients since the last clearing reach this step"),
        ),
        help="clear only where the step is: right after it, in the same branch",
    )


RULE = Rule(
    code="GG102",
    name="zero-grad-before-step",
    summary="gradients are cleared between the backward that made them and the step that should use them",
    why="""
        `zero_grad()` after `backward()` and before `step()` throws the new gradients away: the step then changes
        nothing (or only what momentum and weight decay do), and the loss stays where it is. The same happens to a part
        of the gradients when a loop that accumulates over k micro-batches clears in each of them: those of k - 1 are
        thrown away, and the loop never accumulates. PyTorch says nothing.
    """,
    instead="""
        Clear before the backward, or after the step: `zero_grad()`, `backward()`, `step()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            optimizer.zero_grad()  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    """,
    detect={OptimizerStep: detect},
    story=("backward clear step", "clear backward step"),
    aliases=("zero-grad-every-microbatch",),
)
