"""Faults planted in training code: where they can be planted, and which of them would be no fault.

The source is read with `ast` and edited as text, so that the rest of a file stays as it was. A function is an outermost
`def` (a method, or a function of the module; the functions inside it belong to it) or the module's own statements. The
*unit* of a function is the function, everything that it calls in the file, and everything in the file that leads to it.
Calls are resolved by name alone. The *training loop* of a place is the innermost loop around it that contains a
backward and a step, in its own text or through calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While

OPTIMIZER = re.compile(r"opt|adam|sgd|rmsprop|lbfgs", re.IGNORECASE)
NO_OPTIMIZER = re.compile(r"sched|env|prof|bar|timer|counter|swa|ema\b|warm|accountant", re.IGNORECASE)
SELF_CLEARING = re.compile(r"engine|deepspeed", re.IGNORECASE)
CLEARING_HELPER = re.compile(r"(zero|reset|clear|clean).*grad", re.IGNORECASE)
REDUCTIONS = {"mean", "sum"}
ELEMENTWISE = {
    *(
        "abs",
        "exp",
        "log",
        "log1p",
        "pow",
        "square",
        "sqrt",
        "relu",
        "sigmoid",
        "logsigmoid",
        "softplus",
        "clamp",
        "clip",
    ),
    *("minimum", "maximum", "where", "mul", "add", "sub", "div", "log_prob", "log_softmax", "gather"),
}
CRITERIA = {
    *("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"),
    *("KLDivLoss", "PoissonNLLLoss", "MultiMarginLoss", "TripletMarginLoss", "CosineEmbeddingLoss", "SoftMarginLoss"),
}
FUNCTIONAL_CRITERIA = {
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cross_entropy", "nll_loss", "binary_cross_entropy"),
    *("binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "triplet_margin_loss"),
}


@dataclass(frozen=True)
class Edit:
    """Replace the text from (line, column) to (end_line, end_column); columns count bytes, as `ast` counts them."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Mutant:
    """One planted fault, or the reason why it would be none. `functions` are those where a finding would be right."""

    mutation: str
    rule: str
    line: int
    statement: str
    situation: str = ""
    excluded: str = ""
    edits: tuple[Edit, ...] = ()
    functions: frozenset[str] = frozenset()

    def title(self, path: Path) -> str:
        situation = f", {self.situation}" if self.situation else ""
        return f"{self.mutation}{situation}: {path}:{self.line}: {self.statement}"


def apply(source: str, edits: tuple[Edit, ...]) -> str:
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    content = b"".join(lines)
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column), reverse=True):
        start, end = starts[edit.line - 1] + edit.column, starts[edit.end_line - 1] + edit.end_column
        content = content[:start] + edit.text.encode() + content[end:]
    return content.decode()


def replace(node: ast.AST, text: str) -> Edit:
    """Replace a node's text; line breaks are kept, so that what follows stays on its line."""
    assert isinstance(node, ast.stmt | ast.expr)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    text += "\n" * (node.end_lineno - node.lineno - text.count("\n"))
    return Edit(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, text)


def insert(line: int, column: int, text: str) -> Edit:
    return Edit(line, column, line, column, text)


def last_name(expression: ast.expr) -> str:
    """`step` of `self.opt.step`, `f` of `f`, the empty string for anything else."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def repeats(loop: Loop) -> bool:
    """Whether a loop comes to a second turn: `break` as its last statement ends it after the first."""
    return not isinstance(loop.body[-1], ast.Break | ast.Return | ast.Raise)


@dataclass(frozen=True)
class Clearing:
    """A statement that clears gradients. `kind`: of an optimizer, a module or a tensor, or by a helper's name."""

    statement: ast.stmt
    receiver: str
    kind: str


@dataclass(frozen=True)
class Step:
    call: ast.Call
    target: str


class File:
    """What the mutations ask about one file."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.encode().splitlines(keepends=True)
        self.tree = ast.parse(source)
        self.parent: dict[ast.AST, ast.AST] = {}
        self.nodes: dict[Function, list[ast.AST]] = {}
        self.function_of: dict[ast.AST, Function] = {}
        self.name_of: dict[Function, str] = {self.tree: ""}
        self._enter(self.tree, self.tree, "")

    def _enter(self, node: ast.AST, function: Function, prefix: str) -> None:
        pending: list[tuple[ast.AST, Function, str]] = [(node, function, prefix)]
        while pending:
            node, function, prefix = pending.pop()
            self.nodes.setdefault(function, []).append(node)
            self.function_of[node] = function
            for child in ast.iter_child_nodes(node):
                self.parent[child] = node
                owner, inner = function, prefix
                if isinstance(child, ast.ClassDef) and isinstance(function, ast.Module):
                    inner = f"{prefix}{child.name}."
                elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(function, ast.Module):
                    owner = child
                    self.name_of[child] = f"{prefix}{child.name}"
                pending.append((child, owner, inner))

    def text(self, node: ast.AST) -> str:
        return ast.unparse(node)

    @cached_property
    def calls(self) -> dict[Function, list[ast.Call]]:
        return {
            function: [node for node in nodes if isinstance(node, ast.Call)] for function, nodes in self.nodes.items()
        }

    def called(self, call: ast.Call, function: Function) -> set[Function]:
        """The functions of the file that a call may mean, by name."""
        name = last_name(call.func)
        if not name:
            return set()
        methods = isinstance(call.func, ast.Attribute)
        candidates = {
            other
            for other, qualified in self.name_of.items()
            if qualified.rpartition(".")[2] == name and ("." in qualified) == methods
        }
        if isinstance(call.func, ast.Attribute) and self.text(call.func.value) == "self":
            own = self.name_of[function].rpartition(".")[0]
            same = {other for other in candidates if self.name_of[other].rpartition(".")[0] == own}
            return same or candidates
        return candidates

    @cached_property
    def callees(self) -> dict[Function, set[Function]]:
        return {
            function: set[Function]().union(*(self.called(call, function) for call in calls))
            for function, calls in self.calls.items()
        }

    @cached_property
    def callers(self) -> dict[Function, set[Function]]:
        back: dict[Function, set[Function]] = {function: set() for function in self.callees}
        for function, callees in self.callees.items():
            for callee in callees:
                back[callee].add(function)
        return back

    def reach(self, start: set[Function], edges: dict[Function, set[Function]]) -> set[Function]:
        seen, pending = set(start), list(start)
        while pending:
            for function in edges.get(pending.pop(), ()):
                if function not in seen:
                    seen.add(function)
                    pending.append(function)
        return seen

    def unit(self, function: Function) -> set[Function]:
        return self.reach({function}, self.callees) | self.reach({function}, self.callers)

    @cached_property
    def zeroed(self) -> set[str]:
        """The receivers of all calls of `zero_grad`, as text."""
        return {
            self.text(call.func.value)
            for calls in self.calls.values()
            for call in calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == "zero_grad"
        }

    def is_optimizer(self, receiver: str) -> bool:
        name = receiver.rpartition(".")[2]
        return not NO_OPTIMIZER.search(name) and bool(OPTIMIZER.search(name))

    def step(self, node: ast.AST) -> Step | None:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "step":
            return None
        receiver = self.text(node.func.value)
        if node.args and isinstance(node.args[0], ast.Name | ast.Attribute | ast.Subscript):
            argument = self.text(node.args[0])
            if self.is_optimizer(argument) or argument in self.zeroed:
                return Step(node, argument)
        if NO_OPTIMIZER.search(receiver.rpartition(".")[2]):
            return None
        return Step(node, receiver) if self.is_optimizer(receiver) or receiver in self.zeroed else None

    def is_backward(self, node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"backward", "manual_backward"}
            and self.text(node.func.value) not in {"super()", "ctx"}
        )

    def steps(self, function: Function) -> list[Step]:
        return [step for node in self.nodes[function] if (step := self.step(node))]

    @cached_property
    def stepped(self) -> set[str]:
        return {step.target for function in self.nodes for step in self.steps(function)}

    @cached_property
    def _does(self) -> dict[Function, tuple[bool, bool]]:
        """For each function whether it runs a backward and whether it steps, itself or through calls."""
        own = {
            function: (any(map(self.is_backward, nodes)), bool(self.steps(function)))
            for function, nodes in self.nodes.items()
        }
        return {
            function: (any(own[other][0] for other in reached), any(own[other][1] for other in reached))
            for function in self.nodes
            for reached in [self.reach({function}, self.callees)]
        }

    @cached_property
    def inner(self) -> dict[Function, dict[str, ast.AST]]:
        """The functions inside each function, by name."""
        return {
            function: {
                node.name: node
                for node in nodes
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function
            }
            for function, nodes in self.nodes.items()
        }

    def extent(self, root: ast.AST) -> set[ast.AST]:
        """The nodes under `root`, and those of the functions inside the same function that are named there."""
        inner = self.inner[self.function_of[root]]
        nodes: set[ast.AST] = set()
        pending = [root]
        while pending:
            under = set(ast.walk(pending.pop()))
            pending += [inner[node.id] for node in under - nodes if isinstance(node, ast.Name) and node.id in inner]
            pending = [node for node in pending if node not in nodes and node not in under]
            nodes |= under
        return nodes

    def trains(self, root: ast.AST) -> bool:
        """Whether the text under `root` runs a backward and a step, itself or through calls."""
        function = self.function_of[root]
        backward = step = False
        for node in self.extent(root):
            if isinstance(node, ast.Call):
                backward |= self.is_backward(node)
                step |= self.step(node) is not None
                for callee in self.called(node, function):
                    backward |= self._does[callee][0]
                    step |= self._does[callee][1]
        return backward and step

    def loops_around(self, node: ast.AST) -> Iterator[Loop]:
        """The loops of the same function whose body holds `node`, the innermost first."""
        function = self.function_of[node]
        while node is not function and node in self.parent:
            child, node = node, self.parent[node]
            if isinstance(node, Loop) and child in node.body and repeats(node):
                yield node

    def training_loop(self, node: ast.AST) -> Loop | None:
        """The innermost loop around `node`, or around a use of the inner function that holds it, that trains."""
        for loop in self.loops_around(node):
            if self.trains(loop):
                return loop
        around = [
            loop
            for loop in self.nodes[self.function_of[node]]
            if isinstance(loop, Loop) and self.is_training_loop(loop) and node in self.extent(loop)
        ]
        return min(around, key=lambda loop: len(self.extent(loop)), default=None)

    def is_training_loop(self, node: ast.AST) -> bool:
        return isinstance(node, Loop) and repeats(node) and self.trains(node)

    def is_called_in_a_loop(self, function: Function) -> bool:
        for caller in self.reach({function}, self.callers):
            for call in self.calls[caller]:
                hits = self.called(call, caller)
                if hits and any(self.loops_around(call)) and function in self.reach(hits, self.callees):
                    return True
        return False

    def clearing(self, node: ast.AST) -> Clearing | None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr == "zero_grad":
                receiver = self.text(called.value)
                kind = "optimizer" if self.is_optimizer(receiver) or receiver in self.stepped else "module"
                return Clearing(node, receiver, kind)
            if isinstance(called, ast.Attribute) and called.attr == "zero_":
                tensor = called.value
                if isinstance(tensor, ast.Attribute) and tensor.attr == "data":
                    tensor = tensor.value
                if isinstance(tensor, ast.Attribute) and tensor.attr == "grad":
                    return Clearing(node, self.text(tensor.value), "tensor")
            if CLEARING_HELPER.search(last_name(called)):
                return Clearing(node, self.text(called), "helper")
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None:
            target = node.targets[0]
            if len(node.targets) == 1 and isinstance(target, ast.Attribute) and target.attr == "grad":
                return Clearing(node, self.text(target.value), "tensor")
        return None

    @cached_property
    def clearings(self) -> dict[Function, list[Clearing]]:
        return {
            function: [found for node in nodes if (found := self.clearing(node))]
            for function, nodes in self.nodes.items()
        }

    def assigned(self, root: ast.AST) -> set[str]:
        """The names, as text, that are bound somewhere under `root`."""
        return {
            self.text(node)
            for node in ast.walk(root)
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)
        }

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements that `statement` stands in."""
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(self.parent[statement], field, None)
            if isinstance(statements, list) and statement in statements:
                return statements
        return [statement]

    def statement_of(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parent[node]
        return node

    def stands_alone(self, statement: ast.stmt) -> bool:
        """Whether nothing else stands on the lines of the statement."""
        assert statement.end_lineno is not None
        before = self.lines[statement.lineno - 1][: statement.col_offset]
        after = self.lines[statement.end_lineno - 1][statement.end_col_offset :].strip()
        return not before.strip() and (not after or after.startswith(b"#"))

    def starts_its_line(self, statement: ast.stmt) -> bool:
        return not self.lines[statement.lineno - 1][: statement.col_offset].strip()

    def indent(self, statement: ast.stmt) -> str:
        return self.lines[statement.lineno - 1][: statement.col_offset].decode()

    def segment(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.source, node) or ""


def may_be_the_same(file: File, one: Clearing, other: Clearing, *, same_function: bool) -> bool:
    """Whether two clearings may clear the same gradients. In doubt they may."""
    if one.receiver == other.receiver or one.kind != other.kind or "helper" in {one.kind, other.kind}:
        return True
    on_self = one.receiver.startswith("self.") and other.receiver.startswith("self.")
    if not same_function and not on_self:
        return True
    if one.kind == "optimizer":
        return not {one.receiver, other.receiver} <= file.stepped
    return (one.receiver + ".").startswith(other.receiver + ".") or (other.receiver + ".").startswith(
        one.receiver + "."
    )


def clears_in(file: File, root: ast.AST) -> Iterator[tuple[Function, Clearing]]:
    """The clearings under `root`, and those of the functions that are called there."""
    function = file.function_of[root]
    under = file.extent(root)
    called = {callee for call in file.calls[function] if call in under for callee in file.called(call, function)}
    for clearing in file.clearings[function]:
        if clearing.statement in under:
            yield function, clearing
    for other in file.reach(called, file.callees) - {function}:
        for clearing in file.clearings[other]:
            yield other, clearing


def is_updated_by_hand(file: File, function: Function, tensor: str) -> bool:
    """Whether a statement of the function moves `tensor` along its own gradient."""
    names = {tensor, f"{tensor}.data"}
    for node in file.nodes[function]:
        reads: ast.AST | None = None
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            reads = node.value if any(file.text(target) in names for target in targets) else None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_"):
            reads = node if file.text(node.func.value) in names else None
        if reads is not None and f"{tensor}.grad" in file.text(reads):
            return True
    return False


def parameters(function: Function) -> set[str]:
    if isinstance(function, ast.Module):
        return set()
    arguments = function.args
    return {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def why_no_fault(file: File, clearing: Clearing, loop: Loop | None) -> str:
    """The reason why deleting a clearing would be no fault, or none that could be seen in this file; else nothing.

    In doubt a mutant is excluded.
    """
    function = file.function_of[clearing.statement]
    unit = file.unit(function)
    trained = file.trains(function) or any(file.trains(caller) for caller in file.reach({function}, file.callers))
    by_hand = clearing.kind == "tensor" and is_updated_by_hand(file, function, clearing.receiver)
    if clearing.kind == "helper" or SELF_CLEARING.search(clearing.receiver):
        return "a helper or an engine clears"
    if clearing.kind == "tensor" and not by_hand:
        return "the gradient is not used for an update that can be seen"
    if not by_hand and not trained:
        return "no backward and step around it in this file"
    if loop is None and not by_hand and any(map(file.is_training_loop, file.nodes[function])):
        return "it stands before or after the training loop"
    in_a_loop = loop is not None or any(file.loops_around(clearing.statement))
    made_here = clearing.receiver in file.assigned(function)
    if not in_a_loop and (made_here or (by_hand and not file.is_called_in_a_loop(function))):
        return "a single step"

    if not in_a_loop and clearing.receiver in parameters(function) and not file.callers[function]:
        return "handed in by a caller that is not in this file and may clear"
    targets = {step.target for other in unit for step in file.steps(other)}
    if clearing.kind == "optimizer" and clearing.receiver not in targets:
        return "its own step is not in this file"
    if clearing.kind == "module" and len(targets) != 1:
        return "not clear which optimizer holds this module"
    if loop is None:
        scopes = [(other, found) for other in unit for found in file.clearings[other]]
    elif {clearing.receiver, clearing.receiver.partition(".")[0]} & file.assigned(loop):
        return "what it clears is made anew in each turn"
    else:
        scopes = list(clears_in(file, loop))
    for other, found in scopes:
        if found.statement is clearing.statement:
            continue
        if may_be_the_same(file, clearing, found, same_function=other is function):
            return "may be cleared elsewhere in the loop"
    return ""


def situation_of(file: File, clearing: Clearing, loop: Loop | None) -> str:
    if loop is not None or any(file.loops_around(clearing.statement)):
        return "in a loop"
    return "called in a loop" if file.is_called_in_a_loop(file.function_of[clearing.statement]) else "one step"


def moved(file: File, statement: ast.stmt, before: ast.stmt) -> tuple[Edit, ...]:
    """Edits that leave `pass` where the statement was and put it on a line of its own in front of another."""
    line = f"{file.indent(before)}{file.text(statement)}\n"
    return replace(statement, "pass"), insert(before.lineno, 0, line)


def clearing_mutants(file: File) -> Iterator[Mutant]:
    """Clearings deleted, hoisted out of the training loop, and moved between the backward and the step."""
    for function, clearings in file.clearings.items():
        for clearing in clearings:
            statement = clearing.statement
            if clearing.kind == "helper" or not file.stands_alone(statement):
                continue
            loop = file.training_loop(statement)
            unit = frozenset(file.name_of[other] for other in file.unit(function))
            where = (statement.lineno, file.text(statement), situation_of(file, clearing, loop))
            excluded = why_no_fault(file, clearing, loop)
            edits: tuple[Edit, ...] = (replace(statement, "pass"),)
            yield Mutant("delete", "missing-zero-grad", *where, excluded, edits, unit)
            if loop is not None and loop in file.loops_around(statement) and file.starts_its_line(loop):
                used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                bound = used & file.assigned(loop)
                reason = excluded or ("it clears what the loop binds" if bound else "")
                edits = moved(file, statement, loop)
                yield Mutant("hoist", "missing-zero-grad", *where, reason, edits, unit)
            step = following_step(file, clearing)
            if step is not None:
                edits = moved(file, statement, step)
                yield Mutant("between", "zero-grad-before-step", *where, "", edits, unit)


def following_step(file: File, clearing: Clearing) -> ast.stmt | None:
    """The step of what is cleared here, if it stands in the same block with a backward in front of it."""
    if clearing.kind != "optimizer" or SELF_CLEARING.search(clearing.receiver):
        return None
    seen_backward = False
    for statement in file.block(clearing.statement):
        calls = [statement.value] if isinstance(statement, ast.Expr) else []
        if any(file.is_backward(call) for call in calls):
            seen_backward = True
        for call in calls:
            step = file.step(call)
            if step is None:
                continue
            if step.target == clearing.receiver:
                closure = step.call.keywords or (step.call.args and file.text(step.call.args[0]) != step.target)
                return statement if seen_backward and not closure and file.stands_alone(statement) else None
            seen_backward = False
    return None


def plain_root(file: File, call: ast.Call) -> ast.expr | None:
    """What a backward is called on: `loss` in `loss.backward()`, in `scaler.scale(loss).backward()` and their kin."""
    assert isinstance(call.func, ast.Attribute)
    root = call.func.value
    if call.args and (call.func.attr == "manual_backward" or re.search(r"accelerator|fabric", file.text(root))):
        root = call.args[0]
    elif call.args or call.keywords:
        return None
    while True:
        if isinstance(root, ast.Call) and last_name(root.func) in {"scale", "scale_loss"} and len(root.args) == 1:
            root = root.args[0]
        elif isinstance(root, ast.BinOp) and isinstance(root.op, ast.Div | ast.Mult):
            root = root.left
        else:
            return root if isinstance(root, ast.Name | ast.Attribute) else None


def duplicate_mutants(file: File) -> Iterator[Mutant]:
    """`loss.backward()` written twice."""
    for function, nodes in file.nodes.items():
        for node in nodes:
            if (
                not isinstance(node, ast.Expr)
                or not isinstance(node.value, ast.Call)
                or not file.is_backward(node.value)
            ):
                continue
            call = node.value
            if not file.stands_alone(node) or not isinstance(call.func, ast.Attribute) or call.func.attr != "backward":
                continue
            receiver = call.func.value
            excluded = ""
            if call.args or call.keywords:
                excluded = "it has arguments"
            elif any(isinstance(part, ast.Call) for part in ast.walk(receiver)):
                excluded = "what is computed in the call itself is computed anew"
            elif file.text(receiver).partition(".")[0] in {"self", "super"} and not re.search(
                "loss", file.text(receiver)
            ):
                excluded = "not clear that it is a tensor's backward"
            assert node.end_lineno is not None
            end = len(file.lines[node.end_lineno - 1].rstrip(b"\r\n"))
            edit = insert(node.end_lineno, end, f"\n{file.indent(node)}{file.text(node)}")
            names = frozenset({file.name_of[function]})
            yield Mutant("duplicate", "backward-twice", node.lineno, file.text(node), "", excluded, (edit,), names)


def sole_assignment(file: File, function: Function, name: str) -> ast.expr | None:
    """The value of the one statement in the function that binds `name`."""
    values: list[ast.expr | None] = []
    for node in file.nodes[function]:
        if isinstance(node, ast.Assign) and any(file.text(target) == name for target in node.targets):
            values.append(node.value)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store) and file.text(node) == name:
            statement = file.statement_of(node)
            if not (isinstance(statement, ast.Assign) and node in statement.targets):
                values.append(None)
    return values[0] if len(values) == 1 else None


def is_unreduced(file: File, function: Function, expression: ast.expr, depth: int = 3) -> bool:
    """Whether the text shows an elementwise operation, and nothing that may have reduced its result already."""
    if isinstance(expression, ast.Name):
        value = sole_assignment(file, function, expression.id) if depth else None
        return value is not None and is_unreduced(file, function, value, depth - 1)
    elementwise = isinstance(expression, ast.BinOp | ast.UnaryOp)
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and re.search("loss", node.id, re.IGNORECASE):
            if not is_unreduced(file, function, node, depth):
                return False
        elif isinstance(node, ast.Call):
            name = last_name(node.func)
            unreduced = any(
                keyword.arg == "reduction" and file.text(keyword.value) == "'none'" for keyword in node.keywords
            )
            if name in REDUCTIONS | {"norm", "item", "dot", "trace", "squeeze"} and not names_a_dimension(node):
                return False
            if re.search(r"loss|criterion|cross_entropy|divergence", name) and not unreduced:
                return False
            elementwise |= unreduced or name in ELEMENTWISE | REDUCTIONS
            elementwise |= name in {"min", "max"} and len(node.args) == 2
    return elementwise


def names_a_dimension(call: ast.Call) -> bool:
    return any(keyword.arg in {"dim", "axis"} for keyword in call.keywords) or any(
        isinstance(argument, ast.Constant | ast.UnaryOp) for argument in call.args
    )


def reduced(expression: ast.expr) -> ast.expr | None:
    """`x` of `x.mean()`, `torch.mean(x)` and `torch.sum(x)`; nothing if a dimension is named."""
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Attribute) or expression.keywords:
        return None
    if expression.func.attr not in REDUCTIONS:
        return None
    owner = expression.func.value
    if isinstance(owner, ast.Name) and owner.id in {"torch", "th", "np", "numpy"}:
        return expression.args[0] if owner.id in {"torch", "th"} and len(expression.args) == 1 else None
    return None if expression.args else owner


def reduction_mutants(file: File) -> Iterator[Mutant]:
    """The last reduction of a loss dropped, or `reduction="none"` given to its criterion."""
    for function, nodes in file.nodes.items():
        names = frozenset({file.name_of[function]})
        roots = {
            file.text(root)
            for node in nodes
            if isinstance(node, ast.Call) and file.is_backward(node) and (root := plain_root(file, node)) is not None
        }
        for name in sorted(roots):
            value = sole_assignment(file, function, name)
            if value is None:
                continue
            statement = file.statement_of(value)
            where = (statement.lineno, file.text(statement), "")
            inner = reduced(value)
            if inner is not None:
                excluded = "" if is_unreduced(file, function, inner) else "may be a scalar already"
                edit = replace(value, f"({file.segment(inner)})")
                yield Mutant("unreduce", "non-scalar-backward", *where, excluded, (edit,), names)
            elif isinstance(value, ast.Call):
                construction = value
                if last_name(value.func) not in FUNCTIONAL_CRITERIA:
                    made = criterion_of(file, value)
                    if made is None:
                        continue
                    construction = made
                if any(keyword.arg in {"reduction", "reduce", None} for keyword in construction.keywords):
                    continue
                edit = with_reduction_none(construction)
                yield Mutant("criterion", "non-scalar-backward", *where, "", (edit,), names)


def with_reduction_none(call: ast.Call) -> Edit:
    """Add the argument in front of the first keyword, or behind the last positional argument."""
    assert call.end_lineno is not None
    assert call.end_col_offset is not None
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not arguments:
        return insert(call.end_lineno, call.end_col_offset - 1, "reduction='none'")
    last = max(arguments, key=lambda argument: (argument.end_lineno or 0, argument.end_col_offset or 0))
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    return insert(last.end_lineno, last.end_col_offset, ", reduction='none'")


def criterion_of(file: File, call: ast.Call) -> ast.Call | None:
    """The one construction `criterion = nn.MSELoss()` in the file behind a call `criterion(prediction, target)`."""
    name = file.text(call.func)
    bound = [
        node.value
        for nodes in file.nodes.values()
        for node in nodes
        if isinstance(node, ast.Assign) and any(file.text(target) == name for target in node.targets)
    ]
    if len(bound) != 1 or not isinstance(bound[0], ast.Call) or last_name(bound[0].func) not in CRITERIA:
        return None
    return bound[0]


MUTATIONS: tuple[Callable[[File], Iterator[Mutant]], ...] = (clearing_mutants, duplicate_mutants, reduction_mutants)


def mutants(source: str) -> Iterator[Mutant]:
    file = File(source)
    for mutation in MUTATIONS:
        yield from mutation(file)


def spans(source: str, functions: frozenset[str]) -> list[range]:
    """The lines of the named functions; of the whole file if the module's own statements are among them."""
    file = File(source)
    if "" in functions:
        return [range(1, len(file.lines) + 2)]
    return [
        range(function.lineno, (function.end_lineno or function.lineno) + 1)
        for function, name in file.name_of.items()
        if name in functions and not isinstance(function, ast.Module)
    ]
