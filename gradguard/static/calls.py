"""Calls: functions of the source are entered, classes are instantiated, modules are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import (
    attributes,
    cuts,
    escape,
    expressions,
    library,
    modules,
    objects,
    optimizers,
    ownership,
    plain,
    syntax,
    tensors,
)
from gradguard.static.index import children, names_in
from gradguard.static.values import (
    NONE,
    Arguments,
    Bound,
    Class,
    Const,
    External,
    Function,
    Generator,
    Instance,
    Method,
    Module,
    Opaque,
    Optimizer,
    Partial,
    Scope,
    Seq,
    Super,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter
    from gradguard.static.project import SourceFile

__all__ = ["call", "evaluate_call", "evaluate_defaults", "make_function"]

MAX_DEPTH = 24
MAX_RECURSION = 2

_FLAGS = {
    "staticmethod": "staticmethod",
    "classmethod": "classmethod",
    "property": "property",
    "cached_property": "property",
    "contextmanager": "contextmanager",
    "asynccontextmanager": "contextmanager",
    "no_grad": "no_grad",
    "inference_mode": "no_grad",
    "enable_grad": "enable_grad",
}


# --- making functions ------------------------------------------------------------------------------------------------


def evaluate_defaults(it: Interpreter, params: cst.Parameters) -> dict[str, Value]:
    """The default arguments, evaluated where the function is defined."""
    return {
        param.name.value: expressions.evaluate(it, param.default)
        for param in (*params.posonly_params, *params.params, *params.kwonly_params)
        if param.default is not None
    }


def make_function(it: Interpreter, node: cst.FunctionDef, owner: Class | None) -> Value:
    """The value of a function definition, with the decorators that matter applied."""
    flags: set[str] = set()
    wrappers: list[Value] = []
    for decorator in node.decorators:
        expression = decorator.decorator
        name = syntax.dotted(expression.func if type(expression) is cst.Call else expression)
        flag = _FLAGS.get(name.rsplit(".", 1)[-1])
        if flag is not None:
            flags.add(flag)
        elif name.endswith((".setter", ".deleter")):
            flags.add("setter")
        else:
            value = expressions.evaluate(it, expression)
            if isinstance(value, (Function, Partial, Bound)):
                wrappers.append(value)
    if _is_generator(it, node):
        flags.add("generator")
    abstract = it.file.abstract.get(node)
    if abstract is None:
        abstract = it.file.abstract[node] = _is_abstract(node)
    if abstract:
        flags.add("abstract")
    function: Value = Function(
        node, it.frame.scope, it.file, evaluate_defaults(it, node.params), owner, frozenset(flags)
    )
    for wrapper in reversed(wrappers):
        wrapped = call(it, wrapper, Arguments([function]), node)
        if isinstance(wrapped, (Function, Partial, Bound)):
            function = wrapped
    return function


def _is_abstract(node: cst.FunctionDef) -> bool:
    """Whether a function does nothing but say that somebody else should define it."""
    for decorator in node.decorators:
        if syntax.dotted(decorator.decorator).rsplit(".", 1)[-1] in ("abstractmethod", "abstractproperty"):
            return True
    body = list(node.body.body)
    while body:
        line = body.pop(0)
        small = line.body[0] if type(line) is cst.SimpleStatementLine else line
        if type(small) is cst.Raise:
            return "NotImplementedError" in names_in(small)
        if not (type(small) is cst.Expr and type(small.value) in (cst.SimpleString, cst.ConcatenatedString)):
            return False
    return False


def _is_generator(it: Interpreter, node: cst.FunctionDef) -> bool:
    known = it.file.generators.get(node)
    if known is None:
        known = it.file.generators[node] = it.file.may_yield and _yields(node.body)
    return known


def _yields(body: cst.CSTNode) -> bool:
    stack: list[cst.CSTNode] = [body]
    while stack:
        node = stack.pop()
        kind = type(node)  # isinstance is slow: nodes are ABCs
        if kind is cst.Yield:
            return True
        if kind not in _SCOPES:
            stack.extend(children(node))
    return False


_SCOPES = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})


# --- evaluating a call -----------------------------------------------------------------------------------------------


def evaluate_call(it: Interpreter, node: cst.Call) -> Value:
    func = node.func
    if type(func) is cst.Attribute:
        # A chain of thousands of method calls is refused rather than recursed into.
        if len(it.stack) > 150:
            return Opaque()
        it.stack.append(node)
        try:
            receiver = expressions.evaluate(it, func.value)
            if isinstance(receiver, Const) and receiver.value is None:
                receiver = _filled_elsewhere(it, func.value)
            arguments = evaluate_arguments(it, node.args)
            return call_method(it, receiver, func.attr.value, arguments, node)
        finally:
            it.stack.pop()
    if type(func) is cst.Name and func.value == "super" and it.frame.scope.find("super") is None:
        return _super(it)
    if type(func) is cst.Name and func.value in ("locals", "globals", "vars"):
        return Opaque(func.value)
    it.stack.append(node)
    try:
        function = expressions.evaluate(it, func)
        arguments = evaluate_arguments(it, node.args)
        return call(it, function, arguments, node)
    finally:
        it.stack.pop()


def _filled_elsewhere(it: Interpreter, node: cst.BaseExpression) -> Value:
    """An attribute or global that is None here and has a method called: somebody sets it before."""
    if type(node) is cst.Attribute:
        holder = expressions.evaluate(it, node.value)
        if isinstance(holder, Instance):
            made = holder.attributes[node.attr.value] = Opaque(node.attr.value, stable=True)
            return made
    if type(node) is cst.Name:
        filled = Opaque(node.value, stable=True)
        (it.frame.global_scope or it.frame.scope).variables[node.value] = filled
        it.frame.scope.bind(node.value, filled)
        return filled
    return Opaque()


def evaluate_arguments(it: Interpreter, args: object) -> Arguments:
    arguments = Arguments()
    for arg in args:  # type: ignore[attr-defined]
        value = expressions.evaluate(it, arg.value)
        if arg.star == "*":
            spread = expressions.spread_out(objects.consumed(it, value))
            if spread is None:
                arguments.open = True
                if isinstance(value, Seq):
                    arguments.positional.extend(value.items)
                else:
                    arguments.keywords.setdefault("*", value)
            else:
                arguments.positional.extend(spread)
        elif arg.star == "**":
            if isinstance(value, Table):
                arguments.keywords.update({key: v for key, v in value.items.items() if isinstance(key, str)})
                arguments.open = arguments.open or not value.exact
            else:
                arguments.open = True
                arguments.keywords.setdefault("**", value)
        elif arg.keyword is not None:
            arguments.keywords[arg.keyword.value] = value
        else:
            arguments.positional.append(value)
    return arguments


def _super(it: Interpreter) -> Value:
    for frame in reversed(it.frames):
        if frame.function is not None and frame.function.owner is not None and frame.receiver is not None:
            return Super(frame.receiver, frame.function.owner)
    return Opaque("super")


def call_method(it: Interpreter, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`receiver.name(*arguments)`."""
    if isinstance(receiver, Tensor):
        return tensors.method(it, receiver, name, arguments, node)
    if isinstance(receiver, External):
        return library.call(it, f"{receiver.path}.{name}", arguments, node)
    if isinstance(receiver, Opaque):
        known = receiver.memo.get(name)
        if known is not None and not (isinstance(known, Opaque) and known.parent is receiver):
            return call(it, known, arguments, node)
        if isinstance(known, Opaque) and known.parameters and name not in objects.MODULE_METHODS:
            return call(it, known, arguments, node)
        if _is_called_module(receiver, name, arguments):
            made = expressions.get_attribute(it, receiver, name, node)
            return call(it, made, arguments, node)
        return objects.method(it, receiver, name, arguments, node)
    function = expressions.get_attribute(it, receiver, name, node)
    if isinstance(function, Method):
        return objects.method(it, function.receiver, function.name, arguments, node)
    if isinstance(function, Opaque) and isinstance(receiver, Instance) and name not in receiver.attributes:
        if not (function.parameters or _is_called_module(objects.unknown_of(receiver), name, arguments)):
            return objects.method(it, receiver, name, arguments, node)
    return call(it, function, arguments, node)


def _is_called_module(receiver: Opaque, name: str, arguments: Arguments) -> bool:
    """Whether `self.netD(x)`, on an unknown object, is the application of a module rather than a method."""
    return bool(arguments.positional) and library.names_module(name) and not name.endswith(("step", "loss"))


# --- calling ---------------------------------------------------------------------------------------------------------


def call(it: Interpreter, function: Value, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`function(*arguments)`."""
    if isinstance(function, Function):
        return call_function(it, function, arguments, node, None)
    if isinstance(function, Bound):
        inner = function.function
        if isinstance(inner, Function):
            return call_function(it, inner, arguments, node, function.receiver)
        return call(it, inner, Arguments([function.receiver, *arguments.positional], arguments.keywords), node)
    if isinstance(function, Class):
        return instantiate(it, function, arguments, node)
    if isinstance(function, External):
        return library.call(it, function.path, arguments, node)
    if isinstance(function, Module):
        return modules.call_module(it, function, arguments, node)
    if isinstance(function, Instance):
        return modules.call_instance(it, function, arguments, node)
    if isinstance(function, Method):
        return objects.method(it, function.receiver, function.name, arguments, node)
    if isinstance(function, Partial):
        given = function.arguments
        joined = Arguments(
            [*given.positional, *arguments.positional], {**given.keywords, **arguments.keywords}, arguments.open
        )
        return call(it, function.function, joined, node)
    if isinstance(function, Opaque):
        return modules.call_unknown(it, function, arguments, node)
    return Opaque(refs=tuple(arguments.all()), reach=tensors.reach_of(arguments.all()))


def call_function(
    it: Interpreter, function: Function, arguments: Arguments, node: cst.CSTNode, receiver: Value | None
) -> Value:
    if (
        len(it.frames) > MAX_DEPTH
        or sum(f.function is not None and f.function.node is function.node for f in it.frames) >= MAX_RECURSION
    ):
        return escape.unknown_call(it, function.name, arguments, node, receiver=receiver)
    if "abstract" in function.flags:
        return escape.unknown_call(it, function.name, arguments, node, receiver=receiver)
    if type(function.node) is cst.FunctionDef and "generator" not in function.flags:
        it.trace.executed.add(function.node)
    if plain.is_beside_the_point(function, arguments, receiver):
        cut = cuts.joined(arguments.all())  # what works on arrays and numbers gives arrays and numbers
        lost = cut is not None and cut.lost
        return Opaque(function.name, refs=tuple(arguments.all()), cut=cut if lost else None, detached=lost)
    scope = Scope({}, function.scope)
    _bind(it, function, arguments, receiver, scope)
    if "generator" in function.flags:
        return _generator(it, function, scope, receiver, node)
    return _run(it, function, scope, receiver, node)


def _bind(it: Interpreter, function: Function, arguments: Arguments, receiver: Value | None, scope: Scope) -> None:
    params = function.node.params
    names = [param.name.value for param in (*params.posonly_params, *params.params)]
    positional = list(arguments.positional)
    if receiver is not None and "staticmethod" not in function.flags:
        positional.insert(0, receiver)
    keywords = dict(arguments.keywords)
    keywords.pop("*", None)
    rest = keywords.pop("**", None)
    variables = scope.variables
    for name, value in zip(names, positional, strict=False):
        variables[name] = value
    if type(params.star_arg) is cst.Param:
        variables[params.star_arg.name.value] = Seq(positional[len(names) :], not arguments.open, "tuple")
    for name in (*names[len(positional) :], *(param.name.value for param in params.kwonly_params)):
        if name in keywords:
            variables[name] = keywords.pop(name)
        elif arguments.open:
            variables[name] = Opaque(name, refs=() if rest is None else (rest,), stable=True)
        elif name in function.defaults:
            variables[name] = function.defaults[name]
        else:
            variables[name] = Opaque(name, stable=True)
    if params.star_kwarg is not None:
        variables[params.star_kwarg.name.value] = Table(dict(keywords), not arguments.open)


def _generator(it: Interpreter, function: Function, scope: Scope, receiver: Value | None, node: cst.CSTNode) -> Value:
    def run(on_yield: object) -> None:
        from gradguard.static.interpreter import Frame

        frame = Frame(function.file, scope, function, receiver, on_yield=on_yield, global_scope=_global_scope(function))  # type: ignore[arg-type]
        it.frames.append(frame)
        it.trace.executed.add(function.node)
        try:
            it.suite(function.node.body)  # type: ignore[arg-type]
        finally:
            if frame in it.frames:
                del it.frames[it.frames.index(frame) :]

    return Generator(run)


def _global_scope(function: Function) -> Scope:
    scope = function.scope
    while scope.parent is not None:
        scope = scope.parent
    return scope


def _run(it: Interpreter, function: Function, scope: Scope, receiver: Value | None, node: cst.CSTNode) -> Value:
    from gradguard.static.interpreter import Frame, Raised

    frame = Frame(
        function.file, scope, function, receiver, global_scope=_global_scope(function), loops_before=len(it.loops)
    )
    calls, loops, depth = it.trace.calls, len(it.loops), len(it.frames)
    enabled, mode_site = it.grad_enabled, it.mode_site
    it.trace.calls = (*calls, node)
    it.frames.append(frame)
    sets_mode = "no_grad" in function.flags or "enable_grad" in function.flags
    it.explicit_mode += sets_mode
    if "no_grad" in function.flags:
        it.grad_enabled, it.mode_site = False, _decorator(function)
    elif "enable_grad" in function.flags:
        it.grad_enabled = True
    try:
        if isinstance(function.node, cst.Lambda):
            return expressions.evaluate(it, function.node.body)
        it.suite(function.node.body)
    except Raised:
        # Most likely a check of arguments that are not really what they are taken for here.
        if it.trying or not it.frames[:-1]:
            raise
        return Opaque(function.name, refs=tuple(scope.variables.values()))
    finally:
        del it.frames[depth:]
        it.trace.calls = calls
        del it.loops[loops:]
        it.explicit_mode -= sets_mode
        if sets_mode:
            it.grad_enabled, it.mode_site = enabled, mode_site
    return frame.result if frame.result is not None else NONE


def _decorator(function: Function) -> tuple[SourceFile, cst.CSTNode, str]:
    """Where a function is told to run without gradients."""
    for decorator in getattr(function.node, "decorators", ()):
        expression = decorator.decorator
        name = syntax.dotted(expression.func if type(expression) is cst.Call else expression)
        if _FLAGS.get(name.rsplit(".", 1)[-1]) == "no_grad":
            of_forward = f"`@{name}` {cuts.ABOVE_FORWARD}"
            return function.file, expression, of_forward if function.name == "forward" else f"@{name}"
    return function.file, function.node, "torch.no_grad"


# --- classes ---------------------------------------------------------------------------------------------------------


def instantiate(it: Interpreter, cls: Class, arguments: Arguments, node: cst.CSTNode) -> Value:
    kinds = [library.kind_of_class(base) for base in cls.externals()]
    if "optimizer" in kinds:
        return _make_own_optimizer(it, cls, arguments, node)
    instance = Instance(cls, is_module="module" in kinds, whole="unknown" not in kinds)
    init = cls.lookup("__init__")
    if init is not None:
        it.call(Bound(init[0], instance, init[1]), arguments, node)
    else:
        _fill_fields(it, cls, instance, arguments, node)
        if not instance.whole:
            objects.unknown_of(instance).refs = tuple(arguments.all())
    return instance


def _fill_fields(it: Interpreter, cls: Class, instance: Instance, arguments: Arguments, node: cst.CSTNode) -> None:
    """The fields of a dataclass or named tuple."""
    names = [
        small.target.value
        for base in reversed(list(cls.lineage()))
        for line in base.node.body.body
        if isinstance(line, cst.SimpleStatementLine)
        for small in line.body
        if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name)
    ]
    for position, name in enumerate(dict.fromkeys(names)):
        if (value := arguments.get(position, name)) is not None:
            instance.attributes[name] = value
        elif (found := cls.lookup(name)) is not None and getattr(found[0], "called", "") == "dataclasses.field":
            facts = found[0].memo  # type: ignore[attr-defined]
            if (factory := facts.get("default_factory")) is not None:
                instance.attributes[name] = it.call(factory, Arguments(), node)
            elif (default := facts.get("default")) is not None:
                instance.attributes[name] = default


def _make_own_optimizer(it: Interpreter, cls: Class, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A subclass of an optimizer: it steps and clears as its base does, whatever its update computes."""
    wrapped = [v for v in arguments.all() if isinstance(v, Optimizer)]
    if len(wrapped) == 1:
        inner = wrapped[0]
        made = Optimizer(
            cls.name, inner.owners, inner.updater, inner.loose, node=node, own_step=True, given=inner.given
        )
        it.trace.add_optimizer(made)
        return made
    given = arguments.get(0, "params")
    found = optimizers.as_parameters(it, given) if given is not None else None
    optimizer = Optimizer(
        cls.name,
        list(found.owners) if found is not None else [],
        ("optimizer", it.file, node),
        loose=found is None,
        node=node,
    )
    if given is not None:
        ownership.consume(it, given, node, "the optimizer")
    it.trace.give(optimizer, optimizer.owners)
    step = cls.lookup("step")
    if step is not None and isinstance(step[0], Function):
        clears = {".zero_grad", ".zero_", "zero_grad"} & step[0].file.index.names_of(step[0].node)
        if clears or attributes.assigns(step[0].node, "grad"):
            optimizer.kind = "clears itself"
    optimizer.own_step = step is not None and ".grad" not in _names(step[0])
    it.trace.add_optimizer(optimizer)
    return optimizer


def _names(function: Value) -> set[str]:
    return function.file.index.names_of(function.node) if isinstance(function, Function) else set()


# --- modules ---------------------------------------------------------------------------------------------------------
