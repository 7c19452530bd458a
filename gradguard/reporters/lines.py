"""Formats of one line for each finding: for editors, for GitHub's annotations; and JUnit's XML."""

from __future__ import annotations

from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from gradguard.finding import CheckError, Finding
from gradguard.reporters.display import printable
from gradguard.reporters.text import place
from gradguard.static.check import Result

__all__ = ["write_concise", "write_github", "write_junit"]


def write_concise(result: Result, stream: TextIO) -> None:
    stream.writelines(
        f"{place(finding.location)}: {finding.code} {finding.rule} {printable(finding.message)}\n"
        for finding in result.findings
    )


def write_github(result: Result, stream: TextIO) -> None:
    """Workflow commands, which GitHub shows as annotations of the lines of a pull request."""
    for finding in result.findings:
        where = finding.location
        message = finding.message if not finding.help else f"{finding.message}\ninstead: {finding.help}"
        fields = {"title": f"{finding.code} {finding.rule}", "file": where.path}
        if where.cell is None:
            fields |= {"line": str(where.line), "endLine": str(where.end_line)}
            if where.line == where.end_line:
                fields |= {"col": str(where.column), "endColumn": str(where.end_column)}
        else:
            message = f"cell {where.cell}, line {where.line}: {message}"
        _command(fields, message, stream)
    for error in result.errors:
        fields = {"title": "gradguard", "file": error.path}
        if error.line:
            fields["line"] = str(error.line)
        _command(fields, error.message, stream)


def _command(fields: dict[str, str], message: str, stream: TextIO) -> None:
    shown = ",".join(f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in fields.items())
    stream.write(f"::error {shown}::{_data(message)}\n")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def write_junit(result: Result, stream: TextIO) -> None:
    cases = [_case(finding) for finding in result.findings] + [_error_case(error) for error in result.errors]
    if not cases:
        cases = ['    <testcase name="no problems" classname="gradguard"/>\n']
    counts = f'tests="{len(cases)}" failures="{len(result.findings)}" errors="{len(result.errors)}"'
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(f'<testsuites name="gradguard" {counts}>\n  <testsuite name="gradguard" {counts}>\n')
    stream.writelines(cases)
    stream.write("  </testsuite>\n</testsuites>\n")


def _case(finding: Finding) -> str:
    where = finding.location
    name = f"{finding.code} {finding.rule} at {where.line}:{where.column}"
    if where.cell is not None:
        name = f"{finding.code} {finding.rule} at cell {where.cell}, {where.line}:{where.column}"
    notes = "".join(f"{place(note.location)}: {note.message}\n" for note in finding.notes)
    body = f"{place(where)}: {finding.message}\n{notes}instead: {finding.help}\n"
    return (
        f"    <testcase name={_attribute(name)} classname={_attribute(where.path)} file={_attribute(where.path)}"
        f' line="{where.line}">\n'
        f"      <failure message={_attribute(finding.message)} type={_attribute(finding.rule)}>"
        f"{escape(_xml(body))}</failure>\n    </testcase>\n"
    )


def _error_case(error: CheckError) -> str:
    return (
        f'    <testcase name="could not be checked" classname={_attribute(error.path)}>\n'
        f"      <error message={_attribute(error.message)}/>\n    </testcase>\n"
    )


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """The text without what XML cannot hold."""
    return "".join(
        char
        if char in "\t\n\r" or 0x20 <= ord(char) < 0xD800 or 0xE000 <= ord(char) < 0xFFFE or ord(char) > 0xFFFF
        else "\ufffd"
        for char in text
    )
