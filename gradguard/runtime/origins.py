"""Why a root has no graph: its origin is followed backwards through the source text, with the values that still live.

Nothing is spent before the error. Afterwards the expression that backward was called on is traced through assignments,
arguments and calls of the user's functions; a live tensor that requires grad ends a way, a live one that does not is
followed further. The first place from below that takes something trainable out of the graph is the cause.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

import torch

from gradguard.events import Cut
from gradguard.runtime.sites import Place, Sites, expression_at, locals_of, parsed
from gradguard.runtime.syntax import (
    attribute_bindings,
    bindings,
    frozen_at,
    is_method,
    is_parameter,
    is_second,
    is_true,
    last_name,
    matched,
    parameters_of,
    parts,
    place_of,
    positions,
    released,
    returns,
    short,
    with_blocks,
)
from gradguard.runtime.text import scope as scope_of

__all__ = ["DISCRETE", "Origin", "cause", "expects_an_error", "leaf_maker", "root_expression", "switched_off_in"]

_MOST_STEPS = 600
_MOST_CALLS = 8
_UNKNOWN = object()
_OFF = frozenset({"no_grad", "inference_mode"})
_NUMBERS = frozenset({"item", "tolist"})
DISCRETE = frozenset(
    "argmax argmin argsort eq ne lt le gt ge bool long int short byte nonzero one_hot multinomial bernoulli bincount "
    "bucketize searchsorted logical_and logical_or logical_not isclose".split()
)
_POSITIONS = frozenset("max min topk sort kthvalue median mode cummax cummin".split())
_NEW = frozenset("tensor new_tensor as_tensor from_numpy full Tensor FloatTensor DoubleTensor".split())
_INTEGER = frozenset(
    "int8 int16 int32 int64 uint8 bool long int short LongTensor IntTensor BoolTensor ByteTensor".split()
)


@dataclass(slots=True)
class Origin:
    """What an expression was computed from.

    `trains` says that something in it requires grad, or would without the cut; `known` that all of it could be read.
    """

    trains: bool = False
    cut: Cut | None = None
    known: bool = True

    def join(self, other: Origin) -> None:
        self.cut = self.cut or other.cut
        self.trains = self.trains or other.trains
        self.known = self.known and other.known

    def cut_by(self, kind: str, path: str, node: ast.AST, what: str) -> None:
        """Here the graph of something that trains ends, if it has not ended before."""
        if self.cut is None and self.trains:
            self.cut = Cut(kind=kind, site=place_of(path, node), what=what)


@dataclass(slots=True, eq=False)
class _Scope:
    """A function that runs or has run. `given` are the expressions that its parameters were called with."""

    path: str
    tree: ast.AST
    values: Mapping[str, Any]
    names: Mapping[str, Any]
    line: int | None = None
    caller: FrameType | None = None
    given: dict[str, tuple[ast.expr, _Scope]] = field(default_factory=dict)

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """The value of a name or attribute, without running any code of the user."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            if node.id in self.values:
                return self.values[node.id]
            if node.id in self.given and depth < 6:
                expression, scope = self.given[node.id]
                return scope.value(expression, depth + 1)
            return self.names.get(node.id, _UNKNOWN)
        if isinstance(node, ast.Attribute):
            return _attribute(self.value(node.value, depth), node.attr)
        return _UNKNOWN


def _attribute(value: Any, name: str) -> Any:
    if value is _UNKNOWN:
        return _UNKNOWN
    space = getattr(value, "__dict__", None)
    if isinstance(space, Mapping):
        for place in (space, space.get("_parameters"), space.get("_modules"), space.get("_buffers")):
            if isinstance(place, Mapping) and name in place:
                return place[name]
    found = inspect.getattr_static(type(value), name, _UNKNOWN)
    return MethodType(found, value) if isinstance(found, FunctionType) else found


# --- where a backward was called -------------------------------------------------------------------------------------


def root_expression(frame: FrameType, root: Any) -> ast.expr | None:
    """The expression that backward (or `torch.autograd.grad`) was called on in this frame."""
    call = _call_in(frame)
    if call is None:
        return None
    scope = _live(frame)
    candidates = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    candidates += call.args[:1]
    for expression in candidates:
        if scope.value(expression) is root:
            return expression
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr == "backward"
    if is_method and not call.args:
        return candidates[0]
    if is_method and scope.value(candidates[0]) is _UNKNOWN and not isinstance(candidates[0], ast.Name):
        return candidates[0]
    return call.args[0] if call.args else None


def _call_in(frame: FrameType) -> ast.Call | None:
    node = expression_at(frame.f_code, frame.f_lasti)
    if isinstance(node, ast.Call):
        return node
    tree = scope_of(frame.f_code)
    found = [
        part
        for part in (ast.walk(tree) if tree is not None else ())
        if isinstance(part, ast.Call)
        and part.lineno <= frame.f_lineno <= (part.end_lineno or part.lineno)
        and last_name(part.func) in ("backward", "manual_backward", "grad")
    ]
    return found[0] if len(found) == 1 else None


def _live(frame: FrameType) -> _Scope:
    code = frame.f_code
    tree = scope_of(code) or ast.Module([], [])
    return _Scope(code.co_filename, tree, locals_of(frame), frame.f_globals, frame.f_lineno, frame.f_back)


def expects_an_error(frame: FrameType | None, sites: Sites) -> bool:
    """Whether the user's code says that it expects one: `with pytest.raises(…)`, `self.assertRaises(…)`."""
    while frame is not None:
        if sites.is_user(frame.f_code):
            for block in with_blocks(scope_of(frame.f_code), frame.f_lineno):
                for item in block.items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and last_name(call.func).lower().startswith(
                        ("raises", "assertraises")
                    ):
                        return True
        frame = frame.f_back
    return False


# --- grad mode -------------------------------------------------------------------------------------------------------


def _mode(node: ast.expr) -> bool | None:
    """Whether a context manager or decorator switches gradients on or off; None if it is something else."""
    call = node if isinstance(node, ast.Call) else None
    name = last_name(call.func if call is not None else node)
    first = call.args[0] if call is not None and call.args else None
    if name in _OFF:
        return isinstance(first, ast.Constant) and first.value is False
    if name == "set_grad_enabled" and isinstance(first, ast.Constant):
        return bool(first.value)
    return True if name == "enable_grad" else None


def switched_off_in(code: CodeType, line: int) -> tuple[Place, str] | None:
    """What switches gradients off around a line of a function: where it is, and how it is written."""
    found = _switched_off_at(_Scope(code.co_filename, scope_of(code) or ast.Module([], []), {}, {}), line)
    return None if found is None else (place_of(code.co_filename, found[0]), found[1])


def _switched_off_at(scope: _Scope, line: int) -> tuple[ast.expr, str] | None:
    """What switches gradients off around a line of a function."""
    for block in reversed(with_blocks(scope.tree, line)):
        for item in reversed(block.items):
            mode = _mode(item.context_expr)
            if mode is True:
                return None
            if mode is False:
                return item.context_expr, short(item.context_expr)
    for decorator in reversed(getattr(scope.tree, "decorator_list", [])):
        mode = _mode(decorator)
        if mode is not None:
            return None if mode else (decorator, "@" + short(decorator))
    return None


def _mode_now(frame: FrameType | None, sites: Sites) -> Cut:
    """What has switched gradients off at this moment."""
    outer = frame
    while outer is not None:
        if sites.is_user(outer.f_code):
            scope = _live(outer)
            found = _switched_off_at(scope, outer.f_lineno)
            if found is not None:
                return Cut(kind="mode", site=place_of(scope.path, found[0]), what=found[1])
        outer = outer.f_back
    for path in dict.fromkeys(code.co_filename for code in sites.codes.values() if sites.is_user(code)):
        for node in ast.walk(parsed(path) or ast.Module([], [])):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _mode(node.value) is False:
                if last_name(node.value.func) == "set_grad_enabled":
                    return Cut(kind="mode", site=place_of(path, node.value), what=short(node.value))
    return Cut(kind="mode", what="the grad mode")


# --- following a value backwards -------------------------------------------------------------------------------------


def cause(frame: FrameType, expression: ast.expr | None, sites: Sites) -> Cut:
    """Why the root of a failed backward has no graph."""
    if not torch.is_grad_enabled():
        return _mode_now(frame, sites)
    if expression is None:
        return Cut(kind="")
    origin = _Search(sites).origin(expression, _live(frame))
    if origin.cut is not None:
        return origin.cut
    return Cut(kind="made" if origin.known and not origin.trains else "")


def leaf_maker(
    frame: FrameType, expression: ast.expr, sites: Sites, kinds: Sequence[str] = ()
) -> tuple[Cut, Cut] | None:
    """What made a leaf of the loss, and where that had lost its graph; None where it is meant to be a leaf.

    With `kinds`, the loss is computed from the leaf, and it counts only if the graph was lost in one of these ways.
    """
    search = _Search(sites, deep=bool(kinds))
    search.origin(expression, _live(frame))
    for maker, before in search.makers:
        if before.trains and (not kinds or (before.cut is not None and before.cut.kind in kinds)):
            return maker, before.cut or Cut(kind="")
    return None


class _Search:
    def __init__(self, sites: Sites, *, deep: bool = False) -> None:
        self.sites = sites
        self.deep = deep  # look behind what has a graph, too
        self.left = _MOST_STEPS
        self.calls = 0
        self.seen: dict[tuple[int, str], int] = {}
        self.active: set[ast.stmt] = set()
        self.makers: list[tuple[Cut, Origin]] = []

    def origin(self, node: ast.expr, scope: _Scope) -> Origin:
        self.left -= 1
        if self.left < 0:
            return Origin(known=False)
        value = scope.value(node) if isinstance(node, (ast.Name, ast.Attribute)) else _UNKNOWN
        if isinstance(value, torch.Tensor) and value.requires_grad and value.grad_fn is not None and not self.deep:
            return Origin(trains=True)
        if isinstance(node, ast.Name):
            return self._name(node, scope, value)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope, value)
        result = Origin()
        if isinstance(node, ast.Lambda):
            return result
        if isinstance(node, ast.Subscript):
            result = self.origin(node.value, scope)
            if is_second(node) and isinstance(node.value, ast.Call) and last_name(node.value.func) in _POSITIONS:
                result.cut_by("discrete", scope.path, node, positions(node.value))
            return result
        for child in parts(node):
            result.join(self.origin(child, scope))
        if isinstance(node, ast.Compare):
            result.cut_by("discrete", scope.path, node, f"the comparison `{short(node)}`")
        return result

    def _name(self, node: ast.Name, scope: _Scope, value: Any) -> Origin:
        key = (id(scope), node.id)
        visits = self.seen[key] = self.seen.get(key, 0) + 1
        if visits > 2:
            return Origin()
        result = Origin()
        bound = list(bindings(scope.tree, node))
        earlier = [binding for binding in bound if scope.line is None or binding[0].lineno <= scope.line]
        found = bool(bound)
        for statement, expression, second in earlier or bound:
            if statement in self.active:
                continue
            one = self._bound(expression, statement, scope)
            if second and isinstance(expression, ast.Call) and last_name(expression.func) in _POSITIONS:
                one.cut_by("discrete", scope.path, expression, positions(expression))
            result.join(one)
        if found:
            for maker, what in released(scope.tree, node):
                self.makers.append(
                    (Cut(kind="releaf", site=place_of(scope.path, maker), what=what), Origin(**_fields(result)))
                )
        elif node.id in scope.given:
            expression, outer = scope.given[node.id]
            return self.origin(expression, outer)
        elif scope.caller is not None and is_parameter(scope.tree, node.id):
            return self._argument(node.id, scope, value)
        elif isinstance(value, torch.Tensor):
            result.trains = value.requires_grad
        elif value is _UNKNOWN or not isinstance(value, (int, float, str, bool)):
            result.known = value is not _UNKNOWN
        return result

    def _bound(self, expression: ast.expr, statement: ast.stmt, scope: _Scope) -> Origin:
        self.active.add(statement)
        one = self.origin(expression, scope)
        self.active.discard(statement)
        off = _switched_off_at(scope, statement.lineno) if one.trains and one.cut is None else None
        if off is not None:
            one.cut = Cut(kind="mode", site=place_of(scope.path, off[0]), what=off[1])
        return one

    def _argument(self, name: str, scope: _Scope, value: Any) -> Origin:
        """A parameter of a function that still runs: what its caller gave."""
        frame = self.sites.user_frame(scope.caller)
        call = None if frame is None else expression_at(frame.f_code, frame.f_lasti)
        if frame is None or not isinstance(call, ast.Call):
            return Origin(trains=isinstance(value, torch.Tensor) and value.requires_grad, known=False)
        outer = _live(frame)
        given = matched(scope.tree, call, bound=is_method(scope.tree))
        if name not in given:
            return Origin(known=False)
        return self.origin(given[name], outer)

    def _attribute(self, node: ast.Attribute, scope: _Scope, value: Any) -> Origin:
        if node.attr in ("shape", "dtype", "device", "ndim"):
            return Origin()
        if isinstance(value, torch.Tensor) and node.attr not in ("data", "T", "mT", "H", "grad", "real"):
            result = Origin(trains=value.requires_grad)
            for statement, expression in attribute_bindings(scope.tree, node):
                if statement in self.active:  # `self.w = f(self.w)`
                    continue
                result.join(self._bound(expression, statement, scope))
            return result
        result = self.origin(node.value, scope)
        if node.attr == "data":
            result.cut_by("data", scope.path, node, ".data")
        if node.attr == "indices":
            result.cut_by("discrete", scope.path, node, ".indices")
        return result

    # Calls

    def _call(self, node: ast.Call, scope: _Scope) -> Origin:
        name = last_name(node.func)
        function = scope.value(node.func)
        result = Origin()
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            result.join(self.origin(argument.value if isinstance(argument, ast.Starred) else argument, scope))
        if isinstance(function, torch.nn.Module):
            self._module(function, node, scope, result)
            return result
        if isinstance(function, MethodType) and isinstance(function.__self__, torch.nn.Module) and name == "forward":
            self._module(function.__self__, node, scope, result)
            return result
        own = _function(function)
        if own is not None and self.sites.is_user(own.__code__):
            inner = self._user_function(own, function, node, scope)
            if inner is not None:
                return inner
        if isinstance(node.func, ast.Attribute):
            receiver = scope.value(node.func.value)
            if not inspect.ismodule(receiver) and not isinstance(receiver, type):
                result.join(self.origin(node.func.value, scope))
        self._library(node, name, scope, result)
        return result

    def _library(self, node: ast.Call, name: str, scope: _Scope, result: Origin) -> None:
        path = scope.path
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        releaf = is_true(keywords.get("requires_grad")) or (
            name == "requires_grad_" and (not node.args or is_true(node.args[0]))
        )
        before = Origin(**_fields(result))
        if name in ("detach", "detach_"):
            result.cut_by("detach", path, node, f".{name}()")
        elif name == "sample" and isinstance(node.func, ast.Attribute):
            result.cut_by("sample", path, node, ".sample()")
        elif name in _NUMBERS:
            result.cut_by("number", path, node, f".{name}()")
        elif name in ("float", "int") and isinstance(node.func, ast.Name):
            result.cut_by("number", path, node, f"{name}(…)")
        elif name in ("numpy", "asarray", "array"):
            result.cut_by("numpy", path, node, f".{name}()" if isinstance(node.func, ast.Attribute) else f"{name}(…)")
        elif name in _NEW and not self._keeps_graph(node, name, scope):
            result.cut_by("rewrap", path, node, f"{short(node.func)}(…)")
        elif name == "Variable" and releaf:
            result.cut_by("rewrap", path, node, "Variable(…)")
        elif name in DISCRETE and not (name in ("int", "long", "bool") and isinstance(node.func, ast.Name)):
            result.cut_by("discrete", path, node, f".{name}()" if isinstance(node.func, ast.Attribute) else f"{name}()")
        elif name in ("to", "type") and node.args and last_name(node.args[0]) in _INTEGER:
            result.cut_by("discrete", path, node, f".{name}({short(node.args[0])})")
        elif name == "grad" and not is_true(keywords.get("create_graph")) and "autograd" in short(node.func):
            result.cut_by("gradient", path, node, f"{short(node.func)}(…)")
        if releaf:
            how = f".{name}()" if name == "requires_grad_" else f"{short(node.func)}(…, requires_grad=True)"
            before.cut = result.cut if before.cut is None else before.cut
            self.makers.append((Cut(kind="releaf", site=place_of(path, node), what=how), before))

    def _keeps_graph(self, node: ast.Call, name: str, scope: _Scope) -> bool:
        """`torch.as_tensor(t)` and `torch.Tensor(t)` give a tensor back as it is."""
        if name not in ("as_tensor", "Tensor", "FloatTensor", "DoubleTensor") or not node.args:
            return False
        first = node.args[0]
        return not isinstance(first, (ast.List, ast.Tuple, ast.ListComp)) and not isinstance(
            scope.value(first), (list, tuple)
        )

    def _module(self, module: torch.nn.Module, node: ast.Call, scope: _Scope, result: Origin) -> None:
        parameters = list(module.parameters())
        trains = any(parameter.requires_grad for parameter in parameters)
        forward = _function(type(module).forward)
        if forward is not None and self.sites.is_user(forward.__code__):
            inner = self._user_function(forward, MethodType(forward, module), node, scope)
            if inner is not None and (inner.cut is not None or inner.trains):
                result.join(inner)
        if trains:
            result.trains = True
        elif parameters and not result.trains:
            frozen = frozen_at(scope.path)
            if frozen is not None:
                result.trains = True
                result.cut_by("frozen", scope.path, frozen, short(frozen))

    def _user_function(self, own: FunctionType, function: Any, node: ast.Call, scope: _Scope) -> Origin | None:
        """What a function of the user returns."""
        tree = scope_of(own.__code__)
        self.calls += 1
        if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)) or self.calls > _MOST_CALLS:
            return None
        bound = isinstance(function, MethodType)
        values = {}
        if bound and (names := parameters_of(tree)):
            values[names[0]] = function.__self__
        given = {name: (argument, scope) for name, argument in matched(tree, node, bound=bound).items()}
        inner = _Scope(own.__code__.co_filename, tree, values, own.__globals__, None, None, given)
        result = Origin()
        for statement in returns(tree):
            assert statement.value is not None
            result.join(self._bound(statement.value, statement, inner))
        return result


def _fields(origin: Origin) -> dict[str, Any]:
    return {"trains": origin.trains, "cut": origin.cut, "known": origin.known}


def _function(value: Any) -> FunctionType | None:
    if isinstance(value, MethodType):
        value = value.__func__
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value if isinstance(value, FunctionType) else None
