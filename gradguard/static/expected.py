"""Errors that a test asks for: `with pytest.raises(RuntimeError):` and its kin. What raises in there is no finding."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from gradguard.finding import Finding

__all__ = ["without_expected"]

_RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
_FIXTURE = frozenset({"expect", "ignore"})  # gradguard's own


def without_expected(text: str, findings: list[Finding], raising: Collection[str]) -> list[Finding]:
    """The findings that no `with` around them expects. `raising` are the codes of the rules where torch raises."""
    if not findings or not any(word in text for word in ("raises", "assertRaises", "gradguard.")):
        return findings
    try:
        blocks = list(_blocks(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return findings
    return [
        finding
        for finding in findings
        if not any(
            first <= finding.location.line <= last and (everything or finding.code in raising)
            for first, last, everything in blocks
        )
    ]


def _blocks(tree: ast.Module) -> Iterator[tuple[int, int, bool]]:
    """The first and last line of each such block, and whether any finding is expected there."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            calls = [item.context_expr.func for item in node.items if isinstance(item.context_expr, ast.Call)]
            everything = any(
                isinstance(call, ast.Attribute)
                and call.attr in _FIXTURE
                and isinstance(call.value, ast.Name)
                and call.value.id == "gradguard"
                for call in calls
            )
            if everything or any(_name(call) in _RAISES for call in calls):
                yield node.body[0].lineno, node.end_lineno or node.lineno, everything


def _name(call: ast.expr) -> str:
    return call.attr if isinstance(call, ast.Attribute) else call.id if isinstance(call, ast.Name) else ""
