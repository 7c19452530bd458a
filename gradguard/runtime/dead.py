"""Whether a graph is dead: freed by a backward, or changed by a step since. And how long a chain of sums it is.

Saved tensors are looked at through `_raw_saved_…`: what hooks have packed is left alone, since to unpack it would run
code of the user.
"""

from __future__ import annotations

from typing import Any

import torch

from gradguard.runtime.graph import nodes_below

__all__ = ["chain_length", "is_dead"]

_MOST_NODES = 64
_MOST_LINKS = 4096
_NEAR = 3
_FREED = "backward through the graph a second time"
_MODIFIED = "modified by an inplace operation"

_names: dict[type, tuple[str, ...]] = {}


def is_dead(root: Any) -> bool:
    """Whether the nearest nodes of the graph show that no backward can run through it any more."""
    return any(_is_spent(node) for node in nodes_below([root], _MOST_NODES))


def _is_spent(node: Any) -> bool:
    kind = type(node)
    names = _names.get(kind)
    if names is None:
        names = _names[kind] = tuple(name for name in dir(node) if name.startswith("_raw_saved_"))
    for name in names:
        raw = getattr(node, name)
        data = getattr(raw, "data", _is_spent)
        if data is not None and (type(data) is not torch.Tensor or getattr(raw, "unpack_hook", None) is not None):
            continue
        try:
            getattr(node, name.replace("_raw_saved_", "_saved_", 1))
        except RuntimeError as error:
            said = str(error)
            if _FREED in said or _MODIFIED in said:
                return True
    return False


def chain_length(root: Any) -> int:
    """How many operations like the last one follow each other through the first or the second operand.

    It is 4 for the sum of four losses that was made one by one, and 4 for a moving average of so many.
    """
    return max(_along(root, 0), _along(root, 1))


def _along(root: Any, operand: int) -> int:
    kind = type(root)
    length, node, others = 0, root, 0
    while node is not None and others <= _NEAR and length < _MOST_LINKS:
        if type(node) is kind:
            length, others = length + 1, 0
        else:
            others += 1
        operands = node.next_functions
        if not operands:
            break
        node = operands[min(operand, len(operands) - 1) if type(node) is kind else 0][0]
    return length
