"""The name of a parameter is rebound to the result of its own update, so the parameter is lost."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import GradRead, LostParameter, LostUpdate
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: GradRead, ledger: Ledger) -> Iterator[Report]:
    if event.rebound_at is None or (event.is_leaf and event.requires_grad) or event.retains_grad:
        return
    name = event.name or "w"
    now = "is not a leaf" if event.requires_grad else "does not require grad"
    yield Report(
        event.rebound_at,
        f"this makes `{name}` a new tensor that {now}; the parameter is lost and `.grad` will be None",
        ((event.site, f"the gradient of the new `{name}` is read here"),),
        help=f"update in place: `with torch.no_grad(): {name} -= lr * {name}.grad`",
        facts={"name": event.name},
        instead_of=(("graph-leak", event.rebound_at),),
    )


def detect_lost(event: LostUpdate, ledger: Ledger) -> Iterator[Report]:
    what = "the variable of the loop" if event.of_loop else "a name of this function"
    yield Report(
        event.site,
        f"this binds `{event.name}`, {what}, to a new tensor that nothing uses; the parameter itself is not updated",
        help=f"update in place: `with torch.no_grad(): {event.name} -= lr * {event.name}.grad`",
    )


def detect_stepped(event: LostParameter, ledger: Ledger) -> Iterator[Report]:
    yield Report(
        event.site,
        f"this makes `{event.name}` a new tensor, but `{event.optimizer}` keeps the old one, which no loss uses now",
        ((event.stepped_at, f"so this step finds no gradient, and the new `{event.name}` is never updated"),),
        help=f"change it in place: `with torch.no_grad(): {event.name}.clamp_(…)`, or `{event.name}.copy_(…)`",
        instead_of=(("step-without-backward", event.stepped_at),),
    )


RULE = Rule(
    code="GG302",
    name="parameter-rebound",
    summary="a parameter's name is rebound to the result of its update",
    why="""
        `w = w - lr * w.grad` does not change the parameter; it binds the name to a new tensor. With grad mode on, the
        new tensor is the result of an operation and no leaf; under `no_grad` it does not require grad at all. Either
        way `w.grad` is None from then on, and training fails or stops in silence. In `for p in model.parameters():` the
        statement `p = p - lr * p.grad` changes nothing but the variable of the loop: the model stays as it is. And an
        optimizer holds the tensor that it was given: after `w = w.clamp(0, 1)` it goes on with one that no loss uses.
    """,
    instead="""
        Change the parameter in place under `torch.no_grad()`: `w -= lr * w.grad`, or make a new leaf on purpose:
        `w = (w - lr * w.grad).detach().requires_grad_()`.
    """,
    bad="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(2):
            w.pow(2).sum().backward()
            with torch.no_grad():
                w = w - 0.1 * w.grad  # <- here
            w.grad.zero_()
    """,
    good="""
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(2):
            w.pow(2).sum().backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
            w.grad.zero_()
    """,
    raises=True,
    detect={GradRead: detect, LostUpdate: detect_lost, LostParameter: detect_stepped},
)
