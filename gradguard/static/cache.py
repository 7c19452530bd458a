"""Outcomes of earlier checks, so that what has not changed is not checked again.

An outcome is found by the path, the rules, gradguard's own code and the digest of the file's bytes. It counts only if
each import still leads where it led, and each file that was read on the way still has the digest it had.

All is in one file for each set of rules, replaced as a whole, so that parallel runs do not harm each other. What cannot
be understood is as good as not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import gradguard
from gradguard.finding import CheckError, Edit, Finding, Fix, Location, Note
from gradguard.static.outcome import Outcome
from gradguard.static.siblings import find_module
from gradguard.static.source import read_bytes

__all__ = ["FOLDER", "Cache", "digest", "digest_of_file"]

FOLDER = ".gradguard_cache"
_MOST_ENTRIES = 50_000
_README = "# Written by gradguard, for itself alone.\n*\n"


def digest(data: bytes) -> str:
    import hashlib  # this and tempfile would be a part of each start, also of one without a cache

    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Cache:
    """The outcomes for one set of rules. Nothing is read before it is asked for, or written before `save`."""

    def __init__(self, folder: str, codes: Sequence[str]) -> None:
        self._folder = folder
        code = _own_digest()
        self._prefix = f"{gradguard.__version__}-{code[:12]}-"
        self._file = os.path.join(folder, f"{self._prefix}{digest(','.join(codes).encode())[:12]}.json")
        self._entries: dict[str, Any] | None = None
        self._fresh: dict[str, Any] = {}
        self._digests: dict[str, str] = {}
        self._found: dict[tuple[str, str, int], str | None] = {}

    def get(self, path: str, data: bytes) -> Outcome | None:
        """What the check of these bytes under this path came to, if that still holds."""
        entry = self._read().get(path)
        try:
            if entry is None or entry["digest"] != digest(data) or not self._holds(entry):
                return None
            return Outcome(
                [_finding(item) for item in entry["findings"]], [CheckError(*item) for item in entry["errors"]]
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return None

    def put(self, path: str, data: bytes, outcome: Outcome) -> None:
        own = digest(data)
        if outcome.dependencies is not None and outcome.dependencies.own == own:  # else it has changed meanwhile
            self._fresh[path] = {
                "digest": own,
                "imports": [[*key, found] for key, found in outcome.dependencies.imports.items()],
                "files": outcome.dependencies.files,
                "findings": [_as_data(finding) for finding in outcome.findings],
                "errors": [[error.path, error.message, error.line] for error in outcome.errors],
            }

    def save(self) -> None:
        """Write what is new, beside what others may have written meanwhile. A folder that cannot be written is left."""
        if not self._fresh:
            return
        self._entries = None
        entries = {**self._read(), **self._fresh}
        for path in list(entries)[: max(len(entries) - _MOST_ENTRIES, 0)]:
            del entries[path]
        self._fresh = {}
        with contextlib.suppress(OSError, ValueError):
            os.makedirs(self._folder, exist_ok=True)
            ignore = os.path.join(self._folder, ".gitignore")
            if not os.path.exists(ignore):
                _replace(ignore, _README)
            _replace(self._file, json.dumps(entries))
            for name in os.listdir(self._folder):
                if name.endswith(".json") and not name.startswith(self._prefix):
                    os.unlink(os.path.join(self._folder, name))

    def _read(self) -> dict[str, Any]:
        if self._entries is None:
            self._entries = {}
            with contextlib.suppress(OSError, ValueError, RecursionError):
                with open(self._file, encoding="utf-8") as file:
                    entries = json.load(file)
                if isinstance(entries, dict):
                    self._entries = entries
        return self._entries

    def _holds(self, entry: dict[str, Any]) -> bool:
        return all(self._digest(path) == known for path, known in entry["files"].items()) and all(
            self._find(importer, dotted, level) == found for importer, dotted, level, found in entry["imports"]
        )

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = digest_of_file(path)
        return self._digests[path]

    def _find(self, importer: str, dotted: str, level: int) -> str | None:
        key = importer, dotted, level
        if key not in self._found:
            self._found[key] = find_module(*key)
        return self._found[key]


def digest_of_file(path: str) -> str:
    data = read_bytes(path)
    return "" if isinstance(data, CheckError) else digest(data)


def _own_digest() -> str:
    """Of gradguard's own code, of the parser and of Python: another one of them may find something else."""
    root = os.path.dirname(os.path.abspath(gradguard.__file__))
    facts: list[object] = [sys.version, _parser()]
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            if name.endswith(".py"):
                info = os.stat(os.path.join(folder, name))
                facts.append((os.path.relpath(folder, root), name, info.st_size, info.st_mtime_ns))
    return digest(repr(facts).encode())


def _parser() -> str:
    from importlib.util import find_spec

    spec = find_spec("libcst")  # it is not imported
    return f"{spec.origin} {os.stat(spec.origin).st_mtime_ns}" if spec is not None and spec.origin else ""


def _replace(path: str, text: str) -> None:
    import tempfile

    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _as_data(finding: Finding) -> list[Any]:
    fix = finding.fix
    return [
        finding.rule,
        finding.code,
        finding.message,
        _place(finding.location),
        [[_place(note.location), note.message] for note in finding.notes],
        finding.help,
        fix and [fix.title, [[_place(edit.location), edit.replacement] for edit in fix.edits], fix.safe],
    ]


def _place(location: Location) -> list[Any]:
    place = location
    return [place.path, place.line, place.column, place.end_line, place.end_column, place.cell]


def _finding(data: list[Any]) -> Finding:
    rule, code, message, place, notes, help_text, fix = data
    return Finding(
        rule,
        code,
        message,
        Location(*place),
        tuple(Note(Location(*where), text) for where, text in notes),
        help_text,
        fix and Fix(fix[0], tuple(Edit(Location(*where), text) for where, text in fix[1]), fix[2]),
    )
