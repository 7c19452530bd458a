"""What the builtins and the standard library do, as far as gradients are concerned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import assignment, cuts, expressions, loops, objects, optimizers, ownership, tensors
from gradguard.static.arithmetic import BINARY
from gradguard.static.values import (
    FALSE,
    MADE,
    NONE,
    TRUE,
    Arguments,
    Class,
    Const,
    External,
    Instance,
    Module,
    Opaque,
    Parameters,
    Partial,
    Seq,
    Stream,
    Table,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["STANDARD"]

Handler = Callable[["Interpreter", Arguments, cst.CSTNode], Value]


def _range(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    given = arguments.positional
    memo: dict[object, Value] = {}
    if len(given) == 1:
        memo = {"stop": given[0]}
    elif len(given) >= 2:
        memo = {"start": given[0], "stop": given[1]}
        if len(given) == 3:
            memo["step"] = given[2]
    return Opaque("range", called="range", memo=memo)


def _lazily(name: str) -> Callable[[Interpreter, Arguments, cst.CSTNode], Value]:
    def make(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
        refs = tuple(objects.consumed(it, value) for value in arguments.positional)
        memo: dict[object, Value] = {}
        start = arguments.get(1, "start")
        if name == "enumerate" and start is not None:
            memo["start"], refs = start, refs[:1]
        if not refs or arguments.open:
            return Opaque(name, refs=refs)
        return Opaque(name, called=name, refs=refs, memo=memo)

    return make


def _listed(kind: str) -> Callable[[Interpreter, Arguments, cst.CSTNode], Value]:
    def make(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
        if not arguments.positional:
            return Seq([], kind=kind)
        value = objects.consumed(it, arguments.positional[0])
        if isinstance(value, Seq):
            return Seq(list(value.items), value.exact, kind)
        if isinstance(value, Parameters):
            ownership.consume(it, value, node, kind)
            return Parameters(value.owners, value.pairs, value.partial)
        if isinstance(value, Module) and value.children:
            return Seq(list(value.children), kind=kind)
        if isinstance(value, Table):
            return Seq([Const(key) for key in value.items], value.exact, kind)
        if isinstance(value, Opaque) and value.called in ("filter", "chain", "map", "zip", "enumerate"):
            joined = optimizers.as_parameters(it, value)
            if joined is not None and joined.owners:
                return joined
        if isinstance(value, Opaque) and value.called in ("range", "zip", "enumerate", "map"):
            items = loops.iterate(it, value, "", node, hot=True)
            count = items.limit if items.limit <= 6 else items.turns
            return Seq([items.item(turn) for turn in range(count)], items.limit <= 6, kind)
        return Opaque(kind, refs=(value,), reach=tensors.reach_of([value]))

    return make


def _dict_call(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    table = Table(
        {key: value for key, value in arguments.keywords.items() if key not in ("*", "**")}, not arguments.open
    )
    first = arguments.get(0)
    if isinstance(first, Table):
        table.items = {**first.items, **table.items}
        table.exact = table.exact and first.exact
    elif isinstance(first, Seq) and all(isinstance(i, Seq) and len(i.items) == 2 for i in first.items):
        for pair in first.items:
            assert isinstance(pair, Seq)
            key = pair.items[0]
            table.items[key.value if isinstance(key, Const) else ("unknown", len(table.items))] = pair.items[1]
    elif first is not None:
        table.exact = False
    return table


def _deque(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    most = arguments.get(1, "maxlen")
    made = _listed("list")(it, Arguments(arguments.positional[:1]), node)
    if isinstance(made, Seq) and most is not None and not (isinstance(most, Const) and most.value is None):
        made.limit = most.value if isinstance(most, Const) and isinstance(most.value, int) else 0
    return made


def _defaultdict(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    factory = arguments.get(0)
    return Table({}, factory=factory)


def _sum(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = objects.consumed(it, arguments.positional[0]) if arguments.positional else NONE
    start = arguments.get(1, "start")
    items = value.items if isinstance(value, Seq) else list(value.items.values()) if isinstance(value, Table) else None
    if items is None:
        return Opaque("sum", refs=(value,), reach=tensors.reach_of([value]))
    total: Value = start if start is not None else Const(0)

    symbol, compute = BINARY[cst.Add]
    for item in items:
        total = expressions.binary(it, symbol, compute, total, item, node)
    return total


def _len(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    if isinstance(value, (Seq, Table)) and value.exact:
        return Const(len(value.items))
    if isinstance(value, Opaque):
        known = value.memo.get("len()")
        if known is None:
            known = value.memo["len()"] = Opaque("len", stable=value.stable)
        return known
    return Opaque("len")


def _isinstance(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, kind = arguments.get(0), arguments.get(1)
    names = [k.path.rsplit(".", 1)[-1] for k in walk([kind] if kind else []) if isinstance(k, External)]
    if isinstance(value, Tensor):
        return TRUE if {"Tensor", "Parameter"} & set(names) else FALSE
    if isinstance(value, Const) and value.value is not None:
        return TRUE if type(value.value).__name__ in names else FALSE
    if isinstance(value, Seq):
        return TRUE if value.kind in names or "Sequence" in names or "Iterable" in names else FALSE
    if isinstance(value, Table):
        return TRUE if {"dict", "Mapping"} & set(names) else FALSE
    if isinstance(value, Module):
        return TRUE if {"Module", value.kind} & set(names) else FALSE
    if isinstance(value, Instance):
        classes = [k for k in walk([kind] if kind else []) if isinstance(k, Class)]
        if any(cls in classes for cls in value.cls.lineage()):
            return TRUE
        return Opaque() if not value.whole else (TRUE if "Module" in names and value.is_module else FALSE)
    if isinstance(value, Opaque):
        if value.op is not None and "Tensor" in names:
            return Opaque("isinstance", stable=True, truth=True)
        key = ("isinstance", tuple(names))
        known = value.memo.get(key)
        if known is None:
            known = value.memo[key] = Opaque("isinstance", stable=value.stable)
        return known
    return Opaque()


def _getattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, name = arguments.get(0), arguments.get(1)
    if value is None or not isinstance(name, Const) or type(name.value) is not str:
        return Opaque(refs=(value,) if value is not None else ())
    return expressions.get_attribute(it, value, name.value, node)


def _setattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:

    value, name, new = arguments.get(0), arguments.get(1), arguments.get(2)
    if value is not None and isinstance(name, Const) and type(name.value) is str and new is not None:
        assignment.set_attribute(it, value, name.value, new, node, node)
    elif isinstance(value, Instance) and isinstance(new, (Module, Instance, Tensor)):
        value.attributes[f"set {new.ident}"] = new
    return NONE


def _hasattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, name = arguments.get(0), arguments.get(1)
    if isinstance(value, Instance) and isinstance(name, Const) and value.whole:
        known = name.value in value.attributes or value.cls.lookup(str(name.value)) is not None
        return TRUE if known or (value.is_module and name.value in objects.MODULE_METHODS) else FALSE
    if isinstance(value, Opaque) and isinstance(name, Const):
        key = ("hasattr", name.value)
        known_value = value.memo.get(key)
        if known_value is None:
            known_value = value.memo[key] = Opaque("hasattr", stable=value.stable)
        return known_value
    return Opaque()


def _map(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    function = arguments.get(0)
    value = objects.consumed(it, arguments.positional[1]) if len(arguments.positional) > 1 else NONE
    if function is not None and isinstance(value, Seq) and len(arguments.positional) == 2:
        return Seq([it.call(function, Arguments([item]), node) for item in value.items], value.exact)
    return Opaque("map", refs=tuple(arguments.positional))


def _next(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    if isinstance(value, Seq) and value.items:
        return value.items[0]
    if isinstance(value, Parameters):
        return optimizers.parameter(it, value)
    if isinstance(value, Opaque):
        return Opaque(value.hint, refs=value.refs)
    return Opaque()


def _partial(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    if not arguments.positional:
        return Opaque()
    return Partial(arguments.positional[0], Arguments(arguments.positional[1:], arguments.keywords, arguments.open))


def _filter(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(1)
    if isinstance(value, (Parameters,)):
        return value
    if isinstance(value, Seq):
        return Seq(list(value.items), exact=False)
    return Opaque("filter", called="filter", refs=(value,) if value is not None else ())


def _chain(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    joined = optimizers.as_parameters(it, Seq(list(arguments.positional)))
    if joined is not None and joined.owners:
        joined.stream = Stream()
        return joined
    if all(isinstance(v, Seq) for v in arguments.positional):
        items = [item for v in arguments.positional if isinstance(v, Seq) for item in v.items]
        return Seq(items, all(v.exact for v in arguments.positional if isinstance(v, Seq)))
    return Opaque("chain", called="chain", refs=tuple(arguments.positional))


def _looked(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    tensors.look(it, list(arguments.all()), node)
    return NONE


def _number(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    tensors.look(it, list(arguments.all()), node)
    if isinstance(first, Const) and isinstance(first.value, (int, float)):
        return first
    stable = isinstance(first, Opaque) and first.stable and not tensors.in_graph(first)
    return Opaque(
        "number", stable=stable, cut=cuts.made_by(it, "number", node, cuts.shown(node, "float(…)"), arguments.all())
    )


def _text(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`str(…)` of a number or a text that is known, as in `params["W" + str(i)]`."""
    first = arguments.get(0)
    tensors.look(it, list(arguments.all()), node)
    if isinstance(first, Const) and type(first.value) in (int, str) and len(arguments.positional) == 1:
        return Const(str(first.value))
    return Opaque("text", cut=MADE)


def _deepcopy(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    return copied(it, value, {}) if value is not None else Opaque()


def copied(it: Interpreter, value: Value, memo: dict[int, Value]) -> Value:
    """A deep copy: the same structure with gradients of its own."""
    known = memo.get(id(value))
    if known is not None:
        return known
    if isinstance(value, Module):
        made = Module(
            value.kind, value.config, value.keywords, [], list(value.names), value.has_parameters, value.frozen
        )
        memo[id(value)] = made
        made.children = [copied(it, child, memo) for child in value.children]
        it.trace.ledger.born([made.ident])
        return made
    if isinstance(value, Instance):
        twin = Instance(value.cls, {}, value.is_module, value.whole, None, value.frozen)
        memo[id(value)] = twin
        twin.attributes = {name: copied(it, child, memo) for name, child in value.attributes.items()}
        return twin
    if isinstance(value, Tensor):
        if value.owners == (value,):
            return tensors.leaf(it, value.leaf_at, value.size, requires_grad=value.requires_grad, name=value.name)
        return value
    if isinstance(value, Seq):
        return Seq([copied(it, item, memo) for item in value.items], value.exact, value.kind)
    if isinstance(value, Table):
        return Table({key: copied(it, item, memo) for key, item in value.items.items()}, value.exact)
    if isinstance(value, Opaque):
        return Opaque(value.hint, stable=value.stable, parameters=value.parameters)
    return value


def _field(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`dataclasses.field(…)`: what makes the value is called for each instance."""
    return Opaque("field", called="dataclasses.field", memo=dict(arguments.keywords))


STANDARD: dict[str, Handler] = {
    "dataclasses.field": _field,
    "copy.deepcopy": _deepcopy,
    "copy.copy": _deepcopy,
    "functools.partial": _partial,
    "itertools.chain": _chain,
    "builtins.range": _range,
    "builtins.enumerate": _lazily("enumerate"),
    "builtins.zip": _lazily("zip"),
    "itertools.count": lambda it, arguments, node: Opaque("range", called="range", memo={}),
    "builtins.list": _listed("list"),
    "builtins.tuple": _listed("tuple"),
    "builtins.set": _listed("set"),
    "collections.deque": _deque,
    "builtins.dict": _dict_call,
    "collections.OrderedDict": _dict_call,
    "collections.defaultdict": _defaultdict,
    "builtins.sum": _sum,
    "builtins.len": _len,
    "builtins.isinstance": _isinstance,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.print": _looked,
    "builtins.int": _number,
    "builtins.float": _number,
    "builtins.str": _text,
    "builtins.abs": lambda it, arguments, node: (
        tensors.apply(it, "abs", list(arguments.positional), {}, node, "abs()")
        if any(isinstance(v, Tensor) for v in arguments.positional)
        else Opaque("number", reach=tensors.reach_of(arguments.positional))
    ),
}
