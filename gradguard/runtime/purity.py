"""Whether the source of a custom Function is plain smooth arithmetic, so that trying its formula can do no harm.

What is tried are the user's own functions, on numbers made up for it. That is right only if they surely do nothing but
compute: no name but `torch`, its functional module, `math` and their own variables, no operation but those listed here
(none that is random, writes in place, prints, or has kinks, where a gradient is often chosen on purpose).
"""

from __future__ import annotations

import ast

__all__ = ["is_plain"]

_SMOOTH = frozenset(
    "exp log log1p log2 log10 expm1 exp2 sin cos tan tanh sinh cosh atan asin acos sigmoid sqrt rsqrt pow square "
    "reciprocal mul div add sub neg sum mean matmul mm bmm mv dot t transpose permute clone erf softplus softmax "
    "log_softmax logsumexp view view_as reshape contiguous unsqueeze squeeze expand expand_as zeros_like ones_like "
    "size dim numel multiply divide subtract negative detach logit".split()
)
_KINKED = frozenset("clamp clamp_min clamp_max relu abs minimum maximum leaky_relu elu".split())
_OF_CONTEXT = frozenset({"save_for_backward", "set_materialize_grads"})
_READ = frozenset({"saved_tensors", "needs_input_grad", "shape", "T", "dtype", "device"})
_MODULES = frozenset({"torch", "F", "math"})
_STATEMENTS = (ast.Return, ast.Assign, ast.Expr, ast.If, ast.Pass)
_EXPRESSIONS = (
    ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.Subscript, ast.Attribute, ast.Call, ast.Starred,
    ast.keyword, ast.operator, ast.unaryop, ast.expr_context,
)  # fmt: skip


def is_plain(method: ast.FunctionDef, *, kinks: bool = False) -> bool:
    """Whether the method computes and does nothing else; with `kinks`, also by operations that have some."""
    known = _SMOOTH | _KINKED if kinks else _SMOOTH
    parameters = [argument.arg for argument in method.args.args]
    if not parameters or method.args.vararg or method.args.kwarg or method.args.kwonlyargs:
        return False
    if any(ast.unparse(decorator).rsplit(".", 1)[-1] not in _DECORATORS for decorator in method.decorator_list):
        return False
    names = {*parameters}
    body = method.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # the docstring
    return bool(body) and all(_is_plain_statement(statement, parameters[0], names, known) for statement in body)


_DECORATORS = frozenset({"staticmethod", "once_differentiable"})


def _is_plain_statement(statement: ast.stmt, context: str, names: set[str], known: frozenset[str]) -> bool:
    if not isinstance(statement, _STATEMENTS):
        return False
    if isinstance(statement, ast.If):
        test = ast.unparse(statement.test)
        inner = [*statement.body, *statement.orelse]
        return test.startswith(f"{context}.needs_input_grad[") and all(
            _is_plain_statement(one, context, names, known) for one in inner
        )
    if isinstance(statement, ast.Assign):
        if not _is_plain_value(statement.value, context, names, known):
            return False
        return all(_binds(target, context, names, known) for target in statement.targets)
    value = getattr(statement, "value", None)
    return value is None or _is_plain_value(value, context, names, known)


def _binds(target: ast.expr, context: str, names: set[str], known: frozenset[str]) -> bool:
    if isinstance(target, ast.Name):
        names.add(target.id)
        return True
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(_binds(element, context, names, known) for element in target.elts)
    return isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == context


def _is_plain_value(value: ast.expr, context: str, names: set[str], known: frozenset[str]) -> bool:
    return all(_is_plain_node(node, context, names, known) for node in ast.walk(value))


def _is_plain_node(node: ast.AST, context: str, names: set[str], known: frozenset[str]) -> bool:
    if not isinstance(node, _EXPRESSIONS) or isinstance(
        node, (ast.FloorDiv, ast.Mod, ast.BitXor, ast.BitAnd, ast.BitOr)
    ):
        return False
    if isinstance(node, ast.Name):
        return node.id in names or node.id in _MODULES
    if isinstance(node, ast.Call):
        func = node.func
        if not isinstance(func, ast.Attribute):
            return False
        if isinstance(func.value, ast.Name) and func.value.id == context:
            return func.attr in _OF_CONTEXT
        return func.attr in known
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in {context, "math"}:
            return True
        return node.attr in known or node.attr in _READ or ast.unparse(node) == "torch.nn.functional"
    return True
