"""Custom `autograd.Function` classes, read from their definition: what torch will refuse, or compute wrongly.

Nothing is executed here. How many gradients a `return` gives, which inputs get one (and so are tensors), and what is
kept on the context, is in the text of the class; what the text does not tell is not reported.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from gradguard.events import Event, FunctionInstance, FunctionReturn, FunctionStore
from gradguard.static import syntax
from gradguard.static.gradient_count import Returned, count_of
from gradguard.static.index import children
from gradguard.static.project import SourceFile

__all__ = ["events"]

_PATHS = ("autograd.Function", "autograd.function.Function", "autograd.function.InplaceFunction")
_NAMES = ("Function", "InplaceFunction")
# Decorators that leave the arguments and the result of a method as they are.
_TRANSPARENT = frozenset("staticmethod custom_fwd custom_bwd once_differentiable no_grad ignore unused".split())
# What an attribute of a tensor that is kept for its own sake is used for (gradients added up by hand, and the like).
_IDENTITY = frozenset({"grad", "main_grad", "data", "grad_added_to_main_grad", "register_hook"})


@dataclass(slots=True, eq=False)
class _Function:
    """The methods of a custom Function, its own or inherited from another one in the file."""

    node: cst.ClassDef
    methods: dict[str, cst.FunctionDef] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.node.name.value


def events(file: SourceFile) -> Iterator[Event]:
    """What there is to say of the custom Functions of a file."""
    names = file.index.names
    if not (names & {".Function", ".InplaceFunction", *_NAMES}):
        return
    functions = _functions(file)
    if not functions:
        return
    uses = _Uses.of(file, functions)
    for function in functions.values():
        legacy = list(_legacy(file, function, uses))
        yield from legacy
        if legacy and legacy[0].method:
            continue
        yield from _returns(file, function, uses)
        yield from _stores(file, function)


# --- which classes are Functions -------------------------------------------------------------------------------------


def _functions(file: SourceFile) -> dict[str, _Function]:
    imported = _imported(file)
    found: dict[str, _Function] = {}
    for node in sorted(file.index.classes, key=_position(file)):
        bases = [syntax.dotted(base.value) for base in node.bases if base.keyword is None]
        inherited = [found[base] for base in bases if base in found]
        if not inherited and imported.isdisjoint(bases):
            continue
        function = _Function(node)
        for base in reversed(inherited):
            function.methods.update(base.methods)
        for line in node.body.body:
            if isinstance(line, cst.FunctionDef):
                function.methods[line.name.value] = line
                function.own.add(line.name.value)
        found[node.name.value] = function
    return found


def _position(file: SourceFile) -> functools.partial[int]:
    """Classes in the order of the source: a base stands before what is derived from it."""
    order = {id(node): number for number, node in enumerate(_walk(file.module)) if isinstance(node, cst.ClassDef)}
    return functools.partial(lambda order, node: order.get(id(node), 0), order)


def _imported(file: SourceFile) -> set[str]:
    """The names under which `torch.autograd.Function` is known in the file."""
    found: set[str] = set()
    for node in _walk(file.module):
        if isinstance(node, cst.ImportFrom) and node.module is not None and not isinstance(node.names, cst.ImportStar):
            source = syntax.dotted(node.module)
            for alias in node.names:
                name = syntax.dotted(alias.name)
                bound = syntax.dotted(alias.asname.name) if alias.asname else name
                if source in ("torch.autograd", "torch.autograd.function") and name in _NAMES:
                    found.add(bound)
                elif source == "torch" and name == "autograd":
                    found.update(f"{bound}.{kind}" for kind in _NAMES)
        elif isinstance(node, cst.Import):
            for alias in node.names:
                name = syntax.dotted(alias.name)
                bound = syntax.dotted(alias.asname.name) if alias.asname else name.split(".")[0]
                if name == "torch" or (name.startswith("torch.") and not alias.asname):
                    found.update(f"{bound}.{path}" for path in _PATHS)
                elif name == "torch.autograd":
                    found.update(f"{bound}.{kind}" for kind in _NAMES)
    return found


def _walk(node: cst.CSTNode, *, into: bool = True) -> Iterator[cst.CSTNode]:
    """The nodes below in the order of the source; those of nested functions and classes only `into` them."""
    stack = list(children(node))[::-1]
    while stack:
        current = stack.pop()
        yield current
        if into or not isinstance(current, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack.extend(list(children(current))[::-1])


# --- how they are used -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Uses:
    """The calls of the Functions of a file."""

    applied: dict[str, list[int | None]] = field(default_factory=dict)
    called: dict[str, cst.Call] = field(default_factory=dict)

    @classmethod
    def of(cls, file: SourceFile, functions: dict[str, _Function]) -> _Uses:
        uses = cls()
        held: dict[str, str] = {}
        calls: list[cst.Call] = []
        for node in _walk(file.module):
            if isinstance(node, cst.Call):
                calls.append(node)
            elif isinstance(node, cst.Attribute) and node.attr.value == "apply":
                uses.applied.setdefault(syntax.dotted(node.value), [])
            elif isinstance(node, cst.Assign) and isinstance(node.value, cst.Call):
                made = syntax.dotted(node.value.func)
                if made in functions:
                    held.update((syntax.dotted(target.target), made) for target in node.targets)
        for call in calls:
            func = call.func
            if isinstance(func, cst.Call) and syntax.dotted(func.func) in functions:
                uses.called.setdefault(syntax.dotted(func.func), call)
            elif isinstance(func, cst.Attribute) and func.attr.value == "apply":
                open_ = any(arg.star or arg.keyword for arg in call.args)
                uses.applied.setdefault(syntax.dotted(func.value), []).append(None if open_ else len(call.args))
            elif held.get(syntax.dotted(func)):
                uses.called.setdefault(held[syntax.dotted(func)], call)
        return uses


# --- methods that are not static -------------------------------------------------------------------------------------


def _legacy(file: SourceFile, function: _Function, uses: _Uses) -> Iterator[FunctionInstance]:
    """A Function in the style of torch before 1.3. Without `@staticmethod`, but applied, it still works."""
    forward = function.methods.get("forward")
    if forward is None:
        return
    call = uses.called.get(function.name)
    first = _parameters(forward)[:1]
    unapplied = function.name not in uses.applied and first == ["self"] and "backward" in function.methods
    if not forward.decorators and (call is not None or "__init__" in function.own or unapplied):
        if "forward" in function.own:
            yield FunctionInstance(site=(file, forward.name), function=function.name, method="forward")
    elif call is not None:
        yield FunctionInstance(site=(file, call), function=function.name, defined_at=(file, function.node.name))


# --- the number of gradients -----------------------------------------------------------------------------------------


def _parameters(method: cst.FunctionDef) -> list[str]:
    return [param.name.value for param in (*method.params.posonly_params, *method.params.params)]


def _is_plain(method: cst.FunctionDef) -> bool:
    """Whether the method is called with the arguments that its definition shows."""
    for decorator in method.decorators:
        expression = decorator.decorator
        name = syntax.dotted(expression.func if isinstance(expression, cst.Call) else expression)
        if name.rsplit(".", 1)[-1] not in _TRANSPARENT:
            return False
    return True


def _inputs(function: _Function) -> list[str] | None:
    """The names of forward's inputs, without the context; None if there may be more."""
    forward = function.methods.get("forward")
    if forward is None or not _is_plain(forward):
        return None
    params = forward.params
    if isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None or params.kwonly_params:
        return None
    names = _parameters(forward)
    return names if "setup_context" in function.methods else names[1:]


def _return_statements(method: cst.FunctionDef) -> list[cst.Return]:
    return [node for node in _walk(method.body, into=False) if isinstance(node, cst.Return)]


def _returns(file: SourceFile, function: _Function, uses: _Uses) -> Iterator[FunctionReturn]:
    backward, inputs = function.methods.get("backward"), _inputs(function)
    if backward is None or inputs is None or not _is_plain(backward) or not function.own & {"forward", "backward"}:
        return
    forward = function.methods["forward"]
    optional = sum(p.default is not None for p in (*forward.params.posonly_params, *forward.params.params))
    needed = len(inputs) - optional
    counts = [count for count in uses.applied.get(function.name, ()) if count is not None]
    needed = max([needed, *(count for count in counts if count <= len(inputs))])
    for statement in _return_statements(backward):
        returned = count_of(statement.value, backward)
        if returned is not None:
            spare = all(returned.nones[len(inputs) :])
            yield FunctionReturn(
                site=(file, statement),
                function=function.name,
                inputs=len(inputs),
                needed=needed,
                given=len(returned.nones),
                spare=spare,
                forward_at=(file, forward.name),
            )


# --- what is kept on the context -------------------------------------------------------------------------------------


def _differentiable(function: _Function, inputs: list[str]) -> set[str]:
    """The inputs that get a gradient; they are tensors."""
    backward = function.methods.get("backward")
    if backward is None:
        return set()
    found: set[str] = set()
    for statement in _return_statements(backward):
        returned: Returned | None = count_of(statement.value, backward)
        if returned is not None:
            pairs = zip(inputs, returned.nones, strict=False)
            found.update(name for name, none in pairs if not none)
    return found


def _assigned(body: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
    """The names that are bound by each statement, in the order of the source."""
    for node in _walk(body, into=False):
        targets: list[cst.CSTNode] = []
        if isinstance(node, cst.Assign):
            targets = [target.target for target in node.targets]
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)):
            targets = [node.target]
        for target in targets:
            flat = [target]
            while flat:
                one = flat.pop()
                if isinstance(one, (cst.Tuple, cst.List)):
                    flat.extend(element.value for element in one.elements)
                elif isinstance(one, cst.Name):
                    yield node, one.value


def _stores(file: SourceFile, function: _Function) -> Iterator[FunctionStore]:
    for name in ("forward", "setup_context"):
        method = function.methods.get(name)
        if method is not None and name in function.own and _is_plain(method):
            yield from _stores_of(file, function, method)


def _stores_of(file: SourceFile, function: _Function, method: cst.FunctionDef) -> Iterator[FunctionStore]:
    inputs = _inputs(function)
    names = _parameters(method)
    if not names or inputs is None:
        return
    context = names[0]
    tensors = _differentiable(function, inputs)
    bound: dict[str, list[cst.CSTNode]] = {}
    for statement, name in _assigned(method.body):
        bound.setdefault(name, []).append(statement)
    roles: dict[str, tuple[str, cst.CSTNode | None]] = {}  # the statement that gives the name its role
    if method.name.value == "forward":
        if "setup_context" in function.methods:
            return
        roles = {name: ("input", None) for name in inputs if name in tensors}
        for name in _results(method):
            if name in bound or name not in inputs:
                roles[name] = ("output", bound[name][-1] if name in bound else None)
        marked = _marked(method)
        roles = {name: role for name, role in roles.items() if name not in marked or role[0] == "input"}
    elif len(names) == 3:
        roles[names[2]] = ("output", None)
        for statement, _ in _assigned(method.body):
            if isinstance(statement, cst.Assign) and isinstance(statement.value, cst.Name):
                roles.update(_unpacked(statement, names, inputs, tensors))
    for statement in _walk(method.body, into=False):
        if not isinstance(statement, cst.Assign):
            continue
        for attribute, value in _kept(statement, context):
            kept, role = _role(value, names, inputs, tensors, roles)
            if role is None or not _still(kept, role, statement, roles, bound, method):
                continue
            if not _is_used_as_object(function, attribute):
                yield FunctionStore(
                    site=(file, statement),
                    function=function.name,
                    context=context,
                    attribute=attribute,
                    name=kept,
                    role=role,
                )


def _results(method: cst.FunctionDef) -> set[str]:
    """The variables that are returned, as they are, by every return of a forward."""
    found: list[set[str]] = []
    for statement in _return_statements(method):
        value = statement.value
        elements = [e.value for e in value.elements] if isinstance(value, cst.Tuple) else [value]
        found.append({element.value for element in elements if isinstance(element, cst.Name)})
    return set.intersection(*found) if found else set()


def _marked(method: cst.FunctionDef) -> set[str]:
    """What is marked as not differentiable (indices, say) is an output that autograd does not care for."""
    found: set[str] = set()
    for node in _walk(method.body, into=False):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value == "mark_non_differentiable":
                found.update(arg.value.value for arg in node.args if isinstance(arg.value, cst.Name))
    return found


def _unpacked(
    statement: cst.Assign, names: list[str], inputs: list[str], tensors: set[str]
) -> Iterator[tuple[str, tuple[str, cst.CSTNode | None]]]:
    """`x, w = inputs` in setup_context."""
    target = statement.targets[0].target
    assert isinstance(statement.value, cst.Name)
    if not isinstance(target, (cst.Tuple, cst.List)):
        return
    if any(isinstance(element, cst.StarredElement) for element in target.elements):
        return
    for position, element in enumerate(target.elements):
        if not isinstance(element.value, cst.Name):
            continue
        if statement.value.value == names[1] and position < len(inputs) and inputs[position] in tensors:
            yield element.value.value, ("input", statement)
        elif statement.value.value == names[2]:
            yield element.value.value, ("output", statement)


def _kept(statement: cst.Assign, context: str) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The attributes of the context that a statement sets, with their values."""
    for assigned in statement.targets:
        target, value = assigned.target, statement.value
        pairs: list[tuple[cst.CSTNode, cst.BaseExpression]] = [(target, value)]
        if isinstance(target, (cst.Tuple, cst.List)) and isinstance(value, (cst.Tuple, cst.List)):
            if len(target.elements) == len(value.elements):
                pairs = [(a.value, b.value) for a, b in zip(target.elements, value.elements, strict=True)]
        for one, given in pairs:
            if isinstance(one, cst.Attribute) and isinstance(one.value, cst.Name) and one.value.value == context:
                yield one.attr.value, given


def _role(
    value: cst.BaseExpression,
    names: list[str],
    inputs: list[str],
    tensors: set[str],
    roles: dict[str, tuple[str, cst.CSTNode | None]],
) -> tuple[str, str | None]:
    if isinstance(value, cst.Name):
        role = roles.get(value.value)
        return value.value, role[0] if role else None
    text = syntax.text(value)
    if isinstance(value, cst.Subscript) and len(names) == 3 and text.startswith(f"{names[1]}["):
        position = text[len(names[1]) + 1 : -1]
        if position.isdigit() and int(position) < len(inputs) and inputs[int(position)] in tensors:
            return text, "input"
    return text, None


def _still(
    name: str,
    role: str,
    statement: cst.Assign,
    roles: dict[str, tuple[str, cst.CSTNode | None]],
    bound: dict[str, list[cst.CSTNode]],
    method: cst.FunctionDef,
) -> bool:
    """Whether the name still (or already) stands for the input or output when the statement keeps it."""
    given = roles[name][1] if name in roles else None
    order = {id(node): number for number, node in enumerate(_walk(method.body, into=False))}
    here = order[id(statement)]
    others = [order[id(node)] for node in bound.get(name, ()) if node is not given]
    if role == "input" or given is None:
        return all(other > here for other in others)
    made = order[id(given)]
    return made < here and all(other <= made for other in others)


def _is_used_as_object(function: _Function, attribute: str) -> bool:
    """Whether the tensor is kept for itself: its `.grad` is added to by hand, say."""
    for node in _walk(function.node):
        if isinstance(node, cst.Attribute) and node.attr.value in _IDENTITY and isinstance(node.value, cst.Attribute):
            if node.value.attr.value == attribute:
                return True
    return False
