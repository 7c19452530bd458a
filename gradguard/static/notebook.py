"""Jupyter notebooks: their code cells as one text of plain Python with the same number of lines."""

from __future__ import annotations

import json
import re
from typing import Any

from gradguard.finding import CheckError
from gradguard.static.source import Source

__all__ = ["join_cells", "plain_python"]

# Cell magics that run the cell's own body in the notebook's namespace. All others hand it to something else.
_TRANSPARENT = frozenset({"capture", "heat", "memit", "prun", "scalene", "snakeviz", "time", "timeit", "wandb"})
_NEWLINE = re.compile(r"\r\n|\r|\n")
_CELL_MAGIC = re.compile(r"\s*%%\s*(\w*)")
_COMMAND = re.compile(r"[%!?]")
_HELP = re.compile(r"[%\w.*]+\?\??\s*(?:#.*)?$")
_CAPTURE = re.compile(r"([\w.,\s\[\]'\"*]+?=\s*)[!%](?!=)")
_TIME = re.compile(r"%time[ \t]+(?=\S)")
_COMPOUND = re.compile(r"(?:async|class|def|for|if|match|try|while|with)\b")
_TOKEN = re.compile(r"#.*|\\.|(?:\"\"\"|'''|\"|')|[(\[{]|[)\]}]")


def join_cells(text: str, path: str) -> Source | CheckError:
    """One source for the code cells of a notebook. It is empty where the notebook's language is not Python."""
    if not text.strip():
        return CheckError(path, "is empty, so it is not a notebook")
    try:
        notebook = json.loads(text)
    except RecursionError:
        return CheckError(path, "is not a notebook: its JSON is too deeply nested")
    except json.JSONDecodeError as error:
        return CheckError(path, f"is not a notebook: invalid JSON ({error.msg.lower()})", error.lineno)
    cells = _cells(notebook)
    if cells is None:
        return CheckError(path, "is not a notebook: it holds no list of cells")
    if not _is_python(notebook):
        return Source(path, "", ())
    lines: list[str] = []
    starts: list[tuple[int, int]] = []
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict):
            return CheckError(path, f"is not a notebook: cell {number} is not an object")
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list) and all(isinstance(part, str) for part in source):
            source = "".join(source)
        if not isinstance(source, str):
            return CheckError(path, f"is not a notebook: the source of cell {number} is not text")
        if "\0" in source:
            return CheckError(path, f"cell {number} contains a NUL character, so it is not Python source")
        starts.append((len(lines) + 1, number))
        lines += plain_python(_NEWLINE.split(source))
    return Source(path, "\n".join([*lines, ""]) if lines else "", tuple(starts))


def _cells(notebook: Any) -> list[Any] | None:
    if not isinstance(notebook, dict):
        return None
    cells = notebook.get("cells")
    if cells is None and isinstance(sheets := notebook.get("worksheets"), list):
        # Notebooks of format 3 and older.
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    return cells if isinstance(cells, list) else None


def _is_python(notebook: dict[str, Any]) -> bool:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        value = metadata.get(section)
        language = value.get(key) if isinstance(value, dict) else None
        if isinstance(language, str) and language:
            return re.match(r"x?i?python|sage", language.lower()) is not None
    return True


def plain_python(lines: list[str]) -> list[str]:
    """The lines of a cell without IPython's own syntax: as many lines, and the columns kept."""
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is not None and (magic := _CELL_MAGIC.match(lines[first])):
        if magic[1] not in _TRANSPARENT:
            return [""] * len(lines)
        lines = [*lines[:first], "", *lines[first + 1 :]]
    plain: list[str] = []
    depth, quote, continued, in_command = 0, "", False, False
    for text in lines:
        line = text
        if in_command:
            in_command = line.endswith("\\")
            plain.append("")
            continue
        if not depth and not quote and not continued and (replaced := _replace_command(line)) is not None:
            in_command = line.endswith("\\") and not replaced.endswith("\\")
            line = replaced
        plain.append(line)
        depth, quote = _scan(line, depth, quote)
        continued = line.endswith("\\") and not quote
    return plain


def _replace_command(line: str) -> str | None:
    """The Python that stands in for a line of IPython's syntax, or None for a line of Python."""
    body = line.lstrip()
    indent = line[: len(line) - len(body)]
    if match := _TIME.match(body):
        rest = body[match.end() :]
        # `0;` in place of the magic keeps the columns, but a compound statement cannot follow it.
        return indent + (rest if _COMPOUND.match(rest) else "0;".ljust(match.end()) + rest)
    if _COMMAND.match(body) or _HELP.match(body):
        return indent + "pass"
    if match := _CAPTURE.match(body):
        return indent + match[1] + "get_ipython()"
    return None


def _scan(line: str, depth: int, quote: str) -> tuple[int, str]:
    """The bracket depth and the open triple quote after a line."""
    position = 0
    while True:
        if quote:
            end = re.compile(rf"(?:[^\\]|\\.)*?{quote}").match(line, position)
            if end is None:
                # A string in single quotes ends with its line unless a backslash continues it.
                return depth, quote if len(quote) == 3 or line.endswith("\\") else ""
            position, quote = end.end(), ""
        match = _TOKEN.search(line, position)
        if match is None:
            return depth, quote
        token, position = match[0], match.end()
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth = max(depth - 1, 0)
        elif token[0] in "\"'":
            quote = token
