"""Abstract evaluation of expressions, and of conditions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from gradguard.static import (
    assignment,
    calls,
    conditions,
    cuts,
    imports,
    library,
    loops,
    objects,
    optimizers,
    ownership,
    tensors,
)
from gradguard.static.arithmetic import BINARY, COMPARE, Compute
from gradguard.static.index import names_in
from gradguard.static.values import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    Const,
    External,
    Formatted,
    Function,
    Import,
    Instance,
    Module,
    Opaque,
    Optimizer,
    Package,
    Parameters,
    Periodic,
    Scope,
    Seq,
    Stream,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["evaluate"]

MAX_CHAIN = 400


def evaluate(it: Interpreter, node: cst.BaseExpression) -> Value:
    return _EVALUATE[type(node)](it, node)


# --- names and literals ----------------------------------------------------------------------------------------------


def _unknown(it: Interpreter, node: cst.CSTNode) -> Value:
    return Opaque()


_CONSTANTS = {"True": TRUE, "False": FALSE, "None": NONE}


def _name(it: Interpreter, node: cst.Name) -> Value:
    constant = _CONSTANTS.get(node.value)
    if constant is not None:
        return constant
    found = it.frames[-1].scope.find(node.value)
    if found is not None:
        return imports.resolve(it, found) if type(found) is Import else found
    if node.value in library.BUILTINS:
        return External("builtins." + node.value)
    # Bound where this execution has not been: it may be bound anew at any time, as an attribute may.
    value = Opaque(node.value, stable=True, parent=Opaque("globals", stable=True))
    scope = it.frame.global_scope or it.frame.scope
    scope.variables[node.value] = value
    return value


def _integer(it: Interpreter, node: cst.Integer) -> Value:
    try:
        return Const(int(node.value.replace("_", ""), 0))
    except ValueError:
        return Opaque()


def _float(it: Interpreter, node: cst.Float) -> Value:
    try:
        return Const(float(node.value.replace("_", "")))
    except ValueError:
        return Opaque()


@lru_cache(maxsize=2048)
def _literal(raw: str) -> object:
    return ast.literal_eval(raw)


def _string(it: Interpreter, node: cst.SimpleString) -> Value:
    raw = node.value
    if raw[0] in "\"'" and "\\" not in raw and raw[1:2] != raw[0]:
        return Const(raw[1:-1])
    try:
        return Const(_literal(raw))
    except (ValueError, SyntaxError):
        return Opaque()


def _formatted(it: Interpreter, node: cst.FormattedString) -> Value:
    """An f-string; its text is known if all of its parts are, as in `params[f"W{i}"]`."""
    text: list[str] = []
    known = True
    for part in node.parts:
        if type(part) is cst.FormattedStringText:
            text.append(part.value)
            known = known and not any(mark in part.value for mark in "{}\\")
        elif type(part) is cst.FormattedStringExpression:
            value = evaluate(it, part.expression)
            plain = part.conversion is None and part.format_spec is None and part.equal is None
            if plain and isinstance(value, Const) and type(value.value) in (int, str, Formatted):
                text.append(str(value.value))
            else:
                known = False
    return Const(Formatted("".join(text))) if known else Opaque("text")


def _concatenated(it: Interpreter, node: cst.ConcatenatedString) -> Value:
    left, right = evaluate(it, node.left), evaluate(it, node.right)
    if isinstance(left, Const) and isinstance(right, Const):
        try:
            return Const(left.value + right.value)
        except TypeError:
            pass
    return Opaque("text")


def _elements(it: Interpreter, elements: Any) -> tuple[list[Value], bool]:
    values: list[Value] = []
    exact = True
    for element in elements:
        value = evaluate(it, element.value)
        if type(element) is cst.StarredElement:
            if isinstance(value, Parameters) and value.stream is not None:
                ownership.consume(it, value, element.value, "the list")
                value = Parameters(value.owners, value.pairs, value.partial)
            spread = spread_out(value)
            if spread is None:
                exact = False
                values.append(value if isinstance(value, Parameters) else Opaque(refs=(value,)))
            else:
                values.extend(spread)
                exact = exact and not isinstance(value, Parameters)
        else:
            values.append(value)
    return values, exact


def spread_out(value: Value) -> list[Value] | None:
    """The items of a value whose length is known."""
    if isinstance(value, Seq):
        return list(value.items) if value.exact else None
    if isinstance(value, Parameters):
        return [value]
    if isinstance(value, Module) and value.children:
        return list(value.children)
    return None


def _list(it: Interpreter, node: cst.List) -> Value:
    return Seq(*_elements(it, node.elements))


def _tuple(it: Interpreter, node: cst.Tuple) -> Value:
    return Seq(*_elements(it, node.elements), kind="tuple")


def _set(it: Interpreter, node: cst.Set) -> Value:
    return Seq(*_elements(it, node.elements), kind="set")


def _dict(it: Interpreter, node: cst.Dict) -> Value:
    table = Table({})
    for element in node.elements:
        value = evaluate(it, element.value)
        if type(element) is cst.DictElement:
            key = evaluate(it, element.key)
            if isinstance(key, Const) and isinstance(key.value, (str, int, bool, float, type(None))):
                table.items[key.value] = value
            else:
                table.exact = False
                table.items[("unknown", len(table.items))] = value
        elif isinstance(value, Table):
            table.items.update(value.items)
            table.exact = table.exact and value.exact
        else:
            table.exact = False
            table.items[("unknown", len(table.items))] = value
    return table


def _lambda(it: Interpreter, node: cst.Lambda) -> Value:
    defaults = calls.evaluate_defaults(it, node.params)
    return Function(node, it.frame.scope, it.file, defaults)


# --- attributes and subscripts ---------------------------------------------------------------------------------------


def _attribute(it: Interpreter, node: cst.Attribute) -> Value:
    depth = 0
    inner: cst.BaseExpression = node
    while type(inner) is cst.Attribute:
        inner = inner.value
        depth += 1
    if depth > MAX_CHAIN:
        return Opaque()
    return get_attribute(it, evaluate(it, node.value), node.attr.value, node)


def get_attribute(it: Interpreter, value: Value, name: str, node: cst.CSTNode) -> Value:
    """`value.name`."""
    if isinstance(value, Tensor):
        return tensors.attribute(it, value, name, node)
    if isinstance(value, External):
        return External(f"{value.path}.{name}")
    if isinstance(value, Package):
        found = value.scope.variables.get(name)
        if found is None:
            found = value.scope.variables[name] = Opaque(name, stable=True)
        return imports.resolve(it, found)
    return objects.attribute(it, value, name, node)


def _subscript(it: Interpreter, node: cst.Subscript) -> Value:
    value = evaluate(it, node.value)
    key = key_of(it, node)
    return subscript(it, value, key, node)


def key_of(it: Interpreter, node: cst.Subscript) -> Value:
    keys: list[Value] = []
    for element in node.slice:
        if type(element.slice) is cst.Index:
            keys.append(evaluate(it, element.slice.value))
        elif isinstance(element.slice, cst.Slice):
            parts = [element.slice.lower, element.slice.upper, element.slice.step]
            bounds = [evaluate(it, part) if part is not None else NONE for part in parts]
            if all(isinstance(b, Const) for b in bounds):
                keys.append(Const(slice(*(b.value for b in bounds))))  # type: ignore[attr-defined]
            else:
                keys.append(Opaque("slice"))
    return keys[0] if len(keys) == 1 else Seq(keys, kind="tuple")


def subscript(it: Interpreter, value: Value, key: Value, node: cst.CSTNode) -> Value:
    """`value[key]`."""
    if isinstance(value, Table):
        if isinstance(key, Const):
            try:
                if key.value in value.items:
                    return value.items[key.value]
            except TypeError:
                return Opaque()
            if value.factory is not None:
                made = it.call(value.factory, Arguments(), node)
            else:
                made = Opaque(str(key.value), refs=tuple(value.items.values()))
            value.items[key.value] = made
            return made
        kinds = [v.path if isinstance(v, External) else "" for v in value.items.values()]
        if kinds and all(kind.startswith("torch.optim.") for kind in kinds):
            return next(iter(value.items.values()))
        return Opaque(refs=tuple(value.items.values()))
    if isinstance(value, Module) and isinstance(key, Const) and key.value in value.names:
        return value.children[value.names.index(key.value)]
    if isinstance(value, (Seq, Module)):
        items = value.items if isinstance(value, Seq) else value.children
        if isinstance(key, Const) and isinstance(key.value, (int, bool)):
            if -len(items) <= key.value < len(items) and (not isinstance(value, Seq) or value.exact or key.value >= 0):
                return items[key.value]
            if items and isinstance(value, Seq) and not value.exact:
                return stand_in(items[-1])
            return Opaque(refs=tuple(items))
        if isinstance(key, Const) and isinstance(key.value, slice):
            try:
                picked = list(items[key.value])
            except TypeError:
                return Opaque(refs=tuple(items))
            if isinstance(value, Seq):
                return Seq(picked if value.exact else list(items), value.exact, value.kind)
            return Module(value.kind, children=picked)
        if len(items) == 1 and isinstance(value, Seq):
            return stand_in(items[0])
        if items and all(isinstance(item, (Module, Optimizer)) for item in items) and len({id(i) for i in items}) == 1:
            return items[0]
        return Opaque(refs=tuple(items), reach=tensors.reach_of(items))
    if isinstance(value, Tensor):
        return tensors.index(it, value, key, node)
    if isinstance(value, (Opaque, Instance)):
        return objects.item(it, value, key, node)
    return Opaque()


def stand_in(value: Value) -> Value:
    """A tensor that is taken for one of several: what is done to one is not done to all."""
    if isinstance(value, Tensor) and not value.owners:
        value.stand_in = True
    return value


# --- operators -------------------------------------------------------------------------------------------------------


def _binary(it: Interpreter, node: cst.BinaryOperation) -> Value:
    # A sum of thousands of terms is a chain to the left: walk it instead of recursing.
    chain: list[cst.BinaryOperation] = []
    inner: cst.BaseExpression = node
    while type(inner) is cst.BinaryOperation:
        chain.append(inner)
        inner = inner.left
    it.trace.burn(len(chain) // 16)
    value = evaluate(it, inner)
    for operation in reversed(chain):
        symbol, compute = BINARY[type(operation.operator)]
        value = binary(it, symbol, compute, value, evaluate(it, operation.right), operation)
    return value


def binary(it: Interpreter, symbol: str, compute: Compute, left: Value, right: Value, node: cst.CSTNode) -> Value:
    """`left symbol right`."""
    return _without_graph(_binary_result(it, symbol, compute, left, right, node), left, right)


def _without_graph(result: Value, *operands: Value) -> Value:
    """What is computed from numbers that have lost their graph has lost it, too."""
    if isinstance(result, Opaque) and result.cut is None and result.op is None and not result.reach:
        cut = cuts.joined(operands)
        plain = any(isinstance(value, Opaque) and value.detached for value in operands)
        if cut is not None and (cut.kind != "made" or plain):
            result.cut, result.detached = cut, True
    return result


def _binary_result(
    it: Interpreter, symbol: str, compute: Compute, left: Value, right: Value, node: cst.CSTNode
) -> Value:
    if isinstance(left, Const) and isinstance(right, Const):
        return _fold(symbol, compute, left, right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return tensors.binary(it, symbol, left, right, node)
    if isinstance(left, Seq) and isinstance(right, Seq) and symbol == "+":
        return Seq([*left.items, *right.items], left.exact and right.exact, left.kind)
    if isinstance(left, Seq) and symbol == "*" and len(left.items) == 1:
        return Seq([left.items[0]] * 2, exact=False, kind=left.kind)
    if symbol == "-" and isinstance(left, Parameters):
        return Parameters(left.owners, left.pairs, partial=True)
    if symbol == "+" and (isinstance(left, Parameters) or isinstance(right, Parameters)):
        joined = optimizers.as_parameters(it, Seq([left, right]))
        if joined is not None:
            return joined
    if symbol == "%" and isinstance(left, Const) and isinstance(left.value, int) and not isinstance(left.value, bool):
        return Periodic(left.value % 2, None)
    if isinstance(left, Opaque) and isinstance(right, Const):
        return derive(left, (symbol, right.value), (left,))
    if isinstance(left, Opaque) and isinstance(right, Opaque):
        if tensors.in_graph(left) or tensors.in_graph(right):
            return tensors.binary(it, symbol, left, right, node)
        return derive(left, (symbol, right.ident), (left, right))
    if tensors.in_graph(left) or tensors.in_graph(right):
        return tensors.binary(it, symbol, left, right, node)
    return Opaque(refs=(left, right))


def derive(value: Opaque, key: Any, refs: tuple[Value, ...]) -> Value:
    """The result of a pure operation on something unknown: the same each time."""
    try:
        made = value.memo.get(key)
        if made is None:
            stable = all(not isinstance(ref, Opaque) or ref.stable for ref in refs)
            made = value.memo[key] = Opaque(
                refs=refs, reach=tensors.reach_of(refs), op=value.op, stable=stable, memo={"left": value}
            )
    except TypeError:
        return Opaque(refs=refs)
    return made


def _fold(symbol: str, compute: Compute, left: Const, right: Const) -> Value:
    counter = left.counter or right.counter
    if symbol == "%" and left.counter and isinstance(left.value, int) and isinstance(right.value, int):
        if right.value == 1:
            return Const(0)
        if right.value > 1:
            return Periodic(left.value % 2, right.value)
    if symbol == "*" and (isinstance(left.value, (str, list)) or isinstance(right.value, (str, list))):
        return Opaque()
    try:
        result = compute(left.value, right.value)
    except Exception:  # noqa: BLE001 - constants of the checked program may refuse anything
        return Opaque()
    return Opaque() if result is None else Const(result, counter)


def _unary(it: Interpreter, node: cst.UnaryOperation) -> Value:
    value = evaluate(it, node.expression)
    if type(node.operator) is cst.Not:
        known = conditions.known_truth(value)
        if known is not None:
            return FALSE if known else TRUE
        return Opaque(refs=(value,), stable=isinstance(value, Opaque) and value.stable)
    if isinstance(value, Const) and isinstance(value.value, (int, float)):
        if type(node.operator) is cst.Minus:
            return Const(-value.value, value.counter)
        return Const(value.value)
    if isinstance(value, Tensor) or tensors.in_graph(value):
        return tensors.apply(it, "neg", [value], {}, node, "-")
    return _without_graph(Opaque(refs=(value,), reach=tensors.reach_of([value])), value)


def _boolean(it: Interpreter, node: cst.BooleanOperation) -> Value:
    left = evaluate(it, node.left)
    conjunction = type(node.operator) is cst.And
    truth, _ = conditions.truth_of(it, left, node.left, conjunction)
    return evaluate(it, node.right) if truth is conjunction else left


def _conditional(it: Interpreter, node: cst.IfExp) -> Value:
    truth, _ = conditions.condition(it, node.test, True)
    return evaluate(it, node.body if truth else node.orelse)


def _comparison(it: Interpreter, node: cst.Comparison) -> Value:
    left = evaluate(it, node.left)
    if len(node.comparisons) != 1:
        for target in node.comparisons:
            evaluate(it, target.comparator)
        return Opaque()
    target = node.comparisons[0]
    symbol, compute = COMPARE[type(target.operator)]
    return conditions.compare(it, symbol, compute, left, evaluate(it, target.comparator), node)


# --- comprehensions and the rest -------------------------------------------------------------------------------------


def _comprehension(it: Interpreter, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Value:
    results: list[Value] = []
    exact = _comprehend(it, node.for_in, lambda: results.append(evaluate(it, node.elt)))
    if results and all(isinstance(value, Tensor) and value.owners and value.owners != (value,) for value in results):
        owners = dict.fromkeys(o for v in results if isinstance(v, Tensor) for o in v.owners)
        stream = Stream() if type(node) is cst.GeneratorExp else None
        return Parameters(tuple(owners), partial=_picks(node.for_in), stream=stream)
    return Seq(results, exact=exact)


def _picks(clause: cst.CompFor | None) -> bool:
    """Whether a comprehension over parameters keeps only some of those that train."""
    while clause is not None:
        if any(".requires_grad" not in names_in(test.test) for test in clause.ifs):
            return True
        clause = clause.inner_for_in
    return False


def _dict_comprehension(it: Interpreter, node: cst.DictComp) -> Value:
    table = Table({}, exact=False)

    def add() -> None:
        key, value = evaluate(it, node.key), evaluate(it, node.value)
        if isinstance(key, Const) and isinstance(key.value, (str, int)):
            table.items[key.value] = value
        else:
            table.items[("unknown", len(table.items))] = value

    table.exact = _comprehend(it, node.for_in, add) and all(not isinstance(key, tuple) for key in table.items)
    return table


def _comprehend(it: Interpreter, clause: cst.CompFor, emit: Callable[[], None]) -> bool:
    """Run the clauses of a comprehension in a scope of its own; say whether every item was seen."""
    frame = it.frame
    outer = frame.scope
    iterable = evaluate(it, clause.iter)
    frame.scope = Scope({}, outer)
    exact = True
    try:
        items = loops.iterate(it, objects.consumed(it, iterable), "", clause, hot=True)
        count = min(items.turns, items.limit)
        if items.limit <= 6:
            count = items.limit
        exact = items.limit == count and not (isinstance(iterable, Seq) and not iterable.exact)
        exact = exact and not isinstance(iterable, Parameters)
        for turn in range(count):
            it.trace.burn()
            assignment.assign(it, clause.target, items.item(turn), clause)
            kept = True
            for test in clause.ifs:
                truth, certain = conditions.condition(it, test.test, True)
                exact = exact and certain
                if not truth:
                    kept = False
                    break
            if kept:
                if clause.inner_for_in is not None:
                    exact = _comprehend(it, clause.inner_for_in, emit) and exact
                else:
                    emit()
    finally:
        frame.scope = outer
    return exact


def _named(it: Interpreter, node: cst.NamedExpr) -> Value:
    value = evaluate(it, node.value)
    assignment.assign(it, node.target, value, node)
    return value


def _call(it: Interpreter, node: cst.Call) -> Value:
    it.trace.burn()
    return calls.evaluate_call(it, node)


def _await(it: Interpreter, node: cst.Await) -> Value:
    return evaluate(it, node.expression)


def _yield(it: Interpreter, node: cst.Yield) -> Value:
    value: Value = NONE
    if isinstance(node.value, cst.From):
        inner = evaluate(it, node.value.item)
        value = Opaque(refs=(inner,))
    elif node.value is not None:
        value = evaluate(it, node.value)
    if it.frame.on_yield is not None:
        return it.frame.on_yield(value)
    return Opaque()


class _Evaluators(dict[type, "Callable[[Interpreter, Any], Value]"]):
    def __missing__(self, kind: type) -> Callable[[Interpreter, Any], Value]:
        return _unknown


_EVALUATE = _Evaluators(
    {
        cst.Name: _name,
        cst.Attribute: _attribute,
        cst.Call: _call,
        cst.Subscript: _subscript,
        cst.Integer: _integer,
        cst.Float: _float,
        cst.SimpleString: _string,
        cst.FormattedString: _formatted,
        cst.ConcatenatedString: _concatenated,
        cst.List: _list,
        cst.Tuple: _tuple,
        cst.Set: _set,
        cst.Dict: _dict,
        cst.Lambda: _lambda,
        cst.BinaryOperation: _binary,
        cst.UnaryOperation: _unary,
        cst.BooleanOperation: _boolean,
        cst.Comparison: _comparison,
        cst.IfExp: _conditional,
        cst.ListComp: _comprehension,
        cst.SetComp: _comprehension,
        cst.GeneratorExp: _comprehension,
        cst.DictComp: _dict_comprehension,
        cst.NamedExpr: _named,
        cst.Await: _await,
        cst.Yield: _yield,
    }
)
