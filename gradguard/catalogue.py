"""Finds the rules, and picks the ones that the user asks for."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from gradguard import rules as rules_package
from gradguard.rule import Rule

__all__ = ["UnknownRuleError", "all_rules", "family", "find", "select"]

_EXACT = 1000


class UnknownRuleError(ValueError):
    """A name, code or prefix that no rule answers to."""


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the package `gradguard.rules`, sorted by code."""
    names = [module.name for module in pkgutil.iter_modules(rules_package.__path__)]
    modules = [importlib.import_module(f"{rules_package.__name__}.{name}") for name in names]
    return tuple(sorted((module.RULE for module in modules), key=lambda rule: rule.code))


def find(token: str, rules: Sequence[Rule] | None = None) -> Rule:
    """The rule with this code or name."""
    known = all_rules() if rules is None else rules
    for rule in known:
        if token.upper() == rule.code or token.lower() in rule.names:
            return rule
    raise UnknownRuleError(_unknown(token, known))


def family(token: str) -> tuple[Rule, ...]:
    """The rules whose codes begin with `GG1`, `GG2` and so on; all for `ALL`; none if the token is a whole code."""
    rules = all_rules()
    if any(token.upper() == rule.code for rule in rules):
        return ()
    return tuple(rule for rule in rules if _weight(token, rule) is not None and token.lower() != rule.name)


def select(
    select: Iterable[str],
    ignore: Iterable[str] = (),
    rules: Sequence[Rule] | None = None,
    extend: Iterable[str] = (),
) -> tuple[Rule, ...]:
    """The rules that `select` names and `ignore` does not; without `select`, those that are on by default.

    `extend` names rules besides them.

    A token is a code (GG101), the beginning of a code (GG1), a name (missing-zero-grad) or ALL. Where both lists name a
    rule, the longer token wins, and `ignore` if they are equally long.
    """
    tokens = _tokens(select), _tokens(ignore), _tokens(extend)
    return _pick_of_all(*tokens) if rules is None else _pick(*tokens, rules)


_Tokens: TypeAlias = tuple[str, ...]


@functools.lru_cache(maxsize=256)
def _pick_of_all(select: _Tokens, ignore: _Tokens, extend: _Tokens) -> tuple[Rule, ...]:
    """Remembered: in tests there is a watch for each test."""
    return _pick(select, ignore, extend, all_rules())


def _pick(select: _Tokens, ignore: _Tokens, extend: _Tokens, known: Sequence[Rule]) -> tuple[Rule, ...]:
    selected = _weights(select, known)
    ignored = _weights(ignore, known)
    if not select:
        selected = {rule.code: 0 for rule in known if rule.default}
    for code, weight in _weights(extend, known).items():
        selected[code] = max(selected.get(code, -1), weight)
    return tuple(rule for rule in known if selected.get(rule.code, -1) > ignored.get(rule.code, -1))


def _tokens(values: Iterable[str]) -> _Tokens:
    return tuple(token.strip() for value in values for token in value.split(",") if token.strip())


def _weights(tokens: _Tokens, rules: Sequence[Rule]) -> dict[str, int]:
    """For each rule that is named, how exactly: 0 for ALL, the length of a prefix, more for a full code or name."""
    weights: dict[str, int] = {}
    for token in tokens:
        matches = {rule.code: weight for rule in rules if (weight := _weight(token, rule)) is not None}
        if not matches and token.upper() != "ALL":
            raise UnknownRuleError(_unknown(token, rules))
        for code, weight in matches.items():
            weights[code] = max(weights.get(code, -1), weight)
    return weights


def _weight(token: str, rule: Rule) -> int | None:
    if token.upper() == "ALL":
        return 0
    if token.upper() == rule.code or token.lower() in rule.names:
        return _EXACT
    return len(token) if rule.code.startswith(token.upper()) else None


def _unknown(token: str, rules: Sequence[Rule]) -> str:
    candidates = {text.lower(): text for rule in rules for text in (*rule.names, rule.code)}
    near = difflib.get_close_matches(token.lower(), candidates, n=1, cutoff=0.6)
    hint = f"did you mean {candidates[near[0]]}?" if near else "`gradguard rules` lists them"
    return f"unknown rule: {token} ({hint})"
