"""Binding names, attributes and items; updates in place; deletion; patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import conditions, expressions, inplace, keeping, lost, objects, syntax, tensors
from gradguard.static.arithmetic import AUGMENTED
from gradguard.static.index import names_in
from gradguard.static.values import (
    NONE,
    Class,
    Const,
    Cut,
    Function,
    Instance,
    Module,
    Op,
    Opaque,
    Optimizer,
    Package,
    Parameters,
    Seq,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["assign", "delete", "matches", "run_annotated", "run_assign", "run_augmented"]


def run_assign(it: Interpreter, node: cst.Assign) -> str:
    value = it.eval(node.value)
    for target in node.targets:
        assign(it, target.target, value, node)
    return ""


def run_annotated(it: Interpreter, node: cst.AnnAssign) -> str:
    if node.value is not None:
        assign(it, node.target, it.eval(node.value), node)
    return ""


def assign(it: Interpreter, target: cst.CSTNode, value: Value, node: cst.CSTNode) -> None:
    """Bind a target to a value."""
    if type(target) is cst.Name:
        name, scope = target.value, it.frames[-1].scope
        old = scope.find(name)
        if it.loops:
            keeping.bound(it, old, value, name, (id(scope), name), node)
        if old is not None:
            _note_rebinding(it, old, value, name, node)
        if isinstance(value, Tensor):
            _name(value, name)
        elif isinstance(value, Opaque):
            _name_unknown(value, name, name)
        else:
            it.trace.ownership.named(name, value)
        scope.bind(name, value)
    elif type(target) in (cst.Tuple, cst.List):
        _unpack(it, target.elements, value, node)  # type: ignore[attr-defined]
    elif type(target) is cst.Attribute:
        set_attribute(it, it.eval(target.value), target.attr.value, value, target, node)
    elif type(target) is cst.Subscript:
        _set_item(it, target, value, node)
    elif type(target) is cst.StarredElement:
        assign(it, target.value, value, node)


def _name(value: Tensor, name: str) -> None:
    if not value.name:
        value.name = name
    _name_operation(value.op, name)


def _name_operation(op: Op | None, name: str) -> None:
    """The first name, unless another one is what the operation was made from: `h` in `out, h = rnn(x, h)`."""
    if op is None or op.name == name:
        return
    if not op.name or (type(op.node) is cst.Call and name in (given := names_in(op.node)) and op.name not in given):
        op.name = name


def _name_unknown(value: Opaque, name: str, full: str) -> None:
    if not value.bound:
        value.bound = name
    _name_operation(value.op, full)


def _unpack(it: Interpreter, elements: object, value: Value, node: cst.CSTNode) -> None:
    targets = list(elements)  # type: ignore[call-overload]
    star = next((i for i, element in enumerate(targets) if type(element) is cst.StarredElement), None)
    items: list[Value] | None = None
    if isinstance(value, Seq) and (value.exact or len(value.items) >= len(targets)):
        items = list(value.items)
    elif isinstance(value, Module) and value.children:
        items = list(value.children)
    if items is not None and star is None and len(items) == len(targets):
        if _is_recurrent(items):
            state = items[0].op  # type: ignore[attr-defined]
            if state is not None and not state.name:
                state.name = syntax.text(targets[-1].value)  # what may be carried over is the state, which comes last
        for element, item in zip(targets, items, strict=True):
            assign(it, element.value, item, node)
        return
    if items is not None and star is not None and len(items) >= len(targets) - 1:
        after = len(targets) - star - 1
        middle = items[star : len(items) - after]
        for element, item in zip(targets[:star], items, strict=False):
            assign(it, element.value, item, node)
        assign(it, targets[star].value, Seq(middle), node)
        for element, item in zip(targets[star + 1 :], items[len(items) - after :], strict=True):
            assign(it, element.value, item, node)
        return
    for position, element in enumerate(targets):
        hint = element.value.value if type(element.value) is cst.Name else ""
        item = objects.unpacked(it, value, position, hint, node)
        if type(element) is cst.StarredElement:
            item = Seq([item], exact=False)
        assign(it, element.value, item, node)


def _is_recurrent(items: list[Value]) -> bool:
    """Whether these are the output and the state of a recurrent layer."""
    first = items[0] if items else None
    return isinstance(first, Tensor) and first.operation in ("nn.RNN", "nn.LSTM", "nn.GRU")


def _note_rebinding(it: Interpreter, old: Value | None, new: Value, name: str, node: cst.CSTNode) -> None:
    """Mark a new tensor that takes the name of the leaf whose gradient it was computed from."""
    if isinstance(old, Tensor) and isinstance(new, Tensor) and old is not new:
        if new.rebound is not None or new.owners:
            return
        if old.leaf and old.requires_grad:
            lost.mark(it, old, new, name, node)
        if old.rebound is not None and old.op is not None and new.op is not None and old.op in new.op.parents:
            new.rebound, new.rebound_file = old.rebound, old.rebound_file  # it was lost before
        elif old.rebound is not None and new.requires_grad is False and new.grad_of and new.grad_of == old.grad_of:
            new.rebound, new.rebound_file = old.rebound, old.rebound_file  # and is detached now
        elif old.leaf and it.trace.cells(old.owners) & {cell for cell, _ in new.grad_of}:
            new.rebound, new.rebound_file, new.name = node, it.file, name
            if new.requires_grad is False:
                new.cut = Cut("rebound", node, it.file, lost=True)
            lost.note(it, old, name, node)
    elif isinstance(old, Seq) and isinstance(new, Seq) and len(old.items) == len(new.items):
        for before, after in zip(old.items, new.items, strict=True):
            _note_rebinding(it, before, after, name, node)


def set_attribute(
    it: Interpreter, receiver: Value, name: str, value: Value, target: cst.CSTNode, node: cst.CSTNode
) -> None:
    """`receiver.name = value`."""
    if isinstance(receiver, Tensor):
        tensors.set_attribute(it, receiver, name, value, target, node)
        return
    if isinstance(receiver, (Instance, Opaque)):
        held = receiver.attributes if isinstance(receiver, Instance) else receiver.memo
        if not it.trace.retaining.whole:
            it.trace.retaining.expose([value])
        if it.loops and not keeping.is_state(it, receiver, name):
            keeping.bound(it, held.get(name), value, f"{_self_name(target)}.{name}", (receiver.ident, name), node)
    if isinstance(receiver, Instance):
        _note_rebinding(it, receiver.attributes.get(name), value, f"{_self_name(target)}.{name}", node)
        if isinstance(value, Tensor):
            _name(value, f"{_self_name(target)}.{name}")
        elif isinstance(value, Opaque):
            _name_unknown(value, name, f"{_self_name(target)}.{name}")
        receiver.attributes[name] = value
        in_init = any(frame.receiver is receiver and _is_init(frame.function) for frame in it.frames)
        it.trace.ownership.held(receiver, name, value, (it.file, node), in_init=in_init)
    elif isinstance(receiver, Opaque):
        it.trace.ownership.replaced(receiver, name, value, (it.file, node), it.trace.optimizers)
        receiver.memo[name] = value
        it.trace.elsewhere |= it.trace.cells(tensors.reach_of([value]))
    elif isinstance(receiver, (Module, Optimizer)):
        receiver.attributes[name] = value
        if isinstance(receiver, Module) and name in receiver.names:
            receiver.children[receiver.names.index(name)] = value
    elif isinstance(receiver, Class):
        receiver.attributes[name] = value
    elif isinstance(receiver, Package):
        receiver.scope.variables[name] = value


def _is_init(function: Function | None) -> bool:
    return function is not None and function.name == "__init__"


def _self_name(target: cst.CSTNode) -> str:
    return syntax.text(target.value) if type(target) is cst.Attribute else "self"


def _set_item(it: Interpreter, target: cst.Subscript, value: Value, node: cst.CSTNode) -> None:
    receiver = it.eval(target.value)
    key = expressions.key_of(it, target)
    it.trace.ownership.named(syntax.text(target), value)
    if isinstance(receiver, Opaque):
        it.trace.ownership.replaced(receiver, syntax.text(target), value, (it.file, node), it.trace.optimizers)
    if isinstance(receiver, Table):
        if isinstance(key, Const):
            try:
                old = receiver.items.get(key.value)
                _item_bound(it, target, receiver, key.value, value, node)
                receiver.items[key.value] = value
            except TypeError:
                receiver.exact = False
                return
            _note_rebinding(it, old, value, syntax.text(target), node)
            if isinstance(value, Tensor):
                _name(value, syntax.text(target))
        else:
            receiver.exact = False
            keeping.put(it, receiver, value, node, others=receiver.items.values(), name=syntax.text(target.value))
            receiver.items[("unknown", len(receiver.items))] = value
    elif isinstance(receiver, Seq):
        if (
            isinstance(key, Const)
            and isinstance(key.value, int)
            and -len(receiver.items) <= key.value < len(receiver.items)
        ):
            _note_rebinding(it, receiver.items[key.value], value, syntax.text(target), node)
            receiver.items[key.value] = value
        else:
            receiver.exact = False  # it does not grow: the slots were there before
            receiver.items.append(value)
    elif isinstance(receiver, Tensor) and receiver.handle and not _is_everything(key):
        it.trace.escape(receiver.handle)  # a part of the gradient
    elif isinstance(receiver, Tensor):
        _note_item(it, receiver, target, value, node)
        tensors.write(it, receiver, value, node, operation="item assignment")
    elif isinstance(receiver, Module) and isinstance(key, Const) and isinstance(key.value, int):
        if -len(receiver.children) <= key.value < len(receiver.children):
            receiver.children[key.value] = value
    elif isinstance(receiver, Opaque):
        if tensors.in_graph(receiver) or isinstance(value, Tensor) or not isinstance(key, Const):
            _note_item(it, receiver, target, value, node)
        if not isinstance(key, Const):
            return
        try:
            receiver.memo["[]", key.value] = value
        except TypeError:
            return


def _item_bound(
    it: Interpreter, target: cst.Subscript, table: Table, key: object, value: Value, node: cst.CSTNode
) -> None:
    if key in table.items:
        keeping.bound(it, table.items[key], value, syntax.text(target), (id(table), key), node)
    else:
        keeping.put(it, table, value, node, others=table.items.values(), name=syntax.text(target.value))


def _is_everything(key: Value) -> bool:
    return isinstance(key, Const) and key.value in (slice(None), ...)


def _note_item(it: Interpreter, receiver: Value, target: cst.Subscript, value: Value, node: cst.CSTNode) -> None:
    shown = syntax.text(target.value)
    inplace.note_write(it, receiver, node, f"{shown}[…] =" if shown else "[…] =", name=shown, given=(value,))


def run_augmented(it: Interpreter, node: cst.AugAssign) -> str:
    target = node.target
    current = it.eval(target)
    value = it.eval(node.value)
    symbol, compute = AUGMENTED[type(node.operator)]
    if isinstance(current, Tensor) or tensors.in_graph(current):
        inplace.note_write(it, current, node, f"{symbol}=", name=syntax.text(target), given=(value,))
    if isinstance(current, Tensor) and (current.handle or current.base is not None or current.owners):
        tensors.write(it, current, value, node, operation=symbol + "=", augmented=symbol)
        return ""
    if isinstance(current, Seq) and symbol == "+":
        if isinstance(value, Seq):
            keeping.put(it, current, value, node, others=current.items, name=syntax.text(target))
            current.items.extend(value.items)
            current.exact = current.exact and value.exact
        elif isinstance(value, Parameters):
            current.items.append(value)
        else:
            current.exact = False
            current.items.append(Opaque(refs=(value,)))
        return ""
    result = expressions.binary(it, symbol, compute, current, value, node)
    if isinstance(result, Tensor) and (isinstance(current, Tensor) or tensors.in_graph(current)):
        inplace.share(it, result, current)
        inplace.saved_by_update(it, result.op, tensors.SYMBOLS.get(symbol, symbol), current, [current, value])
    if isinstance(result, Const) and isinstance(result.value, int) and it.loops:
        result = Const(result.value, counter=True)
    assign(it, target, result, node)
    return ""


def delete(it: Interpreter, target: cst.BaseExpression, node: cst.CSTNode) -> None:
    if type(target) is cst.Name:
        it.frame.scope.variables.pop(target.value, None)
    elif type(target) is cst.Attribute:
        receiver = it.eval(target.value)
        if isinstance(receiver, Tensor) and target.attr.value == "grad":
            tensors.set_attribute(it, receiver, "grad", NONE, target, node)
        elif isinstance(receiver, (Instance, Module, Optimizer)):
            receiver.attributes.pop(target.attr.value, None)
    elif type(target) is cst.Subscript:
        receiver = it.eval(target.value)
        key = expressions.key_of(it, target)
        keeping.emptied(it, receiver)
        if isinstance(receiver, Seq):
            if isinstance(key, Const) and key.value == slice(None, None, None):
                receiver.items.clear()
                receiver.exact = True
            else:
                receiver.exact = False
        elif isinstance(receiver, Table) and isinstance(key, Const):
            receiver.items.pop(key.value, None)


def matches(it: Interpreter, subject: Value, case: cst.MatchCase) -> bool | None:
    """Whether a case is taken, as far as that is known. Binds the names of its pattern."""
    truth = _pattern(it, subject, case.pattern)
    if truth is not False and case.guard is not None:
        guard = conditions.known_truth(it.eval(case.guard))
        truth = False if guard is False else (truth if guard is True else None)
    return truth


def _pattern(it: Interpreter, subject: Value, pattern: cst.MatchPattern) -> bool | None:
    if type(pattern) is cst.MatchAs:
        if pattern.name is not None:
            it.frame.scope.bind(pattern.name.value, subject)
        return True if pattern.pattern is None else _pattern(it, subject, pattern.pattern)
    if type(pattern) is cst.MatchValue:
        value = it.eval(pattern.value)
        if isinstance(subject, Const) and isinstance(value, Const):
            return bool(subject.value == value.value)
        return None
    if type(pattern) is cst.MatchSingleton:
        return None if not isinstance(subject, Const) else subject.value is it.eval(pattern.value).value  # type: ignore[attr-defined]
    if type(pattern) is cst.MatchOr:
        results = [_pattern(it, subject, element.pattern) for element in pattern.patterns]
        return True if True in results else (None if None in results else False)
    if isinstance(pattern, (cst.MatchList, cst.MatchTuple)):
        for position, element in enumerate(pattern.patterns):
            if type(element) is cst.MatchSequenceElement:
                _pattern(it, objects.unpacked(it, subject, position, "", element), element.value)
        return None
    for child in getattr(pattern, "patterns", ()) or ():
        inner = getattr(child, "value", None) or getattr(child, "pattern", None)
        if type(inner) is cst.MatchPattern:
            _pattern(it, Opaque(), inner)
    return None
