"""Graphs that a backward was told to keep: did a later pass go through them, and what do they carry along?

A mark in the metadata of their nodes tells. It holds nothing but numbers, and dies with the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import GraphRetained
from gradguard.runtime import text
from gradguard.runtime.diagnosis import carried_name
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_MOST_NODES = 3000
_MOST_WALKS = 64
_MOST_PASSES = 16  # of one call site
_ENOUGH = 3
_TURNS = 3
_KEY = "gradguard retained"


@dataclass(slots=True)
class _Site:
    """What is known of one call that keeps its graph."""

    asks: str
    name: str
    passes: int = 0
    used: bool = False
    unknown: bool = False
    carried: str = ""
    carried_at: Any = None
    told: bool = False


class _Retaining(Watcher):
    what = "graphs that are retained"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._sites: dict[Instruction | None, _Site] = {}
        self._owners: dict[int, Instruction | None] = {}  # of each marked pass
        self._passes = 0
        self._walks = 0

    def entering(self, call: BackwardCall) -> None:
        site = self._site_of(call)
        if not self._sites or self._walks > _MOST_WALKS:
            return
        if site is None and all(one.used or one.unknown for one in self._sites.values()):
            return
        self._walks += 1
        nodes = list(nodes_from(call.roots, _MOST_NODES))
        if len(nodes) >= _MOST_NODES:
            for one in self._sites.values():
                one.unknown = True
            return
        met: dict[int, Any] = {}
        for node in nodes:
            number = node.metadata.get(_KEY)
            if number is not None:
                met.setdefault(number, node)
        for number in met:
            owner = self._sites.get(self._owners[number])
            if owner is not None:
                owner.used = True
        if site is None:
            return
        own = sorted(number for number in met if self._owners[number] == call.here)
        if site.asks == "retain" and len(own) >= _TURNS and not site.carried:
            self._carries(call, site)
        site.passes += 1
        if site.passes <= _MOST_PASSES:
            self._passes += 1
            self._owners[self._passes] = call.here
            if site.asks == "retain":
                self._mark(nodes, self._passes)

    def left(self, call: BackwardCall) -> None:
        """With `create_graph`, it is the graph of the gradients that counts."""
        site = self._sites.get(call.here)
        if site is None or site.asks != "create" or not call.creates_graph:
            return
        for node in nodes_from(call.roots, _MOST_NODES):
            grad = getattr(getattr(node, "variable", None), "grad", None)
            if isinstance(grad, torch.Tensor) and grad.grad_fn is not None:
                self._mark([grad.grad_fn], self._passes)

    def unsettled(self) -> bool:
        """What goes through a kept graph while nobody looks would not be seen."""
        return any(not (site.used or site.unknown or site.told) for site in self._sites.values())

    def _site_of(self, call: BackwardCall) -> _Site | None:
        """The record of a call of the user that asks for the graph; torch's own (`autograd.grad`) is not meant."""
        if not (call.keeps_graph and call.adds) or call.here is None:
            return None
        site = self._sites.get(call.here)
        if site is None:
            code = self.guard.sites.codes[call.here.code]
            asks = text.keywords_that_are_true(code, call.here.offset) & {"retain_graph", "create_graph"}
            if not asks:
                return None
            name = text.receiver(code, call.here.offset, "backward")
            site = _Site("create" if "create_graph" in asks else "retain", name)
            self._sites[call.here] = site
        return site

    def _mark(self, nodes: Sequence[Any], number: int) -> None:
        for node in nodes:
            if not hasattr(node, "variable"):  # what a parameter adds its gradients with lives on
                node.metadata.setdefault(_KEY, number)

    def _carries(self, call: BackwardCall, site: _Site) -> None:
        """Three passes from one place ran through each other's new parts: something is carried from turn to turn."""
        frame = call.frame
        for candidate in nodes_from(call.roots, _MOST_NODES):
            number = candidate.metadata.get(_KEY)
            if number is None:
                continue
            name = carried_name(candidate, frame, self.guard.sites)
            if name:
                site.carried = name
                site.carried_at = self.guard.places.made(candidate)
                break
        site.carried = site.carried or "the loop"
        if site.carried_at is None and frame is not None and site.carried.isidentifier():
            site.carried_at = text.assignment(frame.f_code, site.carried, None)

    def finish(self) -> None:
        for here, site in self._sites.items():
            enough = site.passes >= _ENOUGH
            if site.told or site.unknown or not enough:
                continue
            site.told = True
            self.guard.emit(
                GraphRetained(
                    site=here,
                    name=site.name,
                    asks=site.asks,
                    used=site.used,
                    carried=site.carried,
                    carried_at=site.carried_at,
                )
            )


WATCHER = _Retaining
