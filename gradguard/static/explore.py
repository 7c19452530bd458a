"""Which executions to run, and what to believe of them.

A place is reported if it is wrong in some execution and right in none: each condition that the source leaves open is
tried both ways, alone, and an execution in which the same place does the right thing acquits it. So a clearing that
happens under a condition silences the report, while a branch that never clears is found even if another branch does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from gradguard.events import Event
from gradguard.rule import Detector, Report, Rule
from gradguard.static import attributes, calls, functions, library, modes, objects, ownership, syntax, untrained
from gradguard.static.index import Known
from gradguard.static.interpreter import Frame, Interpreter, Raised
from gradguard.static.project import Project, SourceFile
from gradguard.static.trace import OutOfFuel, Trace
from gradguard.static.values import (
    Arguments,
    Bound,
    Class,
    Const,
    Function,
    Instance,
    Optimizer,
    Package,
    Scope,
    Value,
)

__all__ = ["explore"]

# Fuel is spent on statements and calls. Each bound is a constant and a part that grows with the lines of the file.
FUEL_OF_A_TRACE = (6_000, 10)
FUEL_OF_A_FILE = (30_000, 30)
FUEL_OF_COVERAGE = (1_500, 4)
# What stands accused is worth an effort: few files have such a place, and a report must be right.
FUEL_OF_A_TRIAL = (150_000, 100)
COVERAGE_FLIPS = 10
MAX_TURNED = 5
ACQUITTAL_FLIPS = 120

Key = tuple[str, Hashable, Hashable]
Detectors = Mapping[type[Event], Sequence[tuple[Rule, Detector]]]
Start = Callable[[Interpreter], None]


@dataclass(slots=True)
class Explorer:
    """Runs the executions of one file."""

    project: Project
    detectors: Detectors
    fuel: int
    fuel_of_a_trace: int
    coverage_fuel: int
    trial_fuel: int
    executed: set[cst.CSTNode] = field(default_factory=set)
    found: dict[Key, Report] = field(default_factory=dict)
    training: untrained.Memory = field(default_factory=untrained.Memory)

    @property
    def file(self) -> SourceFile:
        return self.project.main

    def run(self) -> None:
        self.enter(_top_level)
        for entry in self._entries():
            self.enter(entry)
        self._bare()
        self._custom_functions()

    # --- one entry ---------------------------------------------------------------------------------------------------

    def enter(self, start: Start) -> None:
        """Explore one way into the file. Past a bound it says nothing."""
        first = self.trace(start, {})
        if first is None:
            return
        search = _Search(self, start)
        search.take(first, {})
        search.cover()
        if search.acquit():
            for name, report in search.guilty.items():
                if name not in search.innocent:
                    self.found.setdefault(name, report)
        explained = {other for report in self.found.values() for other in report.instead_of}
        if explained:
            self.found = {key: report for key, report in self.found.items() if key[:2] not in explained}

    def trace(self, start: Start, plan: dict[cst.CSTNode, bool]) -> Trace | None:
        fuel = min(self.fuel_of_a_trace, self.fuel)
        if fuel <= 0:
            return None
        trace = Trace(self.detectors, plan, fuel)
        interpreter = Interpreter(trace, self.project)
        try:
            start(interpreter)
            ownership.judge(interpreter)
            if start is _top_level and not trace.partial:
                trace.finish()
            if not trace.partial:
                untrained.judge(interpreter, self.training)
        except Raised:
            pass
        except (OutOfFuel, RecursionError):
            return None
        finally:
            self.fuel -= fuel - max(trace.fuel, 0) + 50
        trace.keeping.finish(trace)
        trace.retaining.finish(trace)
        self.executed |= trace.executed
        return trace

    # --- ways in -----------------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[Start]:
        """Functions and methods that handle gradients and that no execution has reached yet, callers first."""
        index = self.file.index
        hot = [known for known in index.functions if not known.nested and not index.hot.isdisjoint(known.names)]
        methods: dict[cst.ClassDef, list[Known]] = {}
        for known in hot:
            if known.cls is not None:
                methods.setdefault(known.cls, []).append(known)
        called = {name for known in hot for name in known.names}
        functions = [known for known in hot if known.cls is None]
        for known in sorted(functions, key=lambda known: (known.node.name.value in called, -_calls(known, functions))):
            if known.node not in self.executed:
                yield _function_entry(known.node)
        based_on = {syntax.text(base.value) for cls in index.classes for base in cls.bases}
        for cls in sorted(index.classes, key=lambda cls: cls.name.value in based_on):
            own = methods.get(cls, [])
            for known in sorted(own, key=lambda known: -_calls(known, own)):
                if known.node not in self.executed:
                    yield _method_entry(cls, known.node)

    def _bare(self) -> None:
        """Methods that are named but not called, in code that no execution has reached."""
        trace = Trace(self.detectors, {}, 1)
        for node in self.file.index.bare:
            method = node.attr.value
            receiver = syntax.text(node.value)
            if node in self.executed or not receiver:
                continue
            last = receiver.rsplit(".", 1)[-1]
            if method in ("zero_grad", "backward", "retain_grad", "zero_") or (
                method in ("step", "update", "unscale_") and library.is_training_name(last, method)
            ):
                trace.uncalled(node, self.file, receiver, method)
        self.found.update({key: report for key, report in trace.reports.items() if key not in self.found})

    def _custom_functions(self) -> None:
        """Definitions of autograd Functions and grad modes that nobody enters, which are judged by their text."""
        trace = Trace(self.detectors, {}, 1)
        for event in (*functions.events(self.file), *modes.events(self.file)):
            trace.emit(event)
        self.found.update({key: report for key, report in trace.reports.items() if key not in self.found})


@dataclass(slots=True)
class _Search:
    """The executions from one way in: the first one, and those that decide otherwise in one or two places."""

    explorer: Explorer
    start: Start
    guilty: dict[Key, Report] = field(default_factory=dict)
    innocent: set[Key] = field(default_factory=set)
    sides: set[tuple[cst.CSTNode, bool]] = field(default_factory=set)
    traces: list[tuple[Trace, dict[cst.CSTNode, bool]]] = field(default_factory=list)
    planned: set[frozenset[tuple[cst.CSTNode, bool]]] = field(default_factory=set)
    _hiding: tuple[int, set[str]] | None = None  # with the number of sides it was worked out from

    def take(self, trace: Trace, plan: dict[cst.CSTNode, bool]) -> None:
        for name, report in trace.reports.items():
            self.guilty.setdefault(name, report)
        if not trace.partial:
            self.innocent |= trace.acquitted - trace.reports.keys()
        self.sides |= trace.sides
        self.traces.append((trace, plan))

    def flip(self, trace: Trace, plan: dict[cst.CSTNode, bool], node: cst.CSTNode) -> Trace | None:
        """Execute once more with the opposite decision at one place; None if that has been done or is too long."""
        wanted = {**plan, node: not trace.decided[node]}
        key = frozenset(wanted.items())
        if key in self.planned:
            return None
        self.planned.add(key)
        other = self.explorer.trace(self.start, wanted)
        if other is not None:
            self.take(other, wanted)
        return other

    def cover(self) -> None:
        """Reach the code that handles gradients and lies on a side of a condition that was not taken.

        First the decisions that govern such a condition are turned, then, if there is still such code, the others: what
        was assigned under them may decide the condition.
        """
        flips = 0
        before = self.explorer.fuel
        most = self.explorer.coverage_fuel // 2
        for directly in (True, False):
            position = 0
            while position < len(self.traces):
                trace, plan = self.traces[position]
                position += 1
                if len(plan) >= MAX_TURNED:
                    continue
                for node in list(trace.decided):
                    spent = before - self.explorer.fuel
                    if flips >= COVERAGE_FLIPS or spent >= most:
                        self.explorer.coverage_fuel -= spent
                        return
                    if node in plan or not self._may_uncover(trace, node, directly=directly):
                        continue
                    if self.flip(trace, plan, node) is not None:
                        flips += 1
        self.explorer.coverage_fuel -= before - self.explorer.fuel

    def _may_uncover(self, trace: Trace, node: cst.CSTNode, *, directly: bool) -> bool:
        if directly:
            return self._leads_to_uncovered(trace, node)
        statement = trace.governs.get(node)
        if statement is None:
            return False
        wanted = self._names_that_hide()
        return bool(wanted) and not wanted.isdisjoint(trace.decided_in[node].index.names_of(statement))

    def _leads_to_uncovered(self, trace: Trace, node: cst.CSTNode) -> bool:
        statement = trace.governs.get(node)
        if statement is None:
            return False
        hot = trace.decided_in[node].index.is_hot
        return any(hot(side) for side, missing in _branches(statement) if (statement, missing) not in self.sides)

    def _names_that_hide(self) -> set[str]:
        """The names in conditions one side of which has a backward and has not been taken."""
        if self._hiding is not None and self._hiding[0] == len(self.sides):
            return self._hiding[1]
        index = self.explorer.file.index
        names: set[str] = set()
        for statement, side in self.sides:
            if type(statement) is cst.If and (statement, not side) not in self.sides:
                for branch, missing in _branches(statement):
                    if missing is not side and ".backward" in index.names_of(branch):
                        names |= index.names_of(statement.test)
        names -= {"self", "args"}
        self._hiding = len(self.sides), names
        return names

    def acquit(self) -> bool:
        """Try every open condition both ways while something stands accused; False if that takes too long."""
        if self.guilty.keys() - self.innocent:
            self.explorer.fuel += self.explorer.trial_fuel
            self.explorer.trial_fuel = 0
        self.explorer.fuel_of_a_trace *= 3
        try:
            return self._try_both_ways()
        finally:
            self.explorer.fuel_of_a_trace //= 3

    def _try_both_ways(self) -> bool:
        flips = 0
        for trace, plan in list(self.traces):
            for node in list(trace.decided):
                accused = self.guilty.keys() - self.innocent
                if accused.isdisjoint(trace.reports):
                    break
                if flips >= ACQUITTAL_FLIPS:
                    return False
                if node in plan:
                    continue
                tried = len(self.planned)
                if self.flip(trace, plan, node) is not None:
                    flips += 1
                elif len(self.planned) > tried:
                    return False  # too long to be executed: what it would have said is not known
        return True


def _branches(statement: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, bool]]:
    if type(statement) is cst.If:
        yield statement.body, True
        if statement.orelse is not None:
            yield statement.orelse, False


_OPTIMIZER = re.compile(r"opt", re.IGNORECASE)


def _calls(known: Known, others: list[Known]) -> int:
    """How many of the others a function names: callers are entered before what they call."""
    return sum(
        other is not known and not known.names.isdisjoint((other.node.name.value, "." + other.node.name.value))
        for other in others
    )


def _top_level(it: Interpreter) -> None:
    it.trace.retaining.whole = True
    it.run_file(it.project.main, main=True)


def _definitions(it: Interpreter) -> Package:
    """Run the top level of the file as if it were imported, without the parts that train."""
    file = it.project.main
    scope = Scope({"__name__": Const("module")})
    package = it.packages[id(file)] = Package(file, scope)
    it.frames.append(Frame(file, scope, global_scope=scope))
    try:
        if file.definitions is None:
            file.definitions = list(_defining(file))
        for statement in file.definitions:
            it.run([statement])
    finally:
        it.frames.pop()
    return package


def _defining(file: SourceFile) -> Iterator[cst.BaseStatement]:
    for statement in file.module.body:
        if type(statement) is cst.SimpleStatementLine:
            kept = [small for small in statement.body if type(small) is not cst.Expr]
            if kept and not (any(file.index.is_hot(small) for small in kept)):
                yield statement.with_changes(body=kept) if len(kept) != len(statement.body) else statement
        elif type(statement) in _DEFINITIONS or not file.index.is_hot(statement):
            if type(statement) not in _BLOCKS:
                yield statement


_DEFINITIONS = frozenset({cst.FunctionDef, cst.ClassDef})
_BLOCKS = frozenset({cst.For, cst.While, cst.With})


def _function_entry(node: cst.FunctionDef) -> Start:
    def start(it: Interpreter) -> None:
        package = _definitions(it)
        it.mode_known = False
        function = package.scope.variables.get(node.name.value)
        if not isinstance(function, Function) or function.node is not node:
            it.frames.append(Frame(package.file, package.scope, global_scope=package.scope))
            function = calls.make_function(it, node, None)
            it.frames.pop()
        _enter(it, package, function, node)

    return start


def _method_entry(cls: cst.ClassDef, node: cst.FunctionDef) -> Start:
    def start(it: Interpreter) -> None:
        package = _definitions(it)
        it.mode_known = False
        value = package.scope.variables.get(cls.name.value)
        if not isinstance(value, Class) or value.node is not cls:
            return
        it.frames.append(Frame(package.file, package.scope, global_scope=package.scope))
        try:
            it.trace.guesses += 1
            made = calls.instantiate(it, value, Arguments(open=True), node)
        except Raised:
            return
        finally:
            it.trace.guesses -= 1
            it.frames.pop()
        found = value.attributes.get(node.name.value)
        if isinstance(made, Optimizer) or found is None:
            return
        if isinstance(made, Instance):
            attributes.forget_what_others_change(made, value, node)
        it.trace.imagined = True
        _enter(it, package, Bound(found, made, value), node)
        if isinstance(made, Instance) and (not it.trace.passes or _is_repeated(it, value)):
            _enter(it, package, Bound(found, made, value), node)

    return start


def _is_repeated(it: Interpreter, cls: Class) -> bool:
    """Whether to run a method a second time: it trains by itself, and nothing else in sight clears for it.

    A method that does one backward and one step is called from a loop somewhere. Its optimizer lives in the object, so
    what clears it can be expected in the class; if another method does, the order of the calls is not known.
    """
    if not it.trace.stepped:
        return False
    for base in cls.lineage():
        for line in base.node.body.body:
            if isinstance(line, cst.FunctionDef) and line not in it.trace.executed:
                names = base.file.index.names_of(line)
                if ".zero_grad" in names and not _clears_others(it, base.file, line):
                    return False
                if ".grad" in names and ".zero_grad" not in names and ".backward" not in names:
                    return False
    return True


def _clears_others(it: Interpreter, file: SourceFile, method: cst.FunctionDef) -> bool:
    """Whether what a method clears surely has nothing to do with the steps that were seen."""
    cleared = file.cleared.get(method)
    if cleared is None:
        text = file.module.code_for_node(method)
        cleared = file.cleared[method] = frozenset(re.findall(r"\.(\w+)\.zero_grad\b", text))
    return bool(cleared) and cleared.isdisjoint(it.trace.stepped) and all(_OPTIMIZER.search(name) for name in cleared)


def _enter(it: Interpreter, package: Package, function: Value, node: cst.FunctionDef) -> None:
    it.frames.append(Frame(package.file, package.scope, global_scope=package.scope))
    try:
        result = it.call(function, Arguments(open=True), node)
        it.trace.retaining.expose([objects.consumed(it, result)])
    finally:
        it.frames.pop()


def explore(project: Project, rules: Sequence[Rule]) -> dict[Key, Report]:
    """The reports on a file, by (rule, site, key)."""
    detectors: dict[type[Event], list[tuple[Rule, Detector]]] = {}
    for rule in rules:
        for kind, detector in rule.detect.items():
            detectors.setdefault(kind, []).append((rule, detector))
    lines = project.main.source.text.count("\n")
    whole, once, covering, trial = (
        a + b * lines for a, b in (FUEL_OF_A_FILE, FUEL_OF_A_TRACE, FUEL_OF_COVERAGE, FUEL_OF_A_TRIAL)
    )
    explorer = Explorer(project, detectors, fuel=whole, fuel_of_a_trace=once, coverage_fuel=covering, trial_fuel=trial)
    explorer.run()
    return explorer.found
