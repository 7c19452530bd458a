"""What the source text adds to a finding: the statement that cleared, updated or rebound, and the names of things.

It is read only when a finding is made. Runtime evidence says that something happened; the text only says where.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from gradguard.runtime.sites import Between, Instruction, Sites, SourceLine, expression_at, locals_of, parsed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "assigned_pairs",
    "assignment",
    "evaluate",
    "evaluate_with",
    "grad_owner",
    "instruction_line",
    "is_a_turn_behind",
    "keywords_that_are_true",
    "makes_another",
    "place",
    "rebinding",
    "rebound_later_in_loop",
    "receiver",
    "source_of",
    "statement_between",
    "tensor_name",
]

_OPERATIONS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


def _here(path: str, node: ast.AST) -> SourceLine:
    assert isinstance(node, (ast.stmt, ast.expr))
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return SourceLine(path, node.lineno, node.col_offset, end_line, end_column)


def place(path: str, node: ast.stmt | ast.expr) -> SourceLine:
    """Where a statement or an expression of a file stands."""
    return _here(path, node)


def assigned_pairs(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target of an assignment with its value: two pairs for `a, b = x, y`."""
    for target in statement.targets:
        value = statement.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        else:
            yield target, value


def _line(code: CodeType, offset: int) -> int | None:
    line = None
    for start, end, number in code.co_lines():
        if start <= offset < end:
            line = number
    return line


def scope(code: CodeType) -> ast.AST | None:
    """The function, class or module that the code object was made from."""
    tree = parsed(code.co_filename)
    if tree is None or code.co_name == "<module>":
        return tree
    return _function(tree, code.co_name, code.co_firstlineno)


@functools.lru_cache(maxsize=256)
def _function(tree: ast.AST, name: str, line: int) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == line:
                return node
    return tree


def is_a_turn_behind(code: CodeType, step: int, backward: int) -> bool:
    """Whether a loop of the function steps, clears, and runs backward in this order, whatever comes in its turns."""
    tree = scope(code)
    for loop in ast.walk(tree) if tree is not None else ():
        if not isinstance(loop, (ast.For, ast.AsyncFor, ast.While)):
            continue
        order = []
        for statement in _unconditional(loop.body):
            order += [what for what, line in (("step", step), ("backward", backward)) if _spans(statement, line)]
            order += ["clear"] if _clears(statement) else []
        if order == ["step", "clear", "backward"]:
            return True
    return False


def _unconditional(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _unconditional(statement.body)
        elif isinstance(statement, (ast.If, ast.Try, ast.Break, ast.Continue, ast.Return)) and _leaves(statement):
            return
        elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
            yield statement


def _leaves(statement: ast.stmt) -> bool:
    """Whether it may go on with another turn."""
    return any(isinstance(node, (ast.Break, ast.Continue, ast.Return)) for node in ast.walk(statement))


def _spans(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or statement.lineno)


def _simple_statements(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
            yield node


def _touches_grad(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == "grad" for part in ast.walk(node))


def _clears(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        target, value = node.targets[0], node.value
        return isinstance(target, ast.Attribute) and target.attr == "grad" and ast.unparse(value) == "None"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return node.value.func.attr in ("zero_", "zero_grad") and (
            node.value.func.attr == "zero_grad" or _touches_grad(node.value.func)
        )
    return False


def _updates(node: ast.stmt) -> bool:
    if _clears(node) or not _touches_grad(node):
        return False
    if isinstance(node, ast.AugAssign):
        return True
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute) and node.targets[0].attr == "data"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return node.value.func.attr in ("sub_", "add_", "copy_", "addcmul_", "addcdiv_")
    return False


def statement_between(sites: Sites, place: Between) -> SourceLine | None:
    """The one statement of that kind which can have run between the two instructions, if there is just one."""
    before, after = sites.codes[place.before.code], sites.codes[place.after.code]
    if before is not after:
        return None
    tree = scope(before)
    first, last = _line(before, place.before.offset), _line(after, place.after.offset)
    if tree is None or first is None or last is None:
        return None
    matches = _clears if place.what == "clear" else _updates
    found = []
    for node in _simple_statements(tree):
        line = node.lineno
        inside = first < line < last if first < last else line > first or line < last
        if inside and matches(node):
            found.append(node)
    return _here(before.co_filename, found[0]) if len(found) == 1 else None


def receiver(code: CodeType, offset: int, method: str) -> str:
    """`loss` for the instruction that calls `loss.backward()`, where the text says so."""
    node = expression_at(code, offset)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
        text = ast.unparse(node.func.value)
        return text if len(text) <= 40 else ""
    return ""


def keywords_that_are_true(code: CodeType, offset: int) -> set[str]:
    """The keywords that the call at the instruction sets to True, in so many words."""
    node = expression_at(code, offset)
    if not isinstance(node, ast.Call):
        return set()
    return {
        keyword.arg
        for keyword in node.keywords
        if keyword.arg and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
    }


def grad_owner(code: CodeType, offset: int) -> ast.expr | None:
    """The expression `w` for an instruction that reads `w.grad`, or that fails because `w.grad` is None."""
    node = expression_at(code, offset)
    if node is None:
        return None
    if isinstance(node, ast.Attribute) and node.attr == "grad":
        return node.value
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr == "grad":
            return part.value
    return None


def evaluate(node: ast.expr, frame: FrameType) -> Any:
    """The value of a name, an attribute or an item, without running any code of the user. None if that is not known."""
    return evaluate_with(node, lambda name: locals_of(frame).get(name, frame.f_globals.get(name)))


def evaluate_with(node: ast.expr, look_up: Callable[[str], Any]) -> Any:
    """The same, with the values of names from elsewhere."""
    if isinstance(node, ast.Name):
        return look_up(node.id)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute):
        return _attribute(evaluate_with(node.value, look_up), node.attr)
    if isinstance(node, ast.Subscript):
        box, key = evaluate_with(node.value, look_up), evaluate_with(node.slice, look_up)
        if isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.operand, ast.Constant):
            key = ast.literal_eval(node.slice)
        if type(box) in (list, tuple, dict) and isinstance(key, (int, str)):
            try:
                return box[key]
            except (LookupError, TypeError):
                return None
    return None


def _attribute(value: Any, name: str) -> Any:
    space = getattr(value, "__dict__", None)
    if not isinstance(space, dict):
        return None
    for place in (space, space.get("_parameters"), space.get("_modules"), space.get("_buffers")):
        if isinstance(place, dict) and name in place:
            return place[name]
    return None


def assignment(code: CodeType, name: str, before_line: int | None = None) -> SourceLine | None:
    """The statement that assigns to the name: the only one, or the last one before the line."""
    found = _assigned(code, name, before_line)
    return None if found is None else _here(code.co_filename, found)


def called(code: CodeType, name: str, before_line: int | None = None) -> ast.expr | None:
    """The function whose result is assigned to the name."""
    statement = _assigned(code, name, before_line)
    value = statement.value if isinstance(statement, ast.Assign) else None
    return value.func if isinstance(value, ast.Call) else None


def carried_beside(code: CodeType, name: str, before_line: int | None = None) -> str:
    """The name that the statement which assigns to this one computes from itself: `h` in `out, h = rnn(x, h)`."""
    statement = _assigned(code, name, before_line)
    if not isinstance(statement, ast.Assign):
        return name
    given = {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
    others = [target.id for target in _targets(statement) if isinstance(target, ast.Name) and target.id in given]
    return name if name in given or not others else others[-1]


def _assigned(code: CodeType, name: str, before_line: int | None) -> ast.stmt | None:
    tree = scope(code)
    if tree is None or not name.isidentifier():
        return None
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
        and any(isinstance(target, ast.Name) and target.id == name for target in _targets(node))
    ]
    if not found and tree is not (module := parsed(code.co_filename)) and module is not None:
        found = [
            node
            for node in module.body
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in _targets(node))
        ]
    earlier = [node for node in found if before_line is None or node.lineno < before_line]
    pick = (earlier or found)[-1:]
    return pick[0] if pick else None


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        stack = list(node.targets)
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        stack = [node.target]
    else:
        return
    while stack:
        target = stack.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            stack.extend(target.elts)
        else:
            yield target


def rebinding(code: CodeType, name: str | None, anywhere: bool = False) -> tuple[SourceLine, str] | None:
    """The statement that binds the name of a leaf to the result of an update of it: `w = w - lr * w.grad`.

    Without a name, the only such statement. `anywhere` looks at the whole file and not only at the function.
    """
    tree = parsed(code.co_filename) if anywhere else scope(code)
    found: list[tuple[SourceLine, str]] = []
    for node in _simple_statements(tree) if tree is not None else ():
        rebound = _rebound(node)
        if rebound and (name is None or name in rebound):
            found.append((_here(code.co_filename, node), name or min(rebound)))
    return found[0] if len(found) == 1 or (found and name is not None) else None


def rebound_later_in_loop(code: CodeType, name: str, line: int) -> tuple[SourceLine, str] | None:
    """The statement `w = ... w ...` behind the read of `w.grad` in the same loop, if a leaf `w` was made before it."""
    tree = scope(code)
    if tree is None or not name.isidentifier():
        return None
    bound = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in _targets(node))
    ]
    made = [node for node in bound if _makes_leaf(node.value)]
    for loop in ast.walk(tree):
        if not isinstance(loop, (ast.For, ast.While)) or not loop.lineno < line <= (loop.end_lineno or 0):
            continue
        inside = [node for node in bound if loop.lineno < node.lineno <= (loop.end_lineno or 0)]
        if len(inside) != 1 or not any(node.lineno < loop.lineno for node in made):
            continue
        (node,) = inside
        uses = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.value))
        if node.lineno > line and uses and not _makes_leaf(node.value):
            return _here(code.co_filename, node), name
    return None


def _makes_leaf(value: ast.expr) -> bool:
    text = ast.unparse(value)
    return "requires_grad_(" in text or "requires_grad=True" in text or "Parameter(" in text


def _rebound(node: ast.stmt) -> set[str]:
    """The names (as text) that the statement rebinds to results of their own update."""
    if isinstance(node, ast.Expr):
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "setattr"
            and len(call.args) == 3
            and _updated(call.args[2])
        ):
            return _updated(call.args[2])
        return set()
    if not isinstance(node, ast.Assign):
        return set()
    value = node.value
    if isinstance(value, (ast.ListComp, ast.GeneratorExp)) and len(value.generators) == 1:
        source = ast.unparse(value.generators[0].iter)
        targets = {ast.unparse(target) for target in _targets(node)}
        return targets & {source} if _updated(value.elt) else set()
    targets = {
        ast.unparse(target)
        for target in _targets(node)
        if not (isinstance(target, ast.Attribute) and target.attr in ("data", "grad"))
    }
    return targets & _updated(value)


def makes_another(code: CodeType, rebinding: SourceLine, operation: str) -> bool:
    """Whether the assignment cannot have made a tensor that is the result of the operation."""
    tree = scope(code)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Assign) and _here(code.co_filename, node) == rebinding:
            if isinstance(node.value, ast.BinOp):
                return _OPERATIONS.get(type(node.value.op), operation) != operation
    return False


def _updated(value: ast.expr) -> set[str]:
    """The expressions `w` for which both `w` and `w.grad` stand in the value, unless it ends as a new leaf."""
    text = ast.unparse(value)
    if _makes_leaf(value):
        return set()
    owners = {
        ast.unparse(part.value) for part in ast.walk(value) if isinstance(part, ast.Attribute) and part.attr == "grad"
    }
    return {owner for owner in owners if text.replace(f"{owner}.grad", "").find(owner) >= 0}


def tensor_name(tensor: Tensor, frame: FrameType | None) -> str:
    """The variable of this frame that holds the tensor."""
    if frame is None:
        return ""
    for space in (locals_of(frame), frame.f_globals):
        for name, value in list(space.items()):
            if value is tensor and not name.startswith("_"):
                return name
    return ""


def instruction_line(sites: Sites, place: Instruction) -> int | None:
    return _line(sites.codes[place.code], place.offset)


def source_of(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else ""
