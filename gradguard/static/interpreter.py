"""Abstract execution of statements.

One execution follows one path, with values that know what matters to gradients. Loops over what is unknown run two
turns: the second shows what the first left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from gradguard.static import (
    assignment,
    calls,
    conditions,
    expressions,
    imports,
    keeping,
    library,
    loops,
    syntax,
)
from gradguard.static.index import names_in
from gradguard.static.project import Project, SourceFile
from gradguard.static.trace import OutOfFuel, Trace
from gradguard.static.values import (
    Arguments,
    Class,
    Const,
    Function,
    Generator,
    Instance,
    Opaque,
    Package,
    Scope,
    Value,
)

__all__ = ["Frame", "Interpreter", "Raised"]

PERIODIC_TURNS = 4
MAX_DEPTH = 24


class Raised(Exception):
    """The program raises an exception here."""


class StopGenerator(Exception):
    """The loop that consumes a generator has ended before the generator did."""


@dataclass(slots=True, eq=False)
class Frame:
    """A function (or file) that is being executed."""

    file: SourceFile
    scope: Scope
    function: Function | None = None
    receiver: Value | None = None
    result: Value | None = None
    on_yield: Callable[[Value], Value] | None = None
    global_scope: Scope | None = None
    loops_before: int = 0


@dataclass(slots=True, eq=False)
class Loop:
    """A loop that is being executed; `turns` grows when its counter turns out to be used as a period."""

    turns: int
    turn: int = 0
    node: cst.For | None = None


@dataclass(slots=True, eq=False)
class Interpreter:
    """Executes the source for one trace."""

    trace: Trace
    project: Project
    frames: list[Frame] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    grad_enabled: bool | None = True
    mode_site: tuple[SourceFile, cst.CSTNode, str] | None = None
    packages: dict[int, Package] = field(default_factory=dict)
    stack: list[cst.CSTNode] = field(default_factory=list)
    mode_call: cst.CSTNode | None = None
    trying: int = 0
    expected: int = 0
    expects_error: int = 0
    mode_known: bool = True
    explicit_mode: int = 0
    mode_doubt: int = 0

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def file(self) -> SourceFile:
        return self.frames[-1].file

    def eval(self, node: cst.BaseExpression) -> Value:
        return expressions.evaluate(self, node)

    def call(self, function: Value, arguments: Arguments, node: cst.CSTNode) -> Value:
        return calls.call(self, function, arguments, node)

    def follow_period(self) -> None:
        """A condition recurs with the counter of this loop: see two whole periods."""
        if self.loops:
            self.loops[-1].turns = max(self.loops[-1].turns, PERIODIC_TURNS)

    # --- files -------------------------------------------------------------------------------------------------------

    def run_file(self, file: SourceFile, *, main: bool) -> Package:
        """Execute the top level of a file."""
        scope = Scope({"__name__": Const("__main__" if main else "module"), "__file__": Const("file.py")})
        package = self.packages[id(file)] = Package(file, scope)
        self.frames.append(Frame(file, scope, global_scope=scope))
        try:
            self.run(file.module.body)
        finally:
            self.frames.pop()
        return package

    def load(self, file: SourceFile) -> Package:
        package = self.packages.get(id(file))
        if package is None:
            loops, enabled, self.loops = self.loops, (self.grad_enabled, self.mode_site), []
            self.grad_enabled = True
            try:
                package = self.run_file(file, main=False)
            except Raised:
                package = self.packages[id(file)]
            finally:
                self.loops, (self.grad_enabled, self.mode_site) = loops, enabled
        return package

    # --- statements --------------------------------------------------------------------------------------------------

    def run(self, body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> str:
        """Execute statements; say how they end: "" normally, or break, continue, return."""
        for statement in body:
            if type(statement) is cst.SimpleStatementLine:
                for small in statement.body:
                    self.trace.burn()
                    signal = _SMALL[type(small)](self, small)
                    if signal:
                        return signal
            else:
                self.trace.burn()
                signal = _COMPOUND[type(statement)](self, statement)
                if signal:
                    return signal
        return ""

    def suite(self, body: cst.BaseSuite) -> str:
        if type(body) is cst.SimpleStatementSuite:
            for small in body.body:
                self.trace.burn()
                signal = _SMALL[type(small)](self, small)
                if signal:
                    return signal
            return ""
        return self.run(body.body)


# --- conditions ------------------------------------------------------------------------------------------------------

_EXITS: dict[type, str] = {cst.Raise: "raise", cst.Return: "return", cst.Continue: "continue", cst.Break: "break"}


def exits(suite: cst.CSTNode | None) -> str:
    """How a branch leaves for sure: "raise", "return", "continue", "break", or "" if it goes on."""
    if suite is None:
        return ""
    body = suite.body  # type: ignore[attr-defined]
    if not body:
        return ""
    last = body[-1]
    if type(last) is cst.SimpleStatementLine:
        last = last.body[-1]
    if type(last) in _EXITS:
        return _EXITS[type(last)]
    if type(last) is cst.Expr and type(last.value) is cst.Call:
        func = last.value.func
        name = func.attr.value if type(func) is cst.Attribute else getattr(func, "value", "")
        if name in ("exit", "quit", "_exit", "abort"):
            return "raise"
    return ""


def _weight(it: Interpreter, node: cst.CSTNode | None) -> int:
    if node is None:
        return 0
    names = it.file.index.names_of(node)
    return 4 * (".backward" in names) + 2 * (".step" in names) + (not it.file.index.hot.isdisjoint(names))


def _preference(it: Interpreter, node: cst.If) -> bool:
    """The branch that is likelier to train: the one that goes on, and the one that handles gradients."""
    other = node.orelse.body if type(node.orelse) is cst.Else else node.orelse
    leaves = exits(node.body)
    leaves_other = exits(other) if isinstance(other, cst.BaseSuite) else ""
    heavy, heavy_other = _weight(it, node.body), _weight(it, other)
    if leaves in ("raise", "continue", "break") or (leaves == "return" and heavy < 4):
        return bool(leaves_other == "raise" and leaves != "raise")
    if leaves_other in ("raise", "continue", "break"):
        return True
    if heavy != heavy_other:
        return heavy > heavy_other
    return True


def _leaves_a_loop(it: Interpreter, how: str) -> bool:
    """Whether a branch cuts a loop short, so that what follows says little about its later turns."""
    return how in ("break", "raise") or (how == "return" and len(it.loops) > it.frame.loops_before)


def _run_if(it: Interpreter, node: cst.If) -> str:
    trace = it.trace
    before = len(trace.decided)
    guessed = trace.guesses
    known = it.file.preferred
    preferred = known.get(node)
    if preferred is None:
        preferred = known[node] = _preference(it, node)
    truth, certain = conditions.condition(it, node.test, preferred)
    body: cst.CSTNode | None = node.body if truth else node.orelse
    if len(trace.decided) > before:
        for decided in list(trace.decided)[before:]:
            trace.governs.setdefault(decided, node)
        chosen = node.body if truth else (node.orelse.body if type(node.orelse) is cst.Else else None)
        if (
            _leaves_a_loop(it, exits(chosen))
            and _weight(it, chosen) < 4
            and any(n in trace.plan for n in list(trace.decided)[before:])
        ):
            trace.partial = True
    trace.sides.add((node, truth))
    if body is None:
        return ""
    trace.guesses = guessed + (not certain)
    try:
        if type(body) is cst.If:
            return _run_if(it, body)
        return it.suite(body.body if type(body) is cst.Else else body)  # type: ignore[arg-type]
    finally:
        trace.guesses = guessed


def _matters(it: Interpreter, loop: cst.While | cst.For) -> bool:
    """Whether to run a second turn: the loop handles gradients, or its yields run the turns of one that may."""
    return it.frame.on_yield is not None or it.file.index.is_hot(loop) or keeping.evaluates(it, loop)


def _run_while(it: Interpreter, node: cst.While) -> str:
    loop = Loop(loops.TURNS if _matters(it, node) else 1)
    it.loops.append(loop)
    outer = it.trace.guesses
    try:
        while loop.turn < loop.turns:
            decisions = it.trace.decisions
            if conditions.known_truth(it.eval(node.test)) is False and it.trace.decisions == decisions:
                break
            signal = it.suite(node.body)
            it.trace.guesses = outer
            if signal == "break":
                return ""
            if signal == "return":
                return signal
            loop.turn += 1
        else:
            return ""
    finally:
        it.loops.pop()
    return it.suite(node.orelse.body) if node.orelse else ""


def _run_for(it: Interpreter, node: cst.For) -> str:
    iterable = it.eval(node.iter)
    hint = node.target.value if type(node.target) is cst.Name else ""
    if isinstance(iterable, Generator):
        return _run_for_generator(it, node, iterable)
    items = loops.iterate(it, iterable, hint, node, hot=_matters(it, node))
    return _run_turns(it, node, items)


def _run_turns(it: Interpreter, node: cst.For, items: loops.Iteration) -> str:
    loop = Loop(items.turns, node=node)
    it.loops.append(loop)
    outer = it.trace.guesses
    try:
        while loop.turn < min(loop.turns, items.limit):
            assignment.assign(it, node.target, items.item(loop.turn), node)
            signal = it.suite(node.body)
            it.trace.guesses = outer
            if signal == "break":
                return ""
            if signal == "return":
                return signal
            loop.turn += 1
    finally:
        it.loops.pop()
    return it.suite(node.orelse.body) if node.orelse else ""


def _run_for_generator(it: Interpreter, node: cst.For, generator: Generator) -> str:
    """The generator runs, and each of its yields runs one turn of the loop."""
    ending = [""]
    consumer = list(it.frames)

    def turn(value: Value) -> Value:
        producer, it.frames[:] = list(it.frames), consumer
        try:
            assignment.assign(it, node.target, value, node)
            signal = it.suite(node.body)
        finally:
            it.frames[:] = producer
        if signal in ("break", "return"):
            ending[0] = signal
            raise StopGenerator
        return Const(None)

    try:
        generator.run(turn)
    except StopGenerator:
        it.frames[:] = consumer
    return "return" if ending[0] == "return" else ""


def _run_try(it: Interpreter, node: cst.Try | cst.TryStar) -> str:
    signal = ""
    it.trying += 1
    catches = any(_catches_runtime_errors(handler) for handler in node.handlers)
    it.expects_error += catches
    frames, loops = len(it.frames), len(it.loops)
    try:
        try:
            try:
                signal = it.suite(node.body)
            finally:
                it.expects_error -= catches
        except Raised:
            del it.frames[frames:]
            del it.loops[loops:]
            if not node.handlers:
                raise
            handler = node.handlers[0]
            it.trace.guesses += 1
            if handler.name is not None and type(handler.name.name) is cst.Name:
                it.frame.scope.bind(handler.name.name.value, Opaque("error"))
            signal = it.suite(handler.body)
            it.trace.guesses -= 1
        else:
            if node.orelse is not None and not signal:
                signal = it.suite(node.orelse.body)
    except OutOfFuel:
        raise
    except Raised:
        if node.finalbody is not None:
            it.suite(node.finalbody.body)
        raise
    finally:
        it.trying -= 1
    if node.finalbody is not None:
        signal = it.suite(node.finalbody.body) or signal
    return signal


def _catches_runtime_errors(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    return handler.type is not None and "RuntimeError" in names_in(handler.type)


def _run_with(it: Interpreter, node: cst.With) -> str:
    expected = any(_expects_an_error(item.item) for item in node.items)
    it.expected += expected
    try:
        return _enter(it, node, 0)
    finally:
        it.expected -= expected


def _enter(it: Interpreter, node: cst.With, position: int) -> str:
    if position == len(node.items):
        return it.suite(node.body)
    item = node.items[position]
    manager = it.eval(item.item)
    target = item.asname.name if item.asname is not None else None
    if isinstance(manager, Generator):
        ending = [""]
        consumer = list(it.frames)

        def inside(value: Value) -> Value:
            producer, it.frames[:] = list(it.frames), consumer
            try:
                if target is not None:
                    assignment.assign(it, target, value, node)
                ending[0] = _enter(it, node, position + 1)
            finally:
                it.frames[:] = producer
            return Const(None)

        manager.run(inside)
        return ending[0]
    enabled, mode_site = it.grad_enabled, it.mode_site
    sets_mode, doubt = library.is_grad_mode(manager), library.may_set_mode(manager)
    it.explicit_mode += sets_mode
    it.mode_doubt += doubt
    value = library.enter(it, manager, item.item)
    if target is not None:
        assignment.assign(it, target, value, node)
    try:
        return _enter(it, node, position + 1)
    finally:
        it.explicit_mode -= sets_mode
        it.mode_doubt -= doubt
        if sets_mode:
            it.grad_enabled, it.mode_site = enabled, mode_site
        if isinstance(manager, Instance):
            library.leave(it, manager, item.item)


def _expects_an_error(manager: cst.BaseExpression) -> bool:
    """Whether it is `pytest.raises(…)` or `self.assertRaises(…)`."""
    return type(manager) is cst.Call and syntax.dotted(manager.func).rsplit(".", 1)[-1].lower().startswith(
        ("raises", "assertraises")
    )


def _run_match(it: Interpreter, node: cst.Match) -> str:
    subject = it.eval(node.subject)
    guessed = it.trace.guesses
    for case in node.cases:
        truth = assignment.matches(it, subject, case)
        if truth is None:
            truth = it.trace.decide(case, it.file, True)
            it.trace.guesses = guessed + 1
        if truth:
            try:
                return it.suite(case.body)
            finally:
                it.trace.guesses = guessed
    return ""


def _define_function(it: Interpreter, node: cst.FunctionDef) -> str:
    it.frame.scope.bind(node.name.value, calls.make_function(it, node, None))
    return ""


def _define_class(it: Interpreter, node: cst.ClassDef) -> str:
    bases = [it.eval(arg.value) for arg in node.bases if not arg.star]
    scope = Scope({}, it.frame.scope)
    cls = Class(node, scope, it.file, tuple(bases), scope.variables)
    outer = it.frame
    it.frames.append(Frame(it.file, scope, outer.function, global_scope=outer.global_scope))
    try:
        it.suite(node.body)
    finally:
        it.frames.pop()
    # A method's free names are looked up in the enclosing function or file, not in the class.
    for value in scope.variables.values():
        if isinstance(value, Function) and value.scope is scope:
            value.scope = outer.scope
            value.owner = cls
    outer.scope.bind(node.name.value, cls)
    return ""


# --- small statements ------------------------------------------------------------------------------------------------


def _expression(it: Interpreter, node: cst.Expr) -> str:
    value = node.value
    if type(value) in (cst.SimpleString, cst.Ellipsis):
        return ""
    if type(value) is cst.Attribute:
        return _bare(it, value)
    result = it.eval(value)
    if it.mode_call is value:
        it.mode_call = None
        it.mode_known = True
        library.enter(it, result, value)
    return ""


def _bare(it: Interpreter, node: cst.Attribute) -> str:
    """A method that is named and not called. It is reported, and then treated as if it had been called."""
    it.trace.executed.add(node)
    if not it.trying and library.is_uncalled(it, node):  # in a try it asks whether there is such a method
        it.trace.uncalled(node, it.file, syntax.text(node.value), node.attr.value)
        if node.attr.value in ("zero_grad", "backward", "step"):
            # Of an imagined backward only its place in the order of calls is wanted.
            given: dict[str, Value] = {"gradient": Opaque()} if node.attr.value == "backward" else {}
            calls.call_method(it, it.eval(node.value), node.attr.value, Arguments(keywords=given), node)
    return ""


def _return(it: Interpreter, node: cst.Return) -> str:
    it.frame.result = it.eval(node.value) if node.value is not None else Const(None)
    return "return"


def _raise(it: Interpreter, node: cst.Raise) -> str:
    raise Raised


def _delete(it: Interpreter, node: cst.Del) -> str:
    targets = [e.value for e in node.target.elements] if type(node.target) is cst.Tuple else [node.target]
    for target in targets:
        assignment.delete(it, target, node)
    return ""


def _assert(it: Interpreter, node: cst.Assert) -> str:
    it.eval(node.test)
    return ""


def _global(it: Interpreter, node: cst.Global) -> str:
    scope = it.frame.global_scope
    if scope is not None and scope is not it.frame.scope:
        for item in node.names:
            it.frame.scope.outer[item.name.value] = scope
    return ""


def _nonlocal(it: Interpreter, node: cst.Nonlocal) -> str:
    for item in node.names:
        scope = it.frame.scope.parent
        while scope is not None and item.name.value not in scope.variables:
            scope = scope.parent
        if scope is not None:
            it.frame.scope.outer[item.name.value] = scope
    return ""


def _import(it: Interpreter, node: cst.Import) -> str:
    for alias in node.names:
        dotted = syntax.dotted(alias.name)
        if alias.asname is not None and type(alias.asname.name) is cst.Name:
            it.frame.scope.bind(alias.asname.name.value, imports.import_module(it, dotted, 0))
        else:
            first = dotted.split(".")[0]
            it.frame.scope.bind(first, imports.import_module(it, first, 0))
    return ""


def _import_from(it: Interpreter, node: cst.ImportFrom) -> str:
    dotted = syntax.dotted(node.module) if node.module is not None else ""
    level = len(node.relative)
    if isinstance(node.names, cst.ImportStar):
        package = imports.resolve(it, imports.import_module(it, dotted, level))
        if isinstance(package, Package):
            for name, value in package.scope.variables.items():
                if not name.startswith("_"):
                    it.frame.scope.bind(name, value)
        return ""
    for alias in node.names:
        name = alias.name.value if type(alias.name) is cst.Name else syntax.dotted(alias.name)
        bound = alias.asname.name.value if alias.asname and type(alias.asname.name) is cst.Name else name
        it.frame.scope.bind(bound, imports.import_name(it, dotted, level, name))
    return ""


def _nothing(it: Interpreter, node: cst.CSTNode) -> str:
    return ""


_SMALL: dict[type, Callable[[Interpreter, Any], str]] = {
    cst.Expr: _expression,
    cst.Assign: assignment.run_assign,
    cst.AnnAssign: assignment.run_annotated,
    cst.AugAssign: assignment.run_augmented,
    cst.Return: _return,
    cst.Pass: _nothing,
    cst.Break: lambda it, node: "break",
    cst.Continue: lambda it, node: "continue",
    cst.Raise: _raise,
    cst.Del: _delete,
    cst.Assert: _assert,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.TypeAlias: _nothing,
}
_COMPOUND: dict[type, Callable[[Interpreter, Any], str]] = {
    cst.If: _run_if,
    cst.For: _run_for,
    cst.While: _run_while,
    cst.Try: _run_try,
    cst.TryStar: _run_try,
    cst.With: _run_with,
    cst.Match: _run_match,
    cst.FunctionDef: _define_function,
    cst.ClassDef: _define_class,
}
