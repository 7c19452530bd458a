"""A statement names `optimizer.step` or its kin and forgets to call it."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import UncalledMethod
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule

_EFFECT = {
    "zero_grad": "the gradients are not cleared",
    "backward": "no gradient is computed",
    "step": "nothing is updated",
    "update": "the scale is not updated",
    "unscale_": "the gradients stay scaled",
}


def detect(event: UncalledMethod, ledger: Ledger) -> Iterator[Report]:
    call = f"{event.receiver}.{event.method}"
    effect = _EFFECT.get(event.method, "it does nothing")
    yield Report(
        event.site,
        f"`{call}` is named but not called: {effect}",
        help=f"write `{call}()`" if event.method != "unscale_" else f"write `{call}(optimizer)`",
        instead_of=(("step-without-backward", event.site),),  # what would follow from the call that is missing
    )


RULE = Rule(
    code="GG401",
    name="uncalled-method",
    summary="a training method is named as a statement but not called",
    why="""
        A statement `optimizer.step` only looks the method up. Nothing runs, nothing is raised, and the loss does not
        move.
    """,
    instead="""
        Add the parentheses: `optimizer.step()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step  # <- here
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    detect={UncalledMethod: detect},
)
