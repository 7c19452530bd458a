"""How many gradients an expression after `return` gives, and which of them are None, as far as the text tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from gradguard.static.index import children

__all__ = ["Returned", "count_of", "is_none"]

_MOST = 64
# Methods and functions of torch whose result is one tensor.
_ONE_TENSOR = frozenset(
    "clone detach contiguous view reshape view_as reshape_as expand expand_as sum mean mul div add sub neg pow exp log "
    "sqrt rsqrt abs sign sin cos tanh sigmoid matmul mm bmm mv einsum t transpose permute squeeze unsqueeze flatten to "
    "type type_as float double half masked_fill where clamp clamp_min clamp_max zeros_like ones_like new_zeros "
    "new_ones zeros ones full empty_like mul_ div_ add_ sub_ neg_ zero_ fill_ masked_fill_ clamp_ reciprocal flip "
    "gather scatter index_select conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d interpolate "
    "pad relu cumsum tensordot outer diag tril triu as_tensor from_numpy tensor".split()
)


@dataclass(frozen=True, slots=True)
class Returned:
    """One entry for each gradient: whether it is surely None. `several` if the value is a tuple."""

    nones: tuple[bool, ...]
    several: bool = True


_ONE = Returned((False,), several=False)
_NONE = Returned((True,), several=False)


def is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def count_of(node: cst.BaseExpression | None, method: cst.FunctionDef) -> Returned | None:
    """What the expression gives as the value of a return statement; None if that is not known."""
    return _NONE if node is None else _expression(node, method, 0)


def _expression(node: cst.BaseExpression, method: cst.FunctionDef, depth: int) -> Returned | None:
    if depth > 6:
        return None
    if is_none(node):
        return _NONE
    if isinstance(node, cst.Tuple):
        return _tuple(node, method, depth)
    if isinstance(node, cst.BinaryOperation):
        return _binary(node, method, depth)
    if isinstance(node, cst.UnaryOperation):
        return None if isinstance(node.operator, cst.Not) else _ONE
    if isinstance(node, cst.IfExp):
        first, second = _expression(node.body, method, depth + 1), _expression(node.orelse, method, depth + 1)
        if first is None or second is None or first.several != second.several or len(first.nones) != len(second.nones):
            return None
        return Returned(tuple(a and b for a, b in zip(first.nones, second.nones, strict=True)), several=first.several)
    if isinstance(node, cst.Call):
        return _call(node)
    if isinstance(node, cst.Name):
        return _name(node.value, method, depth)
    return None


def _call(node: cst.Call) -> Returned | None:
    func = node.func
    return _ONE if isinstance(func, cst.Attribute) and func.attr.value in _ONE_TENSOR else None


def _tuple(node: cst.Tuple, method: cst.FunctionDef, depth: int) -> Returned | None:
    nones: list[bool] = []
    for element in node.elements:
        if isinstance(element, cst.StarredElement):
            inner = _expression(element.value, method, depth + 1)
            if inner is None or not inner.several:
                return None
            nones.extend(inner.nones)
        else:
            inner = _expression(element.value, method, depth + 1)
            nones.append(inner is not None and inner == _NONE)
    return Returned(tuple(nones))


def _binary(node: cst.BinaryOperation, method: cst.FunctionDef, depth: int) -> Returned | None:
    left = _expression(node.left, method, depth + 1)
    if isinstance(node.operator, cst.Multiply) and left is not None and left.several:
        times = node.right
        if isinstance(times, cst.Integer) and times.value.isdigit() and len(left.nones) * int(times.value) <= _MOST:
            return Returned(left.nones * int(times.value))
        return None
    if isinstance(node.operator, cst.Add):
        right = _expression(node.right, method, depth + 1)
        if left is not None and right is not None and left.several and right.several:
            return Returned(left.nones + right.nones)
        for side in (left, right):
            if side is None or side.several:
                return None if not _is_tensor(left, node.left) and not _is_tensor(right, node.right) else _ONE
        return _ONE
    if left is not None and left.several:
        return None
    return _ONE


def _is_tensor(known: Returned | None, node: cst.BaseExpression) -> bool:
    """A number or a tensor surely, so that a sum with it is no sum of tuples."""
    return known is not None and not known.several and not is_none(node)


def _name(name: str, method: cst.FunctionDef, depth: int) -> Returned | None:
    """A variable: what it is bound to, if all of that agrees."""
    values = list(_bindings(name, method))
    params = method.params
    parameters = [param.name.value for param in (*params.posonly_params, *params.params)]
    known: list[Returned | None] = [
        None if value is None else _expression(value, method, depth + 1) for value in values
    ]
    if name in parameters[1:]:
        known.append(_ONE)
    if not known or any(one is None for one in known):
        # Unknown, but a second name for it among the gradients says at least that it is not None.
        return None
    found = [one for one in known if one is not None]
    several = {one.several for one in found if one != _NONE}
    sizes = {len(one.nones) for one in found}
    if len(several) > 1 or len(sizes) > 1:
        return None
    size = sizes.pop()
    nones = tuple(all(one.nones[i] for one in found) for i in range(size))
    return Returned(nones, several=True in several)


def _bindings(name: str, method: cst.FunctionDef) -> Iterator[cst.BaseExpression | None]:
    """The values that a variable of the method is bound to; None for one that is not an expression of its own."""
    stack = list(children(method.body))
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            continue
        stack.extend(children(node))
        if isinstance(node, cst.Assign):
            for assigned in node.targets:
                target = assigned.target
                if isinstance(target, cst.Name) and target.value == name:
                    yield node.value
                elif isinstance(target, (cst.Tuple, cst.List)):
                    names = [element.value for element in target.elements]
                    if any(isinstance(one, cst.Name) and one.value == name for one in names):
                        yield None
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)) and isinstance(node.target, cst.Name):
            if node.target.value == name:
                yield node.value
        elif isinstance(node, (cst.For, cst.CompFor)) and isinstance(node.target, cst.Name):
            if node.target.value == name:
                yield None
        elif isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Name) and node.target.value == name:
            if not isinstance(node.operator, (cst.MultiplyAssign, cst.DivideAssign, cst.SubtractAssign)):
                yield None
