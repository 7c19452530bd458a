"""From source text to a libcst module, whatever the text is like."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from gradguard.finding import CheckError
from gradguard.static.nesting import nesting
from gradguard.static.source import Source

if TYPE_CHECKING:
    import libcst

__all__ = ["parse", "syntax_error"]

# Up to here the parser is safe on a stack of 1 MB, the smallest that a main thread has on any common system.
_SHALLOW_BRACKETS = 50
_SHALLOW_OPERATORS = 200
_SHALLOW_BRANCHES = 200
_BIG_STACK = 128 << 20
# Nobody writes so much into one file; what is generated would take minutes, and gigabytes.
_MOST_CHARACTERS = 4_000_000

_ONLY_AST = 0x0400
_PYTHON_2 = re.compile(r"missing parentheses in call|multiple exception types|leading zeros in decimal|use repr")


def parse(source: Source) -> libcst.Module | CheckError:
    """The syntax tree of a source, by the newest grammar that libcst knows."""
    if len(source.text) > _MOST_CHARACTERS:
        size = f"{len(source.text) / 1e6:.0f} MB of source, where {_MOST_CHARACTERS / 1e6:.0f} are the most"
        return CheckError(source.path, f"too large to be checked ({size})")
    measured = nesting(source.text)
    if measured.excess:
        return _error(source, f"too deeply nested to be checked ({measured.excess})", measured.line)
    if (
        measured.brackets <= _SHALLOW_BRACKETS
        and measured.operators <= _SHALLOW_OPERATORS
        and measured.branches <= _SHALLOW_BRANCHES
    ):
        return _parse(source)
    return _with_big_stack(lambda: _parse(source))


def syntax_error(source: Source) -> CheckError | None:
    """What is wrong with a source, found without libcst if nothing is."""
    if not nesting(source.text).excess:
        try:
            _compile(source.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
        else:
            return None
    parsed = parse(source)
    return parsed if isinstance(parsed, CheckError) else None


def _parse(source: Source) -> libcst.Module | CheckError:
    import libcst

    try:
        return libcst.parse_module(source.text)
    except libcst.ParserSyntaxError as error:
        if "too many indentation levels" in error.message:
            return _error(source, "too deeply nested to be checked (more than 99 levels of indentation)", 0)
        line, reason = _explain(source.text)
        return _error(source, reason or "syntax that the parser does not know", line or error.raw_line)
    except UnicodeEncodeError:
        return _error(source, "contains half of a surrogate pair, so it is not Python source", 0)
    except BaseException as error:
        # A panic in libcst's Rust code arrives as a BaseException of a class that cannot be imported.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return _error(source, f"cannot be parsed ({type(error).__name__})", 0)


def _explain(text: str) -> tuple[int, str]:
    """Line and reason of a syntax error in Python's own words, which are clearer than a parser generator's."""
    try:
        _compile(text)
    except SyntaxError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        reason = reason.split(". ")[0]
        if _PYTHON_2.search(reason):
            return error.lineno or 0, f"is Python 2, not Python 3: {reason}"
        return error.lineno or 0, f"syntax error: {reason}"
    except (ValueError, RecursionError, MemoryError):
        return 0, "syntax error"
    return 0, ""


def _compile(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, "<source>", "exec", _ONLY_AST, dont_inherit=True)


def _error(source: Source, message: str, line: int) -> CheckError:
    if not line:
        return CheckError(source.path, message)
    cell, line = source.place(line)
    if cell is not None:
        return CheckError(source.path, f"cell {cell}, line {line}: {message}")
    return CheckError(source.path, message, line)


def _with_big_stack(work: Callable[[], libcst.Module | CheckError]) -> libcst.Module | CheckError:
    results: list[libcst.Module | CheckError] = []
    before = threading.stack_size(_BIG_STACK)
    try:
        thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return results[0]
