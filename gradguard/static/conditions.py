"""Conditions: what is known of their truth, and what a guess about one says of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import cuts, expressions, optimizers
from gradguard.static.arithmetic import Compute
from gradguard.static.values import (
    FALSE,
    TRUE,
    Const,
    Opaque,
    Periodic,
    Seq,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["compare", "condition", "known_truth", "truth_of"]


def known_truth(value: Value) -> bool | None:
    """The truth of a value, where it is known."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Periodic):
        return value.phase != 0
    if isinstance(value, (Seq, Table)):
        return bool(value.items) if value.exact or value.items else None
    if isinstance(value, Opaque):
        if value.equal is not None:
            return bool(value.equal.value)
        return value.truth
    if isinstance(value, Tensor):
        return True if value.handle else None
    return True


def condition(it: Interpreter, node: cst.BaseExpression, preferred: bool) -> tuple[bool, bool]:
    """Evaluate a condition to (truth, whether it is certain or the same in every turn)."""
    if type(node) is cst.UnaryOperation and type(node.operator) is cst.Not:
        truth, certain = condition(it, node.expression, not preferred)
        return not truth, certain
    if type(node) is cst.BooleanOperation:
        conjunction = type(node.operator) is cst.And
        truth, certain = condition(it, node.left, preferred)
        if truth is not conjunction:
            return truth, certain
        right, certain_right = condition(it, node.right, preferred)
        return right, certain and certain_right
    value = expressions.evaluate(it, node)
    return truth_of(it, value, node, preferred)


def truth_of(it: Interpreter, value: Value, node: cst.CSTNode, preferred: bool) -> tuple[bool, bool]:
    known = known_truth(value)
    if isinstance(value, Periodic):
        it.follow_period()
    if known is not None:
        return known, not (isinstance(value, Opaque) and not value.stable)
    if isinstance(value, Opaque) and value.called == "another turn":
        preferred = False
    choice = it.trace.decide(node, it.file, preferred)
    if isinstance(value, Opaque):
        value.truth = choice
        if choice:
            value.none = False
        _spread(value, choice)
        return choice, value.stable
    return choice, False


def _spread(value: Opaque, choice: bool) -> None:
    """What a guess about a comparison says about the value that was compared."""
    subject = value.memo.get("subject")
    if not isinstance(subject, Opaque):
        return
    if value.called == "is None":
        subject.none = choice
        if choice:
            subject.truth = False
    elif value.called == "==" and choice and isinstance(value.memo.get("object"), Const):
        subject.equal = value.memo["object"]  # type: ignore[assignment]


def compare(it: Interpreter, symbol: str, compute: Compute, left: Value, right: Value, node: cst.CSTNode) -> Value:
    """`left symbol right`, for comparisons."""
    if isinstance(right, Const) and right.value is None and symbol in ("is", "is not", "==", "!="):
        is_none = _is_none(it, left)
        if is_none is not None:
            return TRUE if is_none is (symbol in ("is", "==")) else FALSE
        made = _compared(left, "is None", right)
        return made if symbol in ("is", "==") else _negated(made)
    if isinstance(left, Opaque) and left.equal is not None and isinstance(right, Const):
        left = left.equal
    if isinstance(left, Const) and left.counter and symbol in ("==", ">", ">=") and not isinstance(right, Const):
        return Opaque(called="another turn", refs=(right,))
    if isinstance(left, Const) and isinstance(right, Const):
        if left.counter and not right.counter and right.value not in (0, 1):
            return Opaque(called="another turn")
        try:
            return TRUE if compute(left.value, right.value) else FALSE
        except Exception:  # noqa: BLE001 - constants of the checked program may refuse anything
            return Opaque()
    if isinstance(left, Periodic) and symbol in ("==", "!="):
        hit = _phase_is(left, right)
        it.follow_period()
        if hit is not None:
            return TRUE if hit is (symbol == "==") else FALSE
    if isinstance(left, Const) and isinstance(right, (Seq, Table)) and symbol in ("in", "not in") and right.exact:
        keys = list(right.items) if isinstance(right, Table) else [i.value for i in right.items if isinstance(i, Const)]
        if isinstance(right, Table) or len(keys) == len(right.items):
            return TRUE if (left.value in keys) is (symbol == "in") else FALSE
    if isinstance(left, (Tensor,)) or isinstance(right, Tensor):
        cut = cuts.made_by(it, "discrete", node, f"the comparison `{symbol}`", [left, right])
        return Opaque("comparison", refs=(left, right), detached=True, cut=cut)
    if symbol in ("is", "is not") and not isinstance(left, Opaque) and not isinstance(right, Opaque):
        return TRUE if (left is right) is (symbol == "is") else FALSE
    if symbol in ("==", "!=") and isinstance(right, Const):
        made = _compared(left, "==", right)
        return made if symbol == "==" else _negated(made)
    if isinstance(left, Opaque) and isinstance(right, Const):
        return expressions.derive(left, (symbol, right.value), (left,))
    if isinstance(left, Opaque) and isinstance(right, Opaque):
        return expressions.derive(left, (symbol, right.ident), (left, right))
    return Opaque(refs=(left, right))


def _phase_is(left: Periodic, right: Value) -> bool | None:
    """Whether `counter % k == right` in this turn, if k were two."""
    if isinstance(right, Const) and isinstance(right.value, int):
        if right.value == 0:
            return left.phase == 0
        if left.period is not None and right.value == left.period - 1:
            return left.phase == 1
    if isinstance(right, Opaque) and left.period is None:
        return left.phase == 1  # `counter % k == k - 1`
    return None


def _is_none(it: Interpreter, value: Value) -> bool | None:
    if isinstance(value, Const):
        return value.value is None
    if isinstance(value, Tensor) and value.handle:
        return optimizers.grad_is_none(it, value)
    if isinstance(value, Opaque):
        return value.none
    return False


def _compared(left: Value, how: str, right: Value) -> Opaque:
    if not isinstance(left, Opaque):
        return Opaque()
    key = (how, right.value if isinstance(right, Const) else None)
    try:
        made = left.memo.get(key)
    except TypeError:
        return Opaque()
    if not isinstance(made, Opaque):
        made = Opaque(stable=left.stable, called=how, memo={"subject": left, "object": right})
        left.memo[key] = made
    if how == "is None" and left.none is not None:
        made.truth = left.none
    return made


def _negated(value: Opaque) -> Value:
    if value.truth is not None:
        return FALSE if value.truth else TRUE
    made = value.memo.get("not")
    if made is None:
        made = value.memo["not"] = Negation(value)
    return made


class Negation(Opaque):
    """The negation of an unknown condition: a guess about it is one about the condition."""

    __slots__ = ("of",)

    def __init__(self, of: Opaque) -> None:
        super().__init__(stable=of.stable)
        self.of = of

    @property
    def truth(self) -> bool | None:
        known = known_truth(self.of)
        return None if known is None else not known

    @truth.setter
    def truth(self, value: bool | None) -> None:
        if value is not None and hasattr(self, "of"):
            self.of.truth = not value
            _spread(self.of, not value)
