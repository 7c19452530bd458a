"""Where things were made, cut and changed: known only in a run that is traced."""

from __future__ import annotations

from typing import Any

from gradguard.events import Cut
from gradguard.runtime.sites import Instruction

__all__ = ["Places"]


class Places:
    """What an ordinary run knows, which is nothing. `Tracer` answers in a run that is traced."""

    traced = False

    def made(self, node: Any) -> Instruction | None:
        """Where the operation of a node of a graph was called."""

    def cut(self, tensor: Any) -> Cut | None:
        """What keeps a tensor out of the graph that it was computed from."""

    def leaf(self, tensor: Any) -> tuple[Cut, Cut] | None:
        """What made a leaf of a tensor that had lost its graph, and where it had lost it."""

    def written(self, tensor: Any, saved: int) -> tuple[Instruction, str] | None:
        """Where the storage was first changed after the given version, and by what."""
