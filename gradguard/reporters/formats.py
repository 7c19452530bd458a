"""The formats of a report, by name. Each is imported only when it is asked for."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TextIO, cast

from gradguard.static.check import Result
from gradguard.static.source import Source

__all__ = ["FORMATS", "write", "write_statistics"]

_WRITERS = {
    "concise": "lines.write_concise",
    "json": "json_report.write_json",
    "sarif": "sarif.write_sarif",
    "github": "lines.write_github",
    "junit": "lines.write_junit",
}
FORMATS = ("text", *_WRITERS)
# In these there is no place for a file that could not be checked.
_ERRORS_APART = ("text", "concise")


def write(
    result: Result, form: str, stream: TextIO, sources: Mapping[str, Source] | None = None, remark: str = ""
) -> None:
    """Report in one of `FORMATS`. The remark is for people only: if they get no text, it goes to standard error."""
    if form != "text":
        if remark:
            sys.stderr.write(remark + "\n")
        module, _, name = _WRITERS[form].partition(".")
        writer = getattr(importlib.import_module(f"gradguard.reporters.{module}"), name)
        cast(Callable[[Result, TextIO], None], writer)(result, stream)
        if form in _ERRORS_APART:
            _write_errors(result, stream)
        return
    from gradguard.reporters.text import TextReport

    text = TextReport(stream, sources)
    text.findings(result)
    _write_errors(result, stream)
    if remark:
        text.paragraph(remark, "good")
    text.summary(result)


def write_statistics(result: Result, form: str, stream: TextIO) -> None:
    """How often each rule was broken, the most frequent first."""
    counts = Counter((finding.code, finding.rule) for finding in result.findings)
    fixable = Counter(finding.code for finding in result.findings if finding.fix is not None)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if form == "json":
        fields = ("code", "rule", "count", "fixable")
        data = [dict(zip(fields, (*key, count, fixable[key[0]]), strict=True)) for key, count in rows]
        stream.write(json.dumps({"statistics": data}, indent=2) + "\n")
        return
    _write_errors(result, stream)
    for (code, rule), count in rows:
        hint = f"  ({fixable[code]} with --fix or --unsafe-fixes)" if fixable[code] else ""
        stream.write(f"{count:>6}  {code}  {rule}{hint}\n")


def _write_errors(result: Result, stream: TextIO) -> None:
    from gradguard.reporters.text import TextReport

    if result.errors:
        stream.flush()
        TextReport(sys.stderr).errors(result)
        sys.stderr.flush()
