"""Statements that change a tensor in place, found in the source text of the user's files.

Nothing is noted when a tensor is changed. When a backward has failed, the graph and the variables tell which tensor it
was, and the text is searched for the statement.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch

from gradguard.runtime import names, text
from gradguard.runtime.sites import Sites, SourceLine, is_users, locals_of, parsed

__all__ = ["Edit", "edits_in", "files_in_sight", "find", "holders", "place_of_operation", "places_of_operation"]

_MOST_MODULES = 2000
_NO_MODULES = frozenset(
    {torch.Tensor, torch.nn.Parameter, str, int, float, bool, list, dict, tuple, type, type(None), type(torch)}
    | {type(is_users), type(len)}
)
_MOST_ITEMS = 100
_OPERATORS = {
    ast.Add: ("add", "+="),
    ast.Sub: ("sub", "-="),
    ast.Mult: ("mul", "*="),
    ast.Div: ("div", "/="),
    ast.Pow: ("pow", "**="),
    ast.MatMult: ("matmul", "@="),
    ast.FloorDiv: ("floor_divide", "//="),
    ast.Mod: ("remainder", "%="),
    ast.BitAnd: ("bitwise_and", "&="),
    ast.BitOr: ("bitwise_or", "|="),
}
# Methods with a trailing underscore that change no value.
_HARMLESS = frozenset(
    "requires_grad_ detach_ retain_grad_ share_memory_ rename_ unsqueeze_ squeeze_ t_ transpose_ swapaxes_".split()
)
# What the graph calls an assignment to an item, and operations by their other names.
_IN_GRAPH = {
    "setitem": {"copy_slices", "index_put", "fill", "copy", "masked_fill"},
    "dropout": {"mul", "native_dropout"},
    "div": {"div", "mul"},
    "clamp_min": {"clamp_min", "clamp"},
    "zero": {"zero", "mul"},
}
_BINARY = {"mul": ast.Mult, "div": ast.Div, "add": ast.Add, "sub": ast.Sub, "pow": ast.Pow, "mm": ast.MatMult}
_NAMES = {
    "mm": {"matmul", "mm"},
    "bmm": {"matmul", "bmm"},
    "pow": {"pow", "square"},
    "linalg_vector_norm": {"norm", "vector_norm"},
    "log_softmax": {"log_softmax", "cross_entropy", "LogSoftmax"},
    "nll_loss": {"cross_entropy", "nll_loss", "CrossEntropyLoss"},
    "addmm": {"Linear", "linear"},
    "convolution": {"Conv1d", "Conv2d", "Conv3d", "conv1d", "conv2d"},
}


@dataclass(frozen=True, slots=True)
class Edit:
    """A statement or call that changes `target` in place. `within` is the innermost function around it."""

    path: str
    node: ast.stmt | ast.expr
    target: str
    operation: str
    shown: str
    within: ast.AST

    @property
    def site(self) -> SourceLine:
        return text.place(self.path, self.node)

    @property
    def root(self) -> str:
        """`x` for `x[0].data`, `self.h` for `self.h[0]`."""
        if not self.target:
            return ""
        tree = ast.parse(self.target, mode="eval").body
        while isinstance(tree, ast.Subscript) or (isinstance(tree, ast.Attribute) and tree.attr in ("data", "T", "mT")):
            tree = tree.value
        return ast.unparse(tree)


def edits_in(path: str) -> list[Edit]:
    """All statements of a file that may change a tensor in place."""
    tree = parsed(path)
    if tree is None:
        return []
    layers = _layers_in_place(tree)
    return [edit for node, within in _walk(tree, tree) for edit in _edits(path, node, within, layers)]


def _walk(node: ast.AST, within: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else within
        yield child, within
        yield from _walk(child, inner)


def _edits(path: str, node: ast.AST, within: ast.AST, layers: set[str]) -> Iterator[Edit]:
    if isinstance(node, ast.AugAssign):
        operation, symbol = _OPERATORS.get(type(node.op), ("", ""))
        if operation:
            yield Edit(path, node, ast.unparse(node.target), operation, symbol, within)
    elif isinstance(node, ast.Assign):
        for target, _ in text.assigned_pairs(node):
            if isinstance(target, ast.Subscript):
                shown = f"{ast.unparse(target.value)}[…] ="
                yield Edit(path, node, ast.unparse(target), "setitem", shown, within)
            elif isinstance(target, ast.Attribute) and target.attr == "data":
                yield Edit(path, node, ast.unparse(target), "copy", ".data =", within)
    elif isinstance(node, ast.Call):
        yield from _calls(path, node, within, layers)


def _calls(path: str, node: ast.Call, within: ast.AST, layers: set[str]) -> Iterator[Edit]:
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    receiver = ast.unparse(func.value) if isinstance(func, ast.Attribute) else ""
    of_library = receiver.split(".")[0] in ("torch", "F", "nn", "functional")
    if name.endswith("_") and not name.endswith("__") and name not in _HARMLESS:
        if of_library and node.args:
            yield Edit(path, node, ast.unparse(node.args[0]), name[:-1], f"{name}()", within)
        elif receiver and not of_library:
            yield Edit(path, node, receiver, name[:-1], f".{name}()", within)
    elif _is_in_place(node):
        if name[:1].islower() and node.args:
            yield Edit(path, node, ast.unparse(node.args[0]), name, f"{name}(inplace=True)", within)
        elif name[:1].isupper():
            yield Edit(path, node, "", _snake(name), f"nn.{name}(inplace=True)", within)
    elif node.args and ast.unparse(func) in layers:
        operation = ast.unparse(func).rsplit(".", 1)[-1]
        yield Edit(path, node, ast.unparse(node.args[0]), operation, f"{ast.unparse(func)}()", within)


def _is_in_place(node: ast.Call) -> bool:
    return any(
        word.arg == "inplace" and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in node.keywords
    ) or (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in ("ReLU", "ReLU6", "SELU", "SiLU")
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value is True
    )


def _layers_in_place(tree: ast.AST) -> set[str]:
    """`self.relu` after `self.relu = nn.ReLU(inplace=True)`."""
    return {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_in_place(node.value)
        for target in node.targets
    }


def _snake(name: str) -> str:
    known = {"ReLU": "relu", "ReLU6": "hardtanh", "LeakyReLU": "leaky_relu", "ELU": "elu", "SiLU": "silu"}
    return known.get(name, name.lower())


# --- which one -------------------------------------------------------------------------------------------------------


def files_in_sight(frames: Iterable[FrameType], sites: Sites) -> list[str]:
    """The user's files that are running, and those of the modules that can be seen from there; the nearest first."""
    paths: dict[str, None] = {}
    modules: list[torch.nn.Module] = []
    looked: set[int] = set()
    for user in frames:
        paths[user.f_code.co_filename] = None
        spaces = [locals_of(user)]
        if id(user.f_globals) not in looked:
            looked.add(id(user.f_globals))
            spaces.append(user.f_globals)
        for space in spaces:
            for value in list(space.values()):
                if type(value) not in _NO_MODULES:
                    modules += names.modules_of(value)
    seen: set[type] = set()
    for module in modules[:_MOST_MODULES]:
        for part in module.modules():
            kind = type(part)
            if kind in seen:
                continue
            seen.add(kind)
            code = getattr(inspect.unwrap(kind.forward), "__code__", None)
            if isinstance(code, CodeType) and is_users(code):
                paths[code.co_filename] = None
    paths.update(dict.fromkeys(sorted(sites.files())))
    return list(paths)


def holders(pointer: int, frame: FrameType, sites: Sites) -> dict[tuple[str, int], set[str]]:
    """The names of the variables whose values lie in the storage, for each function (path, line) that is running."""
    found: dict[tuple[str, int], set[str]] = {}
    for user in sites.user_frames(frame):
        code = user.f_code
        key = code.co_filename, code.co_firstlineno if code.co_name != "<module>" else 0
        found.setdefault(key, set()).update(_names_in(locals_of(user), pointer))
        if code.co_name != "<module>":
            found.setdefault((code.co_filename, 0), set()).update(_names_in(user.f_globals, pointer))
    return found


def _names_in(space: dict[str, Any], pointer: int) -> set[str]:
    found: set[str] = set()
    for name, value in list(space.items()):
        several = value if isinstance(value, (list, tuple)) and len(value) <= _MOST_ITEMS else (value,)
        if any(_lies_in(item, pointer) for item in several):
            found.add(name)
        elif hasattr(value, "__dict__") and not isinstance(value, type) and type(value).__name__ != "module":
            inner = vars(value)
            for part in (inner, inner.get("_buffers"), inner.get("_parameters")):
                if isinstance(part, dict) and len(part) <= _MOST_ITEMS:
                    found.update(f"{name}.{key}" for key, held in list(part.items()) if _lies_in(held, pointer))
    return found


def _lies_in(value: Any, pointer: int) -> bool:
    if not isinstance(value, torch.Tensor):
        return False
    try:
        return value.untyped_storage().data_ptr() == pointer
    except (RuntimeError, NotImplementedError):  # no storage: sparse, meta, a wrapper
        return False


def find(
    pointer: int,
    frame: FrameType,
    sites: Sites,
    *,
    consumers: Iterable[str],
    saving: str,
    of_parameter: bool = False,
) -> Edit | None:
    """The statement that has most likely changed the tensor; None if several are as likely."""
    held = holders(pointer, frame, sites)
    wanted = set(consumers)
    scored: list[tuple[int, Edit]] = []
    for path in files_in_sight(sites.user_frames(frame), sites):
        for edit in edits_in(path):
            score = _score(edit, held, wanted, saving, frame, of_parameter=of_parameter)
            if score > 0:
                scored.append((score, edit))
    if not scored:
        return None
    best = max(score for score, _ in scored)
    likely = [edit for score, edit in scored if score == best]
    if len(likely) > 1 and len({(edit.path, edit.target, edit.operation) for edit in likely}) > 1 and best < 4:
        return None
    return likely[0]


def _score(
    edit: Edit,
    held: dict[tuple[str, int], set[str]],
    consumers: set[str],
    saving: str,
    frame: FrameType,
    *,
    of_parameter: bool,
) -> int:
    if ".grad" in edit.target or edit.shown == ".data =" or edit.target.endswith(".data"):
        return 0
    if of_parameter:
        return _score_update(edit, held)
    score = 0
    names_here = held.get((edit.path, _first_line(edit.within)))
    if edit.root.startswith("self."):  # the object has another name where the backward is called
        held_as = edit.root.removeprefix("self")
        score += 3 * any(name.endswith(held_as) for found in held.values() for name in found)
    elif names_here is not None and edit.target:
        if edit.root in names_here:
            score += 4
        elif edit.root.isidentifier() and _is_bound(edit.root, edit, frame):
            return 0  # another tensor, or none at all
    fits = bool(consumers & (_IN_GRAPH.get(edit.operation, set()) | {edit.operation}))
    if fits:
        score += 2
    elif consumers and score == 0:
        return 0
    if score and _mentions(edit.within, saving):
        score += 1
    if score and edit.target and _comes_from(edit, saving):
        score += 2
    return score


def _score_update(edit: Edit, held: dict[tuple[str, int], set[str]]) -> int:
    """An update of a parameter by hand."""
    names_here = held.get((edit.path, _first_line(edit.within)), set())
    value = ast.unparse(edit.node)
    return 4 * (edit.root in names_here) + 2 * (".grad" in value)


def _first_line(within: ast.AST) -> int:
    if isinstance(within, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return min([within.lineno, *(decorator.lineno for decorator in within.decorator_list)])
    return 0


def _is_bound(name: str, edit: Edit, frame: FrameType | None) -> bool:
    """Whether the frame that runs the function of the edit has the variable, with another value."""
    while frame is not None:
        code = frame.f_code
        first = code.co_firstlineno if code.co_name != "<module>" else 0
        if code.co_filename == edit.path and first == _first_line(edit.within):
            return name in locals_of(frame)
        frame = frame.f_back
    return False


def _mentions(tree: ast.AST, operation: str) -> bool:
    return any(_is_operation(node, operation) for node in ast.walk(tree))


def _is_operation(node: ast.AST, operation: str) -> bool:
    if isinstance(node, ast.Call):
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        return name.lower() in {known.lower() for known in _NAMES.get(operation, {operation})}
    symbol = _BINARY.get(operation)
    return symbol is not None and isinstance(node, ast.BinOp) and isinstance(node.op, symbol)


def _comes_from(edit: Edit, operation: str) -> bool:
    """Whether the variable that is changed is the result of the operation, or goes into it, in the same function."""
    for node in ast.walk(edit.within):
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == edit.root for target in node.targets):
            if any(_is_operation(part, operation) for part in ast.walk(node.value)):
                return True
        if _is_operation(node, operation) and any(
            isinstance(part, (ast.Name, ast.Attribute)) and ast.unparse(part) == edit.root for part in ast.walk(node)
        ):
            return True
    return False


def places_of_operation(path: str, operation: str) -> list[SourceLine]:
    """Where the operation is written in a file."""
    tree = parsed(path)
    found = ast.walk(tree) if tree is not None else ()
    return [text.place(path, node) for node in found if isinstance(node, ast.expr) and _is_operation(node, operation)]


def place_of_operation(edit: Edit | None, operation: str) -> SourceLine | None:
    """The only place in the function of an edit where the operation that saved the tensor stands."""
    if edit is None:
        return None
    found = [
        node
        for node in ast.walk(edit.within)
        if isinstance(node, ast.expr) and _is_operation(node, operation) and node is not edit.node
    ]
    return text.place(edit.path, found[0]) if len(found) == 1 else None
