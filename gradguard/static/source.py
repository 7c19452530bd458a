"""From bytes to source text: encodings, and notebooks as one text with a map back to their cells."""

from __future__ import annotations

import bisect
import codecs
import os
import re
from dataclasses import dataclass
from typing import TypeAlias

from gradguard.finding import CheckError, Location

__all__ = ["Source", "decode", "encoding_of", "is_notebook", "looks_like_notebook", "read", "stamp_of"]

Stamp: TypeAlias = "tuple[int, int, int]"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARATION = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_NO_CODE = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Source:
    """Source text under the path that is shown to the user.

    A notebook's code cells are joined into one text. `cells` then holds, for each of them, the line of the text at
    which it begins and its number. Cells are counted from 1 over all cells of the notebook, markdown cells included.
    """

    path: str
    text: str
    cells: tuple[tuple[int, int], ...] | None = None

    def place(self, line: int) -> tuple[int | None, int]:
        """The cell (None outside notebooks) and the line in it, for a line of the text."""
        if not self.cells:
            return None, line
        start, cell = self.cells[max(bisect.bisect_right(self.cells, (line, 1 << 60)) - 1, 0)]
        return cell, line - start + 1

    def line_of(self, line: int, cell: int | None) -> int:
        """The line of the text, for a line of a cell."""
        starts = [start for start, number in self.cells or () if number == cell]
        return line + starts[0] - 1 if starts else line

    def location(self, line: int, column: int, end_line: int, end_column: int) -> Location:
        """A location from lines of the text that count from 1 and columns that count from 1."""
        cell, first = self.place(line)
        last_cell, last = self.place(end_line)
        if last_cell != cell:
            last, end_column = first, column
        return Location(self.path, first, column, last, end_column, cell)

    def place_at(self, first: tuple[int | None, int], last: tuple[int | None, int]) -> Location:
        """The location from the beginning of one line to that of another, each with its cell."""
        return Location(self.path, first[1], 1, last[1], 1, first[0])

    def lines(self, cell: int | None = None) -> list[str]:
        """The lines of the text, or of one cell. Unlike str.splitlines, this does not split at form feeds."""
        lines = _NEWLINE.split(self.text)
        if cell is None or not self.cells:
            return lines
        starts = [start for start, _ in self.cells] + [len(lines) + 1]
        for index, (start, number) in enumerate(self.cells):
            if number == cell:
                return lines[start - 1 : starts[index + 1] - 1]
        return []


def is_notebook(path: str) -> bool:
    return path.lower().endswith(".ipynb")


def looks_like_notebook(data: bytes) -> bool:
    """Whether data whose name is not known is a notebook's JSON: no Python source looks like that."""
    return re.match(rb"(?:\xef\xbb\xbf)?\s*\{", data) is not None and b'"cells"' in data and b'"nbformat"' in data


def read(path: str) -> Source | CheckError:
    """The source in a file."""
    data = read_bytes(path)
    return data if isinstance(data, CheckError) else decode(data, path)


def stamp_of(path: str) -> Stamp | None:
    """What tells whether a file has changed since, without reading it."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino


def read_bytes(path: str) -> bytes | CheckError:
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except OSError as error:
        return CheckError(path, f"cannot be read: {(error.strerror or str(error)).lower()}")
    except ValueError as error:
        return CheckError(path, f"cannot be read: {error}")


def decode(data: bytes, path: str) -> Source | CheckError:
    """The source in the bytes of a file. The path tells a notebook from a module."""
    text = _decode_text(data, path)
    if isinstance(text, CheckError):
        return text
    return from_text(text, path)


def from_text(text: str, path: str) -> Source | CheckError:
    """The source in a text that is already decoded."""
    if is_notebook(path):
        from gradguard.static.notebook import join_cells

        return join_cells(text, path)
    nul = text.find("\0")
    if nul >= 0:
        line = len(_NEWLINE.findall(text, 0, nul)) + 1
        return CheckError(path, "contains a NUL character, so it is not Python source", line)
    return Source(path, text)


def encoding_of(data: bytes, path: str) -> tuple[bytes, str]:
    """The byte order mark at the beginning of a file, if there is one, and the encoding of what follows."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return mark, name
    if not is_notebook(path) and (declared := _declared_encoding(data)):
        return b"", declared
    return b"", "utf-8"


def _decode_text(data: bytes, path: str) -> str | CheckError:
    mark, encoding = encoding_of(data, path)
    declared = not mark and encoding != "utf-8"
    data = data[len(mark) :]
    try:
        # utf-8 needs no look-up, and a name such as "hex" is no encoding of text.
        return data.decode(encoding)
    except LookupError:
        return CheckError(path, f"declares an unknown encoding: {encoding}", 1)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        byte = f"byte 0x{data[error.start]:02x}" if error.start < len(data) else "the end"
        advice = "" if declared or encoding != "utf-8" else ", and declares no other encoding"
        return CheckError(path, f"is not valid {encoding.upper()} ({byte}){advice}", line)
    except (UnicodeError, ValueError) as error:
        return CheckError(path, f"cannot be decoded as {encoding}: {error}")


def _declared_encoding(data: bytes) -> str | None:
    for line in re.split(rb"\r\n|\r|\n", data[:1000], maxsplit=2)[:2]:
        if match := _DECLARATION.match(line):
            return match[1].decode("ascii")
        if not _NO_CODE.match(line):
            break
    return None
