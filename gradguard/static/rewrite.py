"""Edits put into the bytes of a file: encoding, byte order mark, line ends and a notebook's JSON stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from gradguard import edits as text_edits
from gradguard.finding import CheckError, Edit
from gradguard.static.source import decode, encoding_of, is_notebook

__all__ = ["rewrite"]

_SPACE = re.compile(r"\s*")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def rewrite(data: bytes, path: str, edits: Iterable[Edit]) -> bytes | None:
    """The bytes of a file with edits in its text; None where they cannot be put in without touching something else."""
    mark, encoding = encoding_of(data, path)
    try:
        text = data[len(mark) :].decode(encoding)
        if isinstance(decode(data, path), CheckError) or mark + text.encode(encoding) != data:
            return None
        changed = _in_cells(text, edits) if is_notebook(path) else text_edits.apply(text, edits)
        return None if changed is None else mark + changed.encode(encoding)
    except (LookupError, ValueError):
        return None


def _in_cells(text: str, edits: Iterable[Edit]) -> str | None:
    by_cell: dict[int, list[Edit]] = {}
    for edit in edits:
        by_cell.setdefault(edit.location.cell or 0, []).append(edit)
    spans = _sources(text)
    parts: list[str] = []
    end = 0
    for cell in sorted(by_cell):
        if cell not in spans:
            return None
        start, stop = spans[cell]
        changed = _in_cell(text[start:stop], by_cell[cell], ascii_only=text.isascii())
        parts += (text[end:start], changed)
        end = stop
    return "".join([*parts, text[end:]])


def _in_cell(raw: str, edits: list[Edit], *, ascii_only: bool) -> str:
    """The JSON of a cell's source with edits in it. Lines that stay keep the form they had."""
    value = json.loads(raw)
    plain = [replace(edit, location=replace(edit.location, cell=None)) for edit in edits]

    def dump(line: str) -> str:
        return json.dumps(line, ensure_ascii=ascii_only)

    if isinstance(value, str):
        return dump(text_edits.apply(value, plain))
    spans = list(_items(raw, 0))
    known = {item: raw[start:stop] for item, (start, stop) in zip(value, spans, strict=True)}
    lines = _LINE.findall(text_edits.apply("".join(value), plain))
    between = raw[spans[0][1] : spans[1][0]] if len(spans) > 1 else "," + raw[1 : spans[0][0]]
    items = [known.get(line) or dump(line) for line in lines]
    return raw[: spans[0][0]] + between.join(items) + raw[spans[-1][1] :]


def _sources(text: str) -> dict[int, tuple[int, int]]:
    """Where in a notebook's JSON the source of each cell lies."""
    found: dict[int, tuple[int, int]] = {}
    for key, (cells, _) in _members(text, _skip(text, 0)):
        if key == "cells":
            for number, (cell, _) in enumerate(_items(text, cells), start=1):
                for name, place in _members(text, cell):
                    if name == "source":
                        found[number] = place
    return found


def _items(text: str, index: int) -> Iterable[tuple[int, int]]:
    """The places of the values in the JSON array that begins at the index."""
    decoder = json.JSONDecoder()
    index = _skip(text, index + 1)
    while text[index] != "]":
        _, stop = decoder.raw_decode(text, index)
        yield index, stop
        index = _skip(text, stop)
        if text[index] == ",":
            index = _skip(text, index + 1)


def _members(text: str, index: int) -> Iterable[tuple[str, tuple[int, int]]]:
    """The keys of the JSON object that begins at the index, and the places of their values."""
    decoder = json.JSONDecoder()
    index = _skip(text, index + 1)
    while text[index] != "}":
        key, stop = decoder.raw_decode(text, index)
        start = _skip(text, _skip(text, stop) + 1)
        _, stop = decoder.raw_decode(text, start)
        yield key, (start, stop)
        index = _skip(text, stop)
        if text[index] == ",":
            index = _skip(text, index + 1)


def _skip(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    assert match is not None
    return match.end()
