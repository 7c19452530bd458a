"""Parameters, and the optimizers that own them: known ones, and what is taken for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import modules, ownership, syntax, tensors
from gradguard.static.values import (
    NONE,
    Arguments,
    Bound,
    Function,
    Instance,
    Module,
    Opaque,
    Optimizer,
    Owner,
    Parameters,
    Seq,
    Stream,
    Table,
    Tensor,
    Value,
    walk,
)
from gradguard.static.words import Words

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter


_OPTIMIZER_NAME = Words(
    r"(^|_|\b)(opt|optim|optimi[sz]er|optim[a-z]*|adam|adamw|sgd|rmsprop|lbfgs|adagrad)s?(_|\d|$)|optim(izer|iser)?s?$",
    re.IGNORECASE,
)


_STEPS_TOO = Words(r"sched|env|prof", re.IGNORECASE)
_NOT_OPTIMIZER = Words(
    r"sched|lr_|env|scaler|prof|engine|accelerator|fabric|bar|strategy|state|config|args", re.IGNORECASE
)


def parameter(it: Interpreter, parameters: Parameters) -> Value:
    """One parameter that stands for all of an iterable of parameters."""
    frozen = {is_frozen(owner) for owner in parameters.owners}
    tensor = Tensor(
        requires_grad=False if frozen == {True} else (True if frozen <= {False} and frozen else None),
        leaf=True,
        owners=parameters.owners,
        partial=parameters.partial,
    )
    if len(parameters.owners) == 1 and isinstance(parameters.owners[0], Tensor):
        return parameters.owners[0]
    return Seq([Opaque("name"), tensor], kind="tuple") if parameters.pairs else tensor


def run_through(it: Interpreter, parameters: Parameters, node: cst.CSTNode, consumer: str) -> None:
    """An iterator over parameters is used up, if it is one."""
    ownership.consume(it, parameters, node, consumer)


def one_of(it: Interpreter, item: Value) -> Value:
    """An item of a list; where the list was built from `*model.parameters()`, one parameter for all of them."""
    return parameter(it, item) if isinstance(item, Parameters) else item


def is_frozen(owner: Owner) -> bool | None:
    if isinstance(owner, Tensor):
        return None if owner.requires_grad is None else not owner.requires_grad
    return owner.frozen if not isinstance(owner, Opaque) else bool(owner.frozen)


def parameters_of(it: Interpreter, value: Value, *, pairs: bool = False) -> Parameters:
    """`value.parameters()`."""
    if isinstance(value, Opaque):
        value.parameters = True
        return Parameters((value,), pairs, stream=Stream())
    if isinstance(value, (Module, Instance)):
        return Parameters((value,), pairs, stream=Stream())
    return Parameters((), pairs)


def as_parameters(it: Interpreter, value: Value) -> Parameters | None:
    """The parameters in a value that is given to an optimizer; None if some of it is unknown."""
    owners: list[Owner] = []
    known = owners_in(it, value, owners, 0)
    partial = any(isinstance(v, (Parameters, Tensor)) and v.partial for v in walk([value]))
    return Parameters(tuple(dict.fromkeys(owners)), partial=partial) if known else None


def subset(parameters: Parameters) -> tuple[Owner, ...]:
    """What an optimizer owns that was given some of the parameters of a module: a part of it."""
    parts: list[Owner] = []
    for owner in parameters.owners:
        if isinstance(owner, Tensor):
            parts.append(owner)
            continue
        part = Opaque("subset", parameters=True, parent=owner if isinstance(owner, Opaque) else None)
        key = f"subset {part.ident}"
        if isinstance(owner, Opaque):
            owner.memo[key] = part
        else:
            within: list[Value] = [owner]
            modules.descend(owner, within, 6)
            for module in within:
                module.attributes[key] = part  # type: ignore[attr-defined]
        parts.append(part)
    return tuple(parts)


def owners_in(it: Interpreter, value: Value, owners: list[Owner], depth: int) -> bool:
    if depth > 5:
        return False
    if isinstance(value, Parameters):
        owners.extend(value.owners)
        return True
    if isinstance(value, Tensor):
        owners.extend(value.owners)
        return bool(value.owners) or value.requires_grad is False
    if isinstance(value, Seq):
        results = [owners_in(it, item, owners, depth + 1) for item in value.items]
        return all(results) and (value.exact or bool(value.items))
    if isinstance(value, Table):
        if "params" in value.items:
            return owners_in(it, value.items["params"], owners, depth + 1)
        results = [owners_in(it, item, owners, depth + 1) for item in value.items.values()]
        return all(results) and bool(results)
    if isinstance(value, Module):
        owners.append(value)
        return True
    if isinstance(value, Opaque) and value.called in ("filter", "enumerate", "zip", "chain", "iter"):
        results = [owners_in(it, ref, owners, depth + 1) for ref in value.refs]
        return all(results) and bool(results)
    if isinstance(value, Opaque):
        for ref in value.refs:
            owners_in(it, ref, owners, depth + 1)
    return False


def grad_is_none(it: Interpreter, handle: Tensor) -> bool | None:
    """Whether `.grad` is None now: after clearing or before any backward, as far as the history is known."""
    states = [it.trace.ledger.gradient(cell) for cell in it.trace.cells(handle.handle)]
    if states and all(state.known and not state.added for state in states):
        return True if all(state.clearing is None for state in states) else None
    return False


def receiver_name(node: cst.CSTNode) -> str:
    if type(node) is cst.Call:
        node = node.func
    return syntax.text(node.value) if type(node) is cst.Attribute else ""


def optimizer_method(
    it: Interpreter, optimizer: Optimizer, name: str, arguments: Arguments, node: cst.CSTNode
) -> Value:
    shown = receiver_name(node) or "optimizer"
    if name == "step":
        closure = arguments.get(0, "closure")
        if isinstance(closure, (Function, Bound)):
            result: Value = NONE
            for _ in range(2 if optimizer.kind == "LBFGS" else 1):
                result = it.call(closure, Arguments(), node)
                it.trace.step(node, it.file, shown, optimizer)
            return result
        if not tensors.absent(closure):
            it.trace.escape(optimizer.owners, [optimizer])
            return Opaque()
        if optimizer.own_step:  # it may take its gradients from elsewhere
            it.trace.may_add(optimizer.owners, loose=optimizer.loose)
        it.trace.step(node, it.file, shown, optimizer)
        if optimizer.kind == "clears itself":
            it.trace.escape(optimizer.owners, [optimizer])
        return NONE
    if name == "zero_grad":
        it.trace.optimizer_zero_grad(node, it.file, shown, optimizer)
        return NONE
    if name == "add_param_group":
        group = arguments.get(0)
        found = as_parameters(it, group) if group is not None else None
        if group is not None:
            ownership.consume(it, group, node, "add_param_group")
        if found is not None:
            for owner in found.owners:
                it.trace.ownership.added_at.setdefault(owner.ident, (it.file, node))
            it.trace.give(optimizer, found.owners)
            optimizer.owners.extend(owner for owner in found.owners if owner not in optimizer.owners)
        else:
            optimizer.loose = True
        return NONE
    return Opaque(name)


def looks_like_optimizer(it: Interpreter, value: Opaque) -> bool:
    """By name, by where it came from, or because the file clears it as well."""
    if value.optimizer:
        return True
    name = value.hint or value.attribute or value.bound
    if value.bound and not value.stable and not _OPTIMIZER_NAME.search(name):
        name = value.bound
    if not name or _NOT_OPTIMIZER.search(name):
        return bool(name) and name in it.file.zeroed and not _STEPS_TOO.search(name)
    return _OPTIMIZER_NAME.search(name) or name in it.file.zeroed


def optimizer_of(it: Interpreter, value: Opaque) -> Optimizer:
    """The optimizer that an unknown value is taken for: which parameters it owns is not known."""
    known = value.memo.get("optimizer ")
    if not isinstance(known, Optimizer):
        # What a wrapper (an engine's, a privacy guard's) makes of an optimizer steps for that optimizer.
        wrapped = {id(ref): ref for ref in walk(value.refs) if isinstance(ref, Optimizer)}
        if len(wrapped) == 1:
            known = value.memo["optimizer "] = next(iter(wrapped.values()))
            value.optimizer = True
            return known
        known = Optimizer("", [], ("unknown", _path(value)), loose=True)
        value.memo["optimizer "] = known
        value.optimizer = True
        it.trace.add_optimizer(known)
    return known


def _path(value: Opaque) -> str:
    """A name for something unknown that is the same in every execution."""
    names = [value.hint]
    while value.parent is not None and len(names) < 8:
        value = value.parent
        names.append(value.hint)
    return ".".join(reversed(names))


def is_optimizer(it: Interpreter, value: Value | None) -> bool:
    return isinstance(value, Optimizer) or (isinstance(value, Opaque) and looks_like_optimizer(it, value))


def held_optimizers(it: Interpreter, value: Value, depth: int = 3) -> Iterator[Optimizer]:
    """The optimizers that code which holds this value can reach."""
    if isinstance(value, Optimizer):
        yield value
    elif isinstance(value, Opaque):
        known = value.memo.get("optimizer ")
        if isinstance(known, Optimizer):
            yield known
        if depth:
            for child in (*value.memo.values(), *value.refs):
                if child is not known:
                    yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, (Seq, Table)) and depth:
        for child in value.items if isinstance(value, Seq) else value.items.values():
            yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, Instance) and depth:
        children = list(value.attributes.values())
        if value.unknown is not None:
            children.append(value.unknown)
        for child in children:
            yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, Bound) and depth:
        yield from held_optimizers(it, value.receiver, depth - 1)
