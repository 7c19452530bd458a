"""Findings as SARIF 2.1.0, for code scanning services and editors."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any, TextIO
from urllib.parse import quote

from gradguard import __version__, catalogue
from gradguard.finding import CheckError, Edit, Finding, Location
from gradguard.rule import Rule
from gradguard.static.check import Result

__all__ = ["as_sarif", "write_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def write_sarif(result: Result, stream: TextIO) -> None:
    stream.write(json.dumps(as_sarif(result), indent=2) + "\n")


def as_sarif(result: Result) -> dict[str, Any]:
    rules = catalogue.all_rules()
    index = {rule.code: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "gradguard", "version": __version__, "rules": [_rule(rule) for rule in rules]},
        },
        # SARIF counts UTF-16 units unless it is told otherwise.
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index.get(finding.code, -1)) for finding in result.findings],
        "invocations": [
            {
                "executionSuccessful": not result.errors,
                "toolExecutionNotifications": [_notification(error) for error in result.errors],
            }
        ],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    markdown = (
        f"{_flat(rule.why)}\n\n```python\n{rule.bad}\n```\n\n{_flat(rule.instead)}\n\n```python\n{rule.good}\n```"
    )
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": _flat(rule.why)},
        "help": {"text": _flat(rule.instead), "markdown": markdown},
        "defaultConfiguration": {"enabled": rule.default, "level": "warning"},
    }


def _flat(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _result(finding: Finding, index: int) -> dict[str, Any]:
    text = finding.message if not finding.help else f"{finding.message}. Instead: {finding.help}"
    data: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "warning",
        "message": {"text": text},
        "locations": [_location(finding.location)],
    }
    if finding.notes:
        data["relatedLocations"] = [
            {"id": number, **_location(note.location), "message": {"text": note.message}}
            for number, note in enumerate(finding.notes)
        ]
    if finding.fix is not None and finding.location.cell is None:
        data["fixes"] = [
            {
                "description": {"text": finding.fix.title},
                "artifactChanges": [
                    {
                        "artifactLocation": _artifact(finding.location.path),
                        "replacements": [_replacement(edit) for edit in finding.fix.edits],
                    }
                ],
            }
        ]
    return data


def _location(location: Location) -> dict[str, Any]:
    """A place. A line in a cell is no line of a notebook's file, so a notebook's places are logical ones."""
    physical: dict[str, Any] = {"artifactLocation": _artifact(location.path)}
    if location.cell is None:
        return {"physicalLocation": {**physical, "region": _region(location)}}
    name = f"cell {location.cell}, line {location.line}"
    return {"physicalLocation": physical, "logicalLocations": [{"name": name, "kind": "module"}]}


def _region(location: Location) -> dict[str, int]:
    return {
        "startLine": location.line,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.location), "insertedContent": {"text": edit.replacement}}


def _artifact(path: str) -> dict[str, str]:
    pure = PurePath(path)
    if pure.is_absolute():
        return {"uri": pure.as_uri()}
    return {"uri": quote(pure.as_posix(), errors="surrogateescape")}


def _notification(error: CheckError) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(error.path)}
    if error.line:
        physical["region"] = {"startLine": error.line}
    return {"level": "error", "message": {"text": error.message}, "locations": [{"physicalLocation": physical}]}
