"""Gradients are clipped before the backward that computes them, or before the last of several."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import OptimizerStep
from gradguard.ledger import Clip, Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: OptimizerStep, ledger: Ledger) -> Iterator[Report | Acquittal]:
    states = [ledger.gradient(gradient) for gradient in event.gradients]
    full = {clip.site for state in states for clip, upto in state.clips if 0 < upto == len(state.added)}
    for site in full:
        yield Acquittal(site, key="idle")
    partial: dict[object, int] = {}
    for clip in ledger.partly_clipped(event.gradients):
        later = _later(clip, event, ledger)
        if clip.idle:
            if clip.site not in full:
                yield _report_idle(event, clip, later)
        elif not event.conditional:
            # One such step may be the exception: a batch that was skipped, say.
            seen = partial[clip.site] = partial.get(clip.site, 0) + 1
            if ledger.partial_clips.get(clip.site, 0) + seen >= 2:
                yield _report_partial(event, clip, later)


def _later(clip: Clip, event: OptimizerStep, ledger: Ledger) -> object:
    """The first backward that added to the gradients after they had been clipped."""
    for gradient in event.gradients:
        state = ledger.gradient(gradient)
        for other, upto in state.clips:
            if other is clip and upto < len(state.added):
                return state.added[upto].site
    return None


def _report_idle(event: OptimizerStep, clip: Clip, later: object) -> Report:
    return Report(
        clip.site,
        f"`{clip.name}` runs before the backward: there is no gradient to clip yet",
        (
            (later, "the gradients are computed here"),
            (event.site, f"and `{event.name}.step()` uses them as they are, not clipped"),
        ),
        help="clip between `backward()` and `step()`",
        key="idle",
    )


def _report_partial(event: OptimizerStep, clip: Clip, later: object) -> Report:
    return Report(
        clip.site,
        f"`{clip.name}` clips a gradient that is not complete: another backward adds to it before "
        f"`{event.name}.step()`",
        (
            (later, "this backward adds to the gradients that have been clipped"),
            (event.site, "only here is their sum used"),
        ),
        help="clip once, after the last `backward()` and right before `step()`",
        key="partial",
    )


RULE = Rule(
    code="GG107",
    name="clip-before-backward",
    summary="gradients are clipped before the backward that computes them, or between two that add up",
    why="""
        `clip_grad_norm_` changes the gradients that are there at that moment. Before `backward()` there are none, so
        nothing is clipped. When gradients are accumulated over several backward passes, clipping after each of them
        rescales the sum so far and then adds to it: the parts no longer weigh the same, and what the step uses is not
        bounded as it was meant to be.
    """,
    instead="""
        Clip once for each step: after the last `backward()` and right before `step()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <- here
            loss.backward()
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    """,
    detect={OptimizerStep: detect},
)
