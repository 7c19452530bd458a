"""Text in a terminal's cells: how wide it is, how it is cut, and what must not reach the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

__all__ = ["printable", "width", "wrap"]

_TAB = 4


def printable(text: str, tabs: bool = False) -> str:
    """The text without characters that would move the cursor or change the terminal's state."""
    if text.isprintable():
        return text
    return "".join(_printable(char, tabs) for char in text)


def _printable(char: str, tabs: bool) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    if char == "\t":
        return " " * _TAB if tabs else " "
    return "\ufffd"


def width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, cells: int) -> str:
    """The longest beginning of the text that fits."""
    if text.isascii():
        return text[:cells]
    used = 0
    for index, char in enumerate(text):
        used += _cells(char)
        if used > cells:
            return text[:index]
    return text


def wrap(text: str, cells: int | None) -> list[str]:
    """The text in lines that fit, broken between words, and within a word only where it alone is too long."""
    return [text] if cells is None else list(_wrap(text, max(cells, 8)))


def _wrap(text: str, cells: int) -> Iterator[str]:
    line = ""
    for whole in text.split():
        word = whole
        joined = f"{line} {word}" if line else word
        if width(joined) <= cells:
            line = joined
            continue
        if line:
            yield line
        while width(word) > cells:
            head = cut(word, cells)
            yield head
            word = word[len(head) :]
        line = word
    if line:
        yield line
