"""What is asked for: by the command line, by the ini file, and by the markers of a test."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gradguard import catalogue
from gradguard.config import ConfigError, Settings

__all__ = ["Asked", "codes", "of_config", "of_item"]

_MODES = ("off", "warn", "error")
_ARGUMENTS = ("ignore", "mode", "select")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to do with a finding, and which rules speak."""

    mode: str = "off"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    trace: bool = False

    @property
    def files(self) -> Settings:
        """The rules for each file: what is asked for here, together with what is configured for the file."""
        return _files(self.select, self.ignore)


@functools.lru_cache(maxsize=256)
def _files(select: tuple[str, ...], ignore: tuple[str, ...]) -> Settings:
    return Settings(select, (), ignore)


class _MarkerError(ValueError):
    """The marker has an argument that it does not know."""


@functools.lru_cache(maxsize=256)
def codes(rules: tuple[str, ...]) -> frozenset[str]:
    """The codes of the rules that are named."""
    return frozenset(rule.code for rule in catalogue.select(rules))


def of_config(config: pytest.Config) -> Asked:
    """What the command line and the ini file ask for; a mistake in them ends the session."""
    mode = config.getoption("gradguard_mode") or config.getini("gradguard")
    if mode not in _MODES:
        raise pytest.UsageError(f"ini option gradguard: must be off, warn or error, not {mode!r}")
    _files.cache_clear()  # a session in the same process as an earlier one reads the configuration anew
    select, ignore = (_rules(config, name) for name in ("gradguard_select", "gradguard_ignore"))
    trace = bool(config.getoption("gradguard_trace") or config.getini("gradguard_trace"))
    asked = Asked(mode, select, ignore, trace)
    try:
        asked.files.config(str(config.rootpath))
    except (catalogue.UnknownRuleError, ConfigError) as error:
        raise pytest.UsageError(f"gradguard: {error}") from None
    return asked


def _rules(config: pytest.Config, name: str) -> tuple[str, ...]:
    given = config.getoption(name)
    if given is None:
        given = config.getini(name)
    return tuple(token.strip() for text in given for token in text.split(",") if token.strip())


def of_item(item: pytest.Item, asked: Asked) -> Asked:
    """What is asked for as the markers of the test change it: `ignore` adds up, the closest `select` and `mode` win."""
    problem = ""
    try:
        for mark in reversed(list(item.iter_markers("gradguard"))):
            asked = _marked(asked, mark.args, mark.kwargs)
    except (_MarkerError, catalogue.UnknownRuleError) as error:
        problem = str(error)
    if problem:
        pytest.fail(f"@pytest.mark.gradguard: {problem}", pytrace=False)
    return asked


def _marked(asked: Asked, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Asked:
    if positional:
        raise _MarkerError(f"takes only the named arguments ignore, mode and select, not {positional[0]!r}")
    for name in named:
        if name not in _ARGUMENTS:
            raise _MarkerError(f"unknown argument {name!r} (it takes ignore, mode and select)")
    if "mode" in named and named["mode"] not in _MODES:
        raise _MarkerError(f"mode must be 'off', 'warn' or 'error', not {named['mode']!r}")
    asked = replace(asked, mode=named.get("mode", asked.mode))
    if "select" in named:
        # Whoever selects for one test means it, whatever is ignored elsewhere.
        asked = replace(asked, select=_tokens("select", named["select"]), ignore=())
    asked = replace(asked, ignore=asked.ignore + _tokens("ignore", named.get("ignore", ())))
    catalogue.select(asked.select, asked.ignore)
    return asked


def _tokens(name: str, value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, list | tuple | set | frozenset) or not all(isinstance(text, str) for text in values):
        raise _MarkerError(f"{name} must be a list of codes or names of rules, not {value!r}")
    return tuple(sorted(values))
