"""Gradients of a scaled loss are clipped before they are unscaled."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import ClipGrad, Unscale
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect_unscaling(event: Unscale, ledger: Ledger) -> Iterator[Report]:
    for gradient in event.gradients:
        state = ledger.gradient(gradient)
        if state.unscaled or state.is_used():
            continue
        for clip, upto in state.clips:
            if 0 < upto == len(state.added) and not clip.late and not clip.served:
                yield Report(
                    clip.site,
                    f"`{clip.name}` clips gradients that are still multiplied by the scale of `{event.name}`",
                    (
                        (state.added[-1].site, "the backward of the scaled loss"),
                        (event.site, "only here are the gradients divided by the scale"),
                    ),
                    help=f"call `{event.name}.unscale_(optimizer)` before clipping",
                )


def detect_clip(event: ClipGrad, ledger: Ledger) -> Iterator[Acquittal]:
    if any(ledger.gradient(gradient).unscaled for gradient in event.gradients):
        yield Acquittal(event.site)


RULE = Rule(
    code="GG108",
    name="clip-scaled-gradients",
    summary="gradients are clipped before the GradScaler has unscaled them",
    why="""
        `GradScaler` multiplies the loss, and so every gradient, by a large factor (65536 at first) and divides by it
        again in `scaler.step()`. A norm limit applied in between compares the limit with the *scaled* norm: nearly
        every gradient is cut to the limit and then divided by the scale, and almost nothing is left of the update.
    """,
    instead="""
        `scaler.scale(loss).backward()`, `scaler.unscale_(optimizer)`, clip, `scaler.step(optimizer)`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu")
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            scaler.scale(loss).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <- here
            scaler.step(optimizer)
            scaler.update()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu")
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
    """,
    detect={Unscale: detect_unscaling, ClipGrad: detect_clip},
)
