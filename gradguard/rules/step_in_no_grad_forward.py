"""An optimizer was given a module that only ever runs behind a cut in the graph."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import NeverTrained
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: NeverTrained, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.trained:
        yield Acquittal(event.site)
        return
    name = f"`{event.name}`" if event.name else "the module that is applied here"
    what = event.cut.what if "`" in event.cut.what else f"`{event.cut.what}`"
    switches = event.cut.kind == "mode"
    notes = []
    if event.given_at is not None:
        notes.append((event.given_at, f"`{event.optimizer}` was given its parameters here, to train them"))
    if event.backward is not None:
        notes.append((event.backward, "this backward does not reach them"))
    yield Report(
        event.site,
        f"{name} is never trained, although `{event.optimizer}` has its parameters: "
        + (
            f"it only runs where {what} switches gradients off"
            if switches
            else f"{what} cuts all that is computed with it out of the graph"
        ),
        tuple(notes),
        help=(f"run it outside of {what}" if switches else f"drop {what}")
        + f" if it is to be trained; if it is meant to stay as it is, leave its parameters out of `{event.optimizer}`",
    )


RULE = Rule(
    code="GG403",
    name="step-in-no-grad-forward",
    summary="a module that an optimizer was given only runs without gradients, so it is never trained",
    why="""
        An optimizer skips, in silence, each parameter that has no gradient. If a module always runs under
        `torch.no_grad()`, or its output is always detached, no backward pass reaches its parameters. The rest of the
        model learns, the loss goes down, and this part keeps the values that it began with.
    """,
    instead="""
        Let the module run with gradients if it is to be trained. If it is meant to stay as it is, leave its parameters
        out of the optimizer and freeze them with `requires_grad_(False)`.
    """,
    bad="""
        import torch

        encoder, head = torch.nn.Linear(4, 4), torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
        x, y = torch.randn(8, 4), torch.randn(8, 1)
        for _ in range(5):
            optimizer.zero_grad()
            with torch.no_grad():  # <- here
                features = encoder(x)
            loss = (head(features) - y).pow(2).mean()
            loss.backward()
            optimizer.step()
    """,
    good="""
        import torch

        encoder, head = torch.nn.Linear(4, 4), torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
        x, y = torch.randn(8, 4), torch.randn(8, 1)
        for _ in range(5):
            optimizer.zero_grad()
            features = encoder(x)
            loss = (head(features) - y).pow(2).mean()
            loss.backward()
            optimizer.step()
    """,
    in_run=False,
    detect={NeverTrained: detect},
)
