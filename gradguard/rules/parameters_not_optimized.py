"""Parameters get gradients and are in no optimizer, or an optimizer has none that ever get one."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Ownership
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Ownership, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.cause not in ("left out", "strangers"):
        return
    if event.owned:
        yield Acquittal(event.site, key=event.made_at)
        return
    name = f"`{event.name}`" if event.name else "another part of the model"
    made = () if event.made_at is None else ((event.made_at, "made here; it gets gradients, and no optimizer has it"),)
    if event.cause == "strangers":
        stepped = () if event.stepped_at is None else ((event.stepped_at, "this step changes nothing"),)
        yield Report(
            event.site,
            f"none of the parameters of `{event.optimizer}` ever gets a gradient: the loss depends on others",
            (*made, *stepped),
            help=f"give `{event.optimizer}` the parameters of the model that the loss is computed with",
            key=event.made_at,
            instead_of=() if event.stepped_at is None else (("step-without-backward", event.stepped_at),),
        )
        return
    yield Report(
        event.site,
        f"{name} gets gradients, but neither `{event.optimizer}` nor any other optimizer has its parameters",
        made,
        help=f"give its parameters to `{event.optimizer}` as well; if it is meant to stay as it is, "
        "freeze it with `requires_grad_(False)`",
        key=event.made_at,
    )


RULE = Rule(
    code="GG303",
    name="parameters-not-optimized",
    summary="the optimizer misses parameters that should be trained",
    why="""
        An optimizer changes only what it was given. If the last layers of a network or the weights of a loss get
        gradients and are in no optimizer, they keep their random values, and the rest of the network learns to get
        along with them. If an optimizer was given the parameters of another model, or of a copy, nothing is trained at
        all. A part that is meant to stay as it is costs less when it is frozen, and is not reported then.
    """,
    instead="""
        Give the optimizer all that is to be trained, `[*encoder.parameters(), *decoder.parameters()]`, or freeze the
        rest with `requires_grad_(False)`.
    """,
    bad="""
        import torch

        encoder, decoder = torch.nn.Linear(2, 4), torch.nn.Linear(4, 2)
        optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)  # <- here
        for _ in range(3):
            optimizer.zero_grad()
            x = torch.ones(4, 2)
            decoder(torch.tanh(encoder(x))).sub(x).pow(2).mean().backward()
            optimizer.step()
    """,
    good="""
        import torch

        encoder, decoder = torch.nn.Linear(2, 4), torch.nn.Linear(4, 2)
        optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            x = torch.ones(4, 2)
            decoder(torch.tanh(encoder(x))).sub(x).pow(2).mean().backward()
            optimizer.step()
    """,
    detect={Ownership: detect},
)
