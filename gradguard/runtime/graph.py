"""A walk over the nodes of an autograd graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

__all__ = ["leads_to_a_parameter", "nodes_below", "nodes_from"]

_MOST_NODES = 20_000
_FEW_NODES = 200


def nodes_from(roots: Sequence[Any], most: int = _MOST_NODES) -> Iterator[Any]:
    """The nodes below the results of a forward pass, each once, the nearest first."""
    return nodes_below((root.grad_fn for root in roots if isinstance(root, torch.Tensor)), most)


def nodes_below(starts: Iterable[Any], most: int = _MOST_NODES) -> Iterator[Any]:
    """These nodes and those below them, each once, the nearest first, at most about `most`. None is left out."""
    queue = [node for node in dict.fromkeys(starts) if node is not None]
    seen = set(queue)
    for node in queue:
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen and len(seen) < most:
                seen.add(following)
                queue.append(following)


def leads_to_a_parameter(root: torch.Tensor) -> bool:
    """Whether a graph leads to a parameter, or may do so."""
    for count, node in enumerate(nodes_from([root])):
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.nn.Parameter) or count > _FEW_NODES:
            return True
    return False
