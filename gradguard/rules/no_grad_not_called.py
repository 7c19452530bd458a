"""`torch.no_grad` is named where it should be entered: in a `with` without its parentheses, or as a statement."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import ModeNotEntered
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: ModeNotEntered, ledger: Ledger) -> Iterator[Report]:
    what = event.what.removesuffix("()")
    if event.in_with:
        message = f"`with {what}:` lacks the parentheses: a class is no context manager, so this raises"
    elif event.what.endswith("()"):
        message = f"`{event.what}` as a statement does nothing: it makes a context manager that nobody enters"
    else:
        message = f"`{event.what}` is named but not called: it does nothing"
    yield Report(event.site, message, help=f"write `with {what}():` around the code that it is meant for")


RULE = Rule(
    code="GG402",
    name="no-grad-not-called",
    summary="torch.no_grad is written so that it has no effect, or raises",
    why="""
        `torch.no_grad()` only makes a context manager; it takes effect where a `with` enters it. As a statement of its
        own it changes nothing, and evaluation goes on building graphs. `with torch.no_grad:` without the parentheses
        raises. As a decorator, `@torch.no_grad` and `@torch.no_grad()` do the same.
    """,
    instead="""
        `with torch.no_grad():` around the code, `@torch.no_grad()` above the function, or
        `torch.set_grad_enabled(False)` as a statement.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(3, 1)
        with torch.no_grad:  # <- here
            print(model(torch.ones(2, 3)))
        model(torch.ones(2, 3)).sum().backward()
    """,
    good="""
        import torch

        model = torch.nn.Linear(3, 1)
        with torch.no_grad():
            print(model(torch.ones(2, 3)))
        model(torch.ones(2, 3)).sum().backward()
    """,
    raises=True,
    detect={ModeNotEntered: detect},
)
