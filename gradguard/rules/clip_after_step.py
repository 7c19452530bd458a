"""Gradients are clipped after the step has used them."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import OptimizerStep, ZeroGrad
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect_clearing(event: ZeroGrad, ledger: Ledger) -> Iterator[Report]:
    for gradient in event.gradients:
        state = ledger.gradient(gradient)
        for clip, upto in state.clips:
            if not clip.late or clip.served or clip.site in ledger.idle_clips or upto != len(state.added):
                continue
            use = next(use for use in state.uses.values() if use.upto == upto)
            yield Report(
                clip.site,
                f"`{clip.name}` clips gradients that the step has already used: it has no effect",
                (
                    (use.site, "the step uses the gradients here, before they are clipped"),
                    (event.site, "and here they are cleared"),
                ),
                help="clip between `backward()` and `step()`",
            )


def detect_step(event: OptimizerStep, ledger: Ledger) -> Iterator[Acquittal]:
    for gradient in event.gradients:
        state = ledger.gradient(gradient)
        for clip, upto in state.clips:
            if upto == len(state.added) and not clip.late:
                yield Acquittal(clip.site)


RULE = Rule(
    code="GG106",
    name="clip-after-step",
    summary="gradients are clipped after the step that should have been protected by it",
    why="""
        `clip_grad_norm_` changes `.grad`. After `optimizer.step()` the gradients have done their work, and before the
        next step they are cleared, so clipping them there changes nothing: the training is not clipped at all, and
        explodes as if the line were not there.
    """,
    instead="""
        Clip after `backward()` and before `step()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            optimizer.step()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <- here
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
    detect={ZeroGrad: detect_clearing, OptimizerStep: detect_step},
)
