"""What a finding had to leave open although a run that is traced would tell it."""

from __future__ import annotations

import re

from gradguard.events import Backward, Event, GradRead, GraphRetained, NonFiniteGradient

__all__ = ["left_open"]

_PATH = re.compile(r"[A-Za-z_][\w.]*")


def left_open(event: Event) -> str:
    """The open question of the finding on an event, as it goes on after "to see where"; "" if there is none."""
    if isinstance(event, Backward):
        return _of_backward(event)
    if isinstance(event, GradRead):
        known = event.made_at is not None or event.rebound_at is not None
        # Of an item, or of what a call returns, nothing is known afterwards.
        return "" if known or not _PATH.fullmatch(event.name) else f"`{event.name}` was computed"
    if isinstance(event, GraphRetained) and event.carried.isidentifier() and event.carried_at is None:
        return f"{_named(event.carried, 'it')} was computed"
    if isinstance(event, NonFiniteGradient) and event.made_at is None:
        return f"{_named(event.operation, 'the operation')} was called"
    return ""


def _of_backward(event: Backward) -> str:
    name = _named(event.name, "the loss")
    if event.many:
        elsewhere = _PATH.fullmatch(event.name) is not None  # not in the very statement
        return f"{name} was computed" if event.unreduced is None and event.unreduced_by and elsewhere else ""
    cut = event.cut
    if cut is not None:
        return f"{name} lost its graph" if cut.site is None and cut.kind == "" else ""
    open_node = next((node for node in event.graph if node.site is None), None)
    if open_node is not None and open_node.saved:
        return f"{_named(open_node.saved[0].name, 'the value')} was kept for the backward"
    if open_node is not None:
        return f"{_named(open_node.name, 'that part of the graph')} was computed"
    return ""


def _named(name: str, otherwise: str) -> str:
    return f"`{name}`" if name and "(" not in name else otherwise
