"""Where something happened in the user's code: cheap to note at run time, turned into a location only for a finding.

A site is an instruction of a code object, or a description of a place that is searched in the source text when a
finding needs it. Code objects are told apart by id: their own hash and comparison look at all of their contents.
"""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import itertools
import linecache
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeAlias

import torch

import gradguard
from gradguard.finding import Location
from gradguard.runtime.forwarding import FORWARDER

__all__ = ["Between", "Instruction", "Place", "Sites", "SourceLine", "expression_at", "locals_of", "parsed"]


class Instruction(NamedTuple):
    """An instruction of a code object."""

    code: int
    offset: int


class Between(NamedTuple):
    """A statement by hand, somewhere between two instructions: `what` is "clear" or "update"."""

    before: Instruction
    after: Instruction
    what: str


class SourceLine(NamedTuple):
    """A range of lines and columns (from 0, in bytes) of a file, as ast counts them."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


Place: TypeAlias = "Instruction | Between | SourceLine"


@functools.cache
def _foreign_folders() -> tuple[str, ...]:
    folders = {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(os.path.dirname(module.__file__) for module in (gradguard, torch) if module.__file__),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
    return tuple(os.path.join(os.path.realpath(folder), "") for folder in folders if folder)


@functools.lru_cache(maxsize=4096)
def _is_foreign(path: str) -> bool:
    """Whether a file is none of the user's. The answer outlives a watch: in tests there is one for each test."""
    return os.path.realpath(path).startswith(_foreign_folders())


def is_users(code: CodeType) -> bool:
    """Whether code is the user's. A question alone: unlike `Sites.is_user` it does not count the code as seen."""
    name = code.co_filename
    if code.co_name == FORWARDER:
        return False
    if name.startswith("<") and not name.startswith(("<ipython", "<stdin", "<doctest ", "<timed ")):
        return False
    return not _is_foreign(name if os.path.isabs(name) else os.path.abspath(name))


# Code that was found to be none of the user's. It outlives a watch: in tests there is one for each test.
_MOST_FOREIGN = 4096
_foreign: dict[int, CodeType] = {}


class Sites:
    """Tells the user's code from everybody else's, and knows the code objects that were seen."""

    def __init__(self) -> None:
        self.codes: dict[int, CodeType] = {}
        self.mine: dict[int, bool] = {}
        self._keep: list[CodeType] = []  # an id says nothing once its object is gone
        self.folder = os.path.join(os.getcwd(), "")

    def user_frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost frame of the user's code, from this one outwards."""
        mine = self.mine
        while frame is not None:
            code = frame.f_code
            known = mine.get(id(code))
            if known is None:
                known = self._judge(code)
            if known:
                return frame
            frame = frame.f_back
        return None

    def instruction(self, frame: FrameType | None) -> Instruction | None:
        frame = self.user_frame(frame)
        return None if frame is None else Instruction(id(frame.f_code), frame.f_lasti)

    def user_frames(self, frame: FrameType | None) -> Iterator[FrameType]:
        """All frames of the user's code, from this one outwards."""
        mine = self.mine
        while frame is not None:
            code = frame.f_code
            known = mine.get(id(code))
            if known or (known is None and self._judge(code)):
                yield frame
            frame = frame.f_back

    def calls(self, frame: FrameType | None, depth: int) -> tuple[Instruction, ...]:
        """How the user's code reached the frame: the calls outside of it."""
        outer = itertools.islice(self.user_frames(frame), 1, depth + 1)
        return tuple([Instruction(id(caller.f_code), caller.f_lasti) for caller in outer])

    def is_user(self, code: CodeType) -> bool:
        """Whether code that runs, or has run, is the user's. It counts as seen from now on."""
        known = self.mine.get(id(code))
        return self._judge(code) if known is None else known

    def files(self) -> set[str]:
        return {code.co_filename for key, code in self.codes.items() if self.mine[key]}

    def _judge(self, code: CodeType) -> bool:
        if _foreign.get(id(code)) is code:
            self.mine[id(code)] = False
            return False
        mine = is_users(code)
        if not mine and len(_foreign) < _MOST_FOREIGN:
            _foreign[id(code)] = code
        self._keep.append(code)
        self.mine[id(code)] = mine
        self.codes[id(code)] = code
        return mine

    def location(self, place: Place | None) -> Location | None:
        """None where the place cannot be told exactly. Paths are relative to the folder that the watch began in."""
        found = self._location(place)
        if found is None or not found.path.startswith(self.folder):
            return found
        return replace(found, path=found.path[len(self.folder) :])

    def _location(self, place: Place | None) -> Location | None:
        if place is None:
            return None
        if isinstance(place, Between):
            from gradguard.runtime.text import statement_between

            found = statement_between(self, place)
            return None if found is None else self._location(found)
        if isinstance(place, Instruction):
            return _instruction_location(self.codes[place.code], place.offset)
        return _location(place.path, place.line, place.column, place.end_line, place.end_column)


def _instruction_location(code: CodeType, offset: int) -> Location | None:
    path = code.co_filename
    for line, end_line, column, end_column in _positions(code, offset):
        if line is None:
            return None
        if end_line is None or column is None or end_column is None:
            text = linecache.getline(path, line).rstrip()
            indent = len(text) - len(text.lstrip())
            return Location(path, line, indent + 1, line, len(text) + 1)
        return _location(path, line, column, end_line, end_column)
    return None


_Range: TypeAlias = "tuple[int | None, int | None, int | None, int | None]"


def _positions(code: CodeType, offset: int) -> Iterator[_Range]:
    if sys.version_info >= (3, 11):
        for index, position in enumerate(code.co_positions()):
            if index == offset // 2:
                yield position
                return
    else:
        for start, end, line in code.co_lines():
            if start <= offset < end:
                yield line, None, None, None
                return


def _location(path: str, line: int, column: int, end_line: int, end_column: int) -> Location:
    return Location(path, line, _characters(path, line, column), end_line, _characters(path, end_line, end_column))


def _characters(path: str, line: int, column: int) -> int:
    """A column in characters, from 1, for one in bytes, from 0."""
    text = linecache.getline(path, line)
    return len(text.encode()[:column].decode(errors="replace")) + 1


def locals_of(frame: FrameType) -> dict[str, Any]:
    """The local variables of a frame, as they are now.

    Before Python 3.13, `f_locals` of a function leaves a dict in the frame, which would keep all of the values alive
    until the function returns. It is emptied, unless a debugger is about to copy it back into the variables.
    """
    held = frame.f_locals
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return held
    values = dict(held)
    if sys.version_info < (3, 13) and sys.gettrace() is None:
        held.clear()
    return values


class _Source:
    """A file of the user, parsed once. What was worked out outlives a watch: in tests there is one for each test."""

    __slots__ = ("expressions", "lines", "tree")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.tree = _parse("".join(lines))
        self.expressions: dict[_Range, ast.expr] | None = None

    def expression(self, position: _Range) -> ast.expr | None:
        if self.expressions is None:
            self.expressions = {}
            for node in ast.walk(self.tree) if self.tree is not None else ():
                if isinstance(node, ast.expr):
                    place = node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
                    self.expressions.setdefault(place, node)
        return self.expressions.get(position)


_MOST_SOURCES = 64
_sources: dict[str, _Source] = {}


def _source(path: str) -> _Source:
    lines = linecache.getlines(path)
    known = _sources.get(path)
    # linecache gives out the same list until it reads the file again.
    if known is None or (known.lines is not lines and known.lines != lines):
        if len(_sources) >= _MOST_SOURCES:
            _sources.pop(next(iter(_sources)), None)
        known = _sources[path] = _Source(lines)
    known.lines = lines
    return known


def _parse(text: str) -> ast.Module | None:
    # A tree has so many nodes that the collector would set off, and look at all of the objects of torch.
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    finally:
        if collects:
            gc.enable()


def parsed(path: str) -> ast.Module | None:
    """The syntax tree of a file of the user."""
    return _source(path).tree


def expression_at(code: CodeType, offset: int) -> ast.expr | None:
    """The expression whose evaluation the instruction ends; before Python 3.11 the only candidate on its line."""
    source = _source(code.co_filename)
    return next(filter(None, map(source.expression, _positions(code, offset))), None)
