"""Configuration: `[tool.gradguard]` in a pyproject.toml, or a gradguard.toml. For each file the nearest one counts."""

from __future__ import annotations

import difflib
import functools
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradguard import catalogue
from gradguard.rule import Rule

__all__ = ["EXCLUDED", "Config", "ConfigError", "Settings", "load"]

# What ruff leaves out by default.
_EXCLUDED = """
.bzr .direnv .eggs .git .git-rewrite .hg .ipynb_checkpoints .mypy_cache .nox .pants.d .pyenv .pytest_cache .pytype
.ruff_cache .svn .tox .venv .vscode __pypackages__ _build buck-out build dist node_modules site-packages venv
"""
EXCLUDED = tuple(_EXCLUDED.split())
_NAMES = ("gradguard.toml", "pyproject.toml")
_LISTS = ("select", "extend-select", "ignore", "exclude", "extend-exclude")
_KEYS = (*_LISTS, "per-file-ignores")


class ConfigError(ValueError):
    """A configuration file that cannot be read or understood, in one line."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one file, as they are written there. Patterns are relative to `root`."""

    root: str
    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = EXCLUDED
    extend_exclude: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def excludes(self, path: str) -> bool:
        """Whether a file or folder (an absolute path) is left out. Whether a folder above it is, is not asked."""
        names, patterns = _sorted(self.exclude + self.extend_exclude)
        if os.path.basename(path) in names:
            return True
        return any(_covers(pattern, path, self.root, above=False) for pattern in patterns)

    def excludes_any(self, path: str) -> bool:
        """The same, also for the folders between the root and the path."""
        return any(_covers(pattern, path, self.root, above=True) for pattern in (*self.exclude, *self.extend_exclude))

    def ignored_in(self, path: str) -> tuple[str, ...]:
        """The rules that `per-file-ignores` switches off in a file."""
        return tuple(
            token
            for pattern, tokens in self.per_file_ignores
            if _covers(pattern, path, self.root, above=True)
            for token in tokens
        )


@dataclass
class Settings:
    """What the command line and the configuration files say together, file by file.

    `select` replaces the configured `select`, `extend-select` and `ignore`; `extend_select` and `ignore` add to them.
    `file` is read in place of all others; without `discover`, no other is looked for.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    file: str | None = None
    discover: bool = True
    _folders: dict[str, Config] = field(default_factory=dict, repr=False)
    _rules: dict[Config, tuple[Rule, ...]] = field(default_factory=dict, repr=False)
    _of_file: dict[str, tuple[Rule, ...]] = field(default_factory=dict, repr=False)
    _given: Config | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        catalogue.select(self.select, self.ignore, extend=self.extend_select)
        if self.file is not None:
            self._given = load(self.file)

    def config(self, folder: str) -> Config:
        """The configuration of the files that lie in a folder."""
        if self._given is not None:
            return self._given
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = self._find(folder)
        return found

    def _find(self, folder: str) -> Config:
        if not self.discover:
            return Config(folder)
        for name in _NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and (config := _read(path)) is not None:
                return config
        above = os.path.dirname(folder)
        return self.config(above) if above != folder else Config(folder)

    def rules_of_config(self, config: Config) -> tuple[Rule, ...]:
        """The rules that are on under a configuration, before `per-file-ignores`."""
        rules = self._rules.get(config)
        if rules is None:
            if self.select:
                rules = catalogue.select(self.select, self.ignore, extend=self.extend_select)
            else:
                rules = catalogue.select(
                    config.select,
                    (*config.ignore, *self.ignore),
                    extend=(*config.extend_select, *self.extend_select),
                )
            self._rules[config] = rules
        return rules

    def rules(self, path: str) -> tuple[Rule, ...]:
        """The rules that are on in a file."""
        rules = self._of_file.get(path)
        if rules is None:
            real = os.path.realpath(path)
            config = self.config(os.path.dirname(real))
            rules = self.rules_of_config(config)
            if tokens := config.ignored_in(real):
                off = {rule.code for rule in catalogue.select(tokens)}
                rules = tuple(rule for rule in rules if rule.code not in off)
            self._of_file[path] = rules
        return rules

    def checked(self, path: str) -> tuple[Rule, ...]:
        """The rules to run on a file: `per-file-ignores` speak of where a finding lies, not of what was checked."""
        return self.rules_of_config(self.config(os.path.dirname(os.path.realpath(path))))


def load(path: str) -> Config:
    """The configuration in a file that was named."""
    config = _read(path, named=True)
    assert config is not None
    return config


def _read(path: str, *, named: bool = False) -> Config | None:
    """The configuration in a file; None for a pyproject.toml that has no section for it."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    own = os.path.basename(path) != "pyproject.toml"
    if not own and b"gradguard" not in data and not named:
        return None
    table, prefix = _parse(data, path), ""
    if not own or "tool" in table:
        tool = table.get("tool", {})
        if not isinstance(tool, dict) or "gradguard" not in tool:
            if named:
                raise ConfigError(f"{path}: there is no section [tool.gradguard]")
            return None
        table, prefix = tool["gradguard"], "tool.gradguard."
    return _config(table, prefix, path)


def _parse(data: bytes, path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not valid UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        message = " ".join(str(error).split())
        raise ConfigError(f"{path}: is not valid TOML: {message[:1].lower()}{message[1:]}") from error


def _config(table: Any, prefix: str, path: str) -> Config:
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: {prefix.rstrip('.')} must be a table")
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key.lower().replace("_", "-"), _KEYS, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
            raise ConfigError(f"{path}: unknown key: {prefix}{key} ({hint})")
    lists = {key: _strings(table[key], prefix + key, path) for key in _LISTS if key in table}
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise ConfigError(f"{path}: {prefix}per-file-ignores must be a table of patterns and lists of rules")
    ignores = tuple(
        (pattern, _strings(tokens, f'{prefix}per-file-ignores."{pattern}"', path))
        for pattern, tokens in per_file.items()
    )
    for key in ("select", "extend-select", "ignore"):
        _known(lists.get(key, ()), prefix + key, path)
    for pattern, tokens in ignores:
        _known(tokens, f'{prefix}per-file-ignores."{pattern}"', path)
    return Config(
        os.path.dirname(os.path.realpath(path)),
        lists.get("select", ()),
        lists.get("extend-select", ()),
        lists.get("ignore", ()),
        lists.get("exclude", EXCLUDED),
        lists.get("extend-exclude", ()),
        ignores,
    )


def _strings(value: Any, key: str, path: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{path}: {key} must be a list of strings")
    return tuple(value)


def _known(tokens: Iterable[str], key: str, path: str) -> None:
    try:
        catalogue.select(tokens)
    except catalogue.UnknownRuleError as error:
        raise ConfigError(f"{path}: {key}: {error}") from error


def _covers(pattern: str, path: str, root: str, *, above: bool) -> bool:
    """Whether a pattern names a path, or with `above` one of the folders in which it lies.

    A pattern without a slash is compared with the name alone, at any depth. Any other is relative to the root.
    """
    pattern = pattern.replace(os.sep, "/").rstrip("/").removeprefix("./")
    expression = _compiled(pattern)
    if "/" not in pattern:
        if not above:
            return expression.fullmatch(os.path.basename(path)) is not None
        return any(expression.fullmatch(part) for part in _relative(path, root).split("/"))
    relative = os.path.normpath(path).replace(os.sep, "/") if pattern.startswith("/") else _relative(path, root)
    while relative and relative != "/":
        if expression.fullmatch(relative):
            return True
        if not above:
            return False
        relative = relative.rpartition("/")[0]
    return False


def _relative(path: str, root: str) -> str:
    prefix = root if root.endswith(os.sep) else root + os.sep
    shorter = path[len(prefix) :] if path.startswith(prefix) else os.path.basename(path)
    return shorter.replace(os.sep, "/")


@functools.cache
def _sorted(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The patterns that are plain names, and the others."""
    names = frozenset(pattern for pattern in patterns if not set(pattern) & set("*?[/\\"))
    return names, tuple(pattern for pattern in patterns if pattern not in names)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    index = 0
    while index < len(pattern):
        rest = pattern[index:]
        for text, expression in _GLOBS.items():
            if rest.startswith(text):
                parts.append(expression)
                index += len(text)
                break
        else:
            if (match := re.match(r"\[!?\]?[^\]]*\]", rest)) is not None:
                parts.append(match[0].replace("\\", "\\\\").replace("[!", "[^", 1))
                index += match.end()
            else:
                parts.append(re.escape(rest[0]))
                index += 1
    return re.compile("".join(parts), re.DOTALL)


_GLOBS: Mapping[str, str] = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
