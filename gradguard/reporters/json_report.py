"""Findings as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any, TextIO

from gradguard.finding import CheckError, Edit, Finding, Location, Note
from gradguard.static.check import Result

__all__ = ["as_data", "write_json"]


def write_json(result: Result, stream: TextIO) -> None:
    stream.write(json.dumps(as_data(result), indent=2) + "\n")


def as_data(result: Result) -> dict[str, Any]:
    return {
        "findings": [_finding(finding) for finding in result.findings],
        "errors": [_error(error) for error in result.errors],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "rule": finding.rule,
        "code": finding.code,
        **_range(finding.location),
        "message": finding.message,
        "help": finding.help,
        "notes": [_note(note) for note in finding.notes],
        "fix": fix and {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]},
    }


def _note(note: Note) -> dict[str, Any]:
    return {**_range(note.location), "message": note.message}


def _edit(edit: Edit) -> dict[str, Any]:
    return {**_range(edit.location), "replacement": edit.replacement}


def _range(location: Location) -> dict[str, Any]:
    data: dict[str, Any] = {
        "path": location.path,
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }
    return data if location.cell is None else {**data, "cell": location.cell}


def _error(error: CheckError) -> dict[str, Any]:
    message = f"line {error.line}: {error.message}" if error.line else error.message
    return {"path": error.path, "message": message}
