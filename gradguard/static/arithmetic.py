"""The operators of the language, with what they compute on known constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

__all__ = ["AUGMENTED", "BINARY", "COMPARE", "Compute"]

Compute = Callable[[Any, Any], Any]


def _power(a: Any, b: Any) -> Any:
    return a**b if abs(a) < 1e6 and abs(b) < 64 else None


def _refuse(a: Any, b: Any) -> Any:
    return None


BINARY: dict[type, tuple[str, Compute]] = {
    cst.Add: ("+", lambda a, b: a + b),
    cst.Subtract: ("-", lambda a, b: a - b),
    cst.Multiply: ("*", lambda a, b: a * b),
    cst.Divide: ("/", lambda a, b: a / b),
    cst.FloorDivide: ("//", lambda a, b: a // b),
    cst.Modulo: ("%", lambda a, b: a % b),
    cst.Power: ("**", _power),
    cst.MatrixMultiply: ("@", _refuse),
    cst.BitAnd: ("&", lambda a, b: a & b),
    cst.BitOr: ("|", lambda a, b: a | b),
    cst.BitXor: ("^", lambda a, b: a ^ b),
    cst.LeftShift: ("<<", _refuse),
    cst.RightShift: (">>", _refuse),
}

AUGMENTED: dict[type, tuple[str, Compute]] = {
    getattr(cst, f"{kind.__name__}Assign"): operation for kind, operation in BINARY.items()
}

COMPARE: dict[type, tuple[str, Compute]] = {
    cst.Equal: ("==", lambda a, b: a == b),
    cst.NotEqual: ("!=", lambda a, b: a != b),
    cst.LessThan: ("<", lambda a, b: a < b),
    cst.LessThanEqual: ("<=", lambda a, b: a <= b),
    cst.GreaterThan: (">", lambda a, b: a > b),
    cst.GreaterThanEqual: (">=", lambda a, b: a >= b),
    cst.In: ("in", lambda a, b: a in b),
    cst.NotIn: ("not in", lambda a, b: a not in b),
    cst.Is: ("is", lambda a, b: a is b),
    cst.IsNot: ("is not", lambda a, b: a is not b),
}
