"""Backward passes: from which roots, to which leaves, through which operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from gradguard import events
from gradguard.static import retaining, syntax, tensors
from gradguard.static.shapes import UNKNOWN
from gradguard.static.values import (
    Arguments,
    Const,
    Cut,
    Instance,
    Module,
    Op,
    Opaque,
    Parameters,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter


def keeps_graph(retain: Value | None, create: Value | None) -> bool | None:
    flags = [value.value if isinstance(value, Const) else "?" for value in (retain, create) if value is not None]
    if any(flag is True for flag in flags):
        return True
    if isinstance(retain, Const) and retain.value is False:
        return False
    return None if "?" in flags else False


def backward(it: Interpreter, root: Value, arguments: Arguments, node: cst.CSTNode, *, name: str = "") -> None:
    """`root.backward(gradient, retain_graph, create_graph, inputs)`."""
    if not name and type(node) is cst.Call and type(node.func) is cst.Attribute:
        name = syntax.text(node.func.value)
    gradient = arguments.get(0, "gradient")
    inputs = arguments.get(3, "inputs")
    run_backward(
        it,
        [root],
        node,
        name=name,
        seeded=not tensors.absent(gradient),
        keeps_graph=keeps_graph(
            arguments.get(1, "retain_graph") or arguments.get(-1, "retain_variables"), arguments.get(2, "create_graph")
        ),
        inputs=None if tensors.absent(inputs) else inputs,
        asks=retaining.asked_for(
            arguments.get(1, "retain_graph") or arguments.get(-1, "retain_variables"), arguments.get(2, "create_graph")
        ),
    )


def run_backward(
    it: Interpreter,
    roots: list[Value],
    node: cst.CSTNode,
    *,
    name: str,
    seeded: bool | None,
    keeps_graph: bool | None,
    inputs: Value | None,
    accumulates: bool = True,
    asks: str = "",
) -> None:
    """A backward pass from several roots."""
    if it.grad_enabled and not it.explicit_mode:
        it.mode_known = True
    if keeps_graph and it.loops:  # what an old graph needs may be changed no sooner than in the second turn
        it.loops[-1].turns = max(it.loops[-1].turns, 3)
    for root in walk(roots):
        if not isinstance(root, (Tensor, Opaque)):
            continue
        if isinstance(root, Opaque):
            if root.op is None and not root.detached and (root.parent is None or not root.stable):
                root.op = Op(root.hint or "the loss", node, it.file, saves=True, name=name)
                root.op.parents = ()
            size, unreduced = UNKNOWN, None
        else:
            if root.op is None and root.requires_grad is not False and not root.leaf and not root.owners:
                root.op = Op(root.operation or "the loss", node, it.file, saves=True, name=name)
            size = root.size
            unreduced = ((root.file, root.unreduced[0]), root.unreduced[1]) if root.unreduced else None
        facts = _facts(it, root, trains=accumulates and inputs is None)
        it.trace.retaining.passed(it, root, node, name, asks)
        only: frozenset[int] | None = None
        through: frozenset[int] | None = None
        if inputs is not None:
            targets: list[Value] = [
                v for v in walk([inputs]) if isinstance(v, (Tensor, Opaque, Parameters, Module, Instance))
            ]
            only = it.trace.cells(tensors.reach_of(targets) | {v for v in targets if isinstance(v, Opaque)})
            through = _between(root.op, targets) if root.op is not None else frozenset()
        it.trace.backward(
            node,
            it.file,
            name=name,
            op=root.op,
            reach=tensors.reach_of([root]),
            only=only,
            keeps_graph=keeps_graph,
            accumulates=accumulates,
            many=size.many,
            shape=size.describe(),
            unreduced=unreduced,
            seeded=seeded,
            facts=facts,
            # Of a backward that fails or reaches nothing, only its place in the order of calls is wanted.
            wild=(isinstance(root, Opaque) and not root.reach) or bool(facts.get("cut")),
            through=through,
        )


def _facts(it: Interpreter, root: Tensor | Opaque, *, trains: bool) -> dict[str, Any]:
    """Whether the root surely has no graph, is nothing but a leaf, or has terms without a graph."""
    if it.expected:
        return {}
    name = root.name if isinstance(root, Tensor) else root.bound
    if isinstance(root, Opaque):
        if root.cut is not None and root.cut.lost and root.op is None:
            return {"requires_grad": False, "cut": _told(root.cut, name)}
    elif root.requires_grad is False and root.cut is not None and (root.cut.lost or _is_all_seen(it)):
        return {"requires_grad": False, "cut": _told(root.cut, name)}
    elif trains and root.requires_grad and root.op is None and root.leaf and root.releaf is not None:
        maker, cut = root.releaf
        if cut is not None and cut.lost:
            return {"requires_grad": True, "leaf": _told(maker, name), "cut": _told(cut, name)}
    if root.op is None:
        return {}
    managed = it.trace.managed()
    hacked = _hacked_leaf(root, managed) if trains else None
    if hacked is not None:
        return {"requires_grad": True, "leaf": _told(hacked[0], hacked[2]), "cut": _told(hacked[1], "")}
    dead = dict.fromkeys(cut for op in _summed(root.op) for cut in op.dead if it.trace.cells(cut.of) & managed)
    return {"requires_grad": True, "dead": tuple(_told(cut, "") for cut in dead)}


def _is_all_seen(it: Interpreter) -> bool:
    """Whether what seems to need no gradient surely needs none: no attribute that others set, no unwritten model."""
    optimizers = (optimizer for optimizer in it.trace.optimizers if not optimizer.loose)
    return not it.trace.imagined and all(it.trace.cells(optimizer.owners) for optimizer in optimizers)


# How a loss is cut off. A detached input that is made a leaf may be what an attack moves.
_LOSSES_OWN = frozenset({"discrete", "number", "rewrap"})


def _hacked_leaf(root: Tensor | Opaque, managed: frozenset[int]) -> tuple[Cut, Cut, str] | None:
    """What made a leaf of predicted classes or of losses, if a root depends on nothing else."""
    found = None
    for owner in tensors.reach_of([root]):
        if not isinstance(owner, Tensor) or owner.releaf is None or owner.ident in managed:
            return None
        maker, cut = owner.releaf
        if cut is None or cut.kind not in _LOSSES_OWN or not cut.lost:
            return None
        found = maker, cut, owner.name
    return found


def _told(cut: Cut, name: str) -> events.Cut:
    site = (cut.file, cut.node) if cut.node is not None else None
    return events.Cut(kind=cut.kind, site=site, what=cut.what, name=name, lost=cut.lost)


def _summed(root: Op) -> Iterator[Op]:
    """The operations from the root down that only add up and scale."""
    seen = {root.ident}
    queue = [root]
    for op in queue:
        if op.linear and len(seen) < 400:
            yield op
            queue.extend(parent for parent in op.parents if parent.ident not in seen)
            seen.update(parent.ident for parent in op.parents)


def _between(root: Op, targets: list[Value]) -> frozenset[int]:
    """The operations on a path from the root to one of the inputs; only these run and are freed."""
    owners: set[int] = set()
    ends: set[int] = set()
    for value in targets:
        if isinstance(value, Tensor) and value.op is not None:
            ends.add(value.op.ident)
        for owner in tensors.reach_of([value]) if not isinstance(value, Tensor) else value.owners:
            owners.add(id(owner))
        if isinstance(value, Parameters):
            owners.update(id(o) for o in value.owners)
    order: list[Op] = []
    seen: set[int] = set()
    stack = [root]
    while stack and len(order) < 4000:
        op = stack.pop()
        if op.ident in seen:
            continue
        seen.add(op.ident)
        order.append(op)
        stack.extend(op.parents)
    wanted: set[int] = set()
    changed = True
    while changed:
        changed = False
        for op in order:
            if op.ident in wanted or op.ident in ends:
                continue
            if any(id(leaf) in owners for leaf in op.leaves) or any(
                parent.ident in wanted or parent.ident in ends for parent in op.parents
            ):
                wanted.add(op.ident)
                changed = True
    return frozenset(wanted)
