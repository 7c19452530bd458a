"""The files of a project: the one that is checked, and the siblings that it imports."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field

import libcst as cst

from gradguard.finding import CheckError
from gradguard.static import index
from gradguard.static.cache import digest_of_file
from gradguard.static.index import Index
from gradguard.static.outcome import Dependencies
from gradguard.static.siblings import find_module
from gradguard.static.source import Source, Stamp, stamp_of

__all__ = ["Project", "SourceFile"]

MAX_SIBLINGS = 24
_ZERO_GRAD = re.compile(r"\.zero_grad\b")
_RECEIVER = re.compile(r"(\w+)(?:\[[^\]]*\])?$")
_LONGEST_RECEIVER = 100
_ASSIGNED = re.compile(r"\bself\.(\w+) = ")


@dataclass(slots=True, eq=False)
class SourceFile:
    """A parsed file. Compared by identity, so that it can stand in sites."""

    source: Source
    module: cst.Module
    index: Index
    generators: dict[cst.FunctionDef, bool] = field(default_factory=dict)
    changed: dict[cst.FunctionDef, frozenset[str]] = field(default_factory=dict)
    plain: dict[cst.CSTNode, bool] = field(default_factory=dict)
    abstract: dict[cst.FunctionDef, bool] = field(default_factory=dict)
    preferred: dict[cst.If, bool] = field(default_factory=dict)
    cleared: dict[cst.FunctionDef, frozenset[str]] = field(default_factory=dict)
    definitions: list[cst.BaseStatement] | None = None
    _reset: frozenset[str] | None = None
    _may_yield: bool | None = None
    _zeroed: frozenset[str] | None = None

    @property
    def reset(self) -> frozenset[str]:
        """The attributes of `self` that are assigned in more than one place of this file."""
        if self._reset is None:
            counted = Counter(_ASSIGNED.findall(self.source.text))
            self._reset = frozenset(name for name, times in counted.items() if times > 1)
        return self._reset

    @property
    def may_yield(self) -> bool:
        """Whether the word is in this file at all."""
        if self._may_yield is None:
            self._may_yield = "yield" in self.source.text
        return self._may_yield

    @property
    def zeroed(self) -> frozenset[str]:
        """The last names of what `zero_grad` is called on in this file: `opt_g` of `self.opt_g.zero_grad()`."""
        if self._zeroed is None:
            text = self.source.text
            before = (text[max(0, m.start() - _LONGEST_RECEIVER) : m.start()] for m in _ZERO_GRAD.finditer(text))
            self._zeroed = frozenset(found[1] for words in before if (found := _RECEIVER.search(words.rstrip())))
        return self._zeroed


# Files are parsed once in a process, as long as they stay as they are: a package's modules import each other.
_PARSED: dict[str, tuple[Stamp | None, SourceFile | None]] = {}
_MOST_PARSED = 400


def load(path: str) -> SourceFile | None:
    """Parse a file of the project; None if that cannot be done."""
    from gradguard.static.parse import parse
    from gradguard.static.source import read

    real = os.path.realpath(path)
    stamp = stamp_of(real)
    if real in _PARSED and _PARSED[real][0] == stamp:
        return _PARSED[real][1]
    source = read(path)
    module = source if isinstance(source, CheckError) else parse(source)
    file: SourceFile | None = None
    if not isinstance(module, CheckError) and not isinstance(source, CheckError):
        file = SourceFile(source, module, index.build(module))
    if len(_PARSED) >= _MOST_PARSED:
        _PARSED.pop(next(iter(_PARSED)))
    _PARSED[real] = stamp, file
    return file


def remember(file: SourceFile, stamp: Stamp) -> None:
    """Keep a file that was parsed to be checked, for those that import it. `stamp` is from before it was read."""
    if len(_PARSED) < _MOST_PARSED:
        _PARSED[os.path.realpath(file.source.path)] = stamp, file


@dataclass(slots=True, eq=False)
class Project:
    """Finds the siblings of one checked file."""

    main: SourceFile
    loaded: dict[str, SourceFile | None] = field(default_factory=dict)
    _found: dict[tuple[str, str, int], str | None] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _real: str = ""

    def find(self, importer: SourceFile, dotted: str, level: int) -> str | None:
        """The path of `import dotted` (or `from .dotted import …` with its level of dots), if it lies beside."""
        key = (importer.source.path, dotted, level)
        if key not in self._found:
            self._found[key] = find_module(*key)
        return self._found[key]

    def load(self, path: str) -> SourceFile | None:
        if path not in self.loaded:
            if path in self._refused:
                return None
            self._real = self._real or os.path.realpath(self.main.source.path)
            if os.path.realpath(path) == self._real:
                self.loaded[path] = self.main
            elif len(self.loaded) >= MAX_SIBLINGS:
                self._refused.add(path)
                return None
            else:
                self.loaded[path] = load(path)
        return self.loaded[path]

    def note(self, dependencies: Dependencies) -> None:
        """Note what was looked for and what was read beside the file itself."""
        dependencies.imports.update(self._found)
        for path, file in self.loaded.items():
            if file is not self.main:
                dependencies.files[path] = digest_of_file(path)
