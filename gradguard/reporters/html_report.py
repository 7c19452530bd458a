"""One self-contained page: the run as a picture, and the findings with their code. It loads nothing."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Sequence
from importlib import resources
from string import Template
from typing import Any

from gradguard import __version__
from gradguard.finding import CheckError, Finding, Location
from gradguard.reporters.frame import Glyphs, frame
from gradguard.timeline import KINDS, Timeline

__all__ = ["html_page"]

Lines = Callable[[Location], Sequence[str]]
"""The lines of the file, or of the cell, that a location is in; none if they cannot be read."""

_FRAME = 76
_LETTERS = {kind: kind[0] for kind in KINDS}


def html_page(
    title: str, timeline: Timeline, findings: Sequence[Finding], errors: Sequence[CheckError], lines: Lines
) -> str:
    """The page. `title` names the script; `lines` gives the source for the code frames."""
    found = len(findings)
    drawn = bool(timeline.moments)
    return _template("page.html").substitute(
        title=html.escape(f"gradguard: {title}"),
        css=_asset("page.css"),
        mood="bad" if found else "good",
        verdict=f"{found} problem{'s' if found != 1 else ''} found" if found else "nothing found",
        picture=_asset("picture.html") if drawn else "<p>No backward ran, so there is nothing to draw.</p>",
        findings="\n".join(_finding(finding, lines) for finding in findings) or "<p>None.</p>",
        footer=html.escape(f"gradguard {__version__}") + "".join(f"<br>{html.escape(e.message)}" for e in errors),
        data=_data(timeline, lines),
        js=_asset("page.js"),
    )


def _asset(name: str) -> str:
    return (resources.files("gradguard.reporters") / "picture" / name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Template(_asset(name))


def _place(location: Location) -> str:
    cell = f":cell {location.cell}" if location.cell is not None else ""
    return f"{location.path}{cell}:{location.line}:{location.column}"


def _finding(finding: Finding, lines: Lines) -> str:
    code = "".join(
        "".join(f'<span class="{style}">{html.escape(text)}</span>' for text, style in line) + "\n"
        for line in frame(finding, lines(finding.location), _FRAME, Glyphs())
    )
    elsewhere = [
        f'<p class="place">{html.escape(f"{_place(note.location)}: {note.message}")}</p>'
        for note in finding.notes
        if (note.location.path, note.location.cell) != (finding.location.path, finding.location.cell)
    ]
    return "\n".join(
        [
            "<article>",
            f"<h3>{html.escape(finding.code)} {html.escape(finding.rule)}</h3>",
            f'<div class="place">{html.escape(_place(finding.location))}</div>',
            f"<p>{_with_code(finding.message)}</p>",
            f"<pre>{code}</pre>",
            *elsewhere,
            f'<p class="help">instead: {_with_code(finding.help)}</p>' if finding.help else "",
            "</article>",
        ]
    )


def _with_code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _data(timeline: Timeline, lines: Lines) -> str:
    """The picture as JSON that is safe inside a script element."""
    numbers: dict[Location | None, int] = {}
    places = [numbers.setdefault(moment.location, len(numbers)) for moment in timeline.moments]
    data: dict[str, Any] = {
        "lanes": [f"{lane.name} ({lane.tensors} tensor{'s' if lane.tensors != 1 else ''})" for lane in timeline.lanes],
        "kinds": "".join(_LETTERS[moment.kind] for moment in timeline.moments),
        "reached": [moment.lanes for moment in timeline.moments],
        "places": places,
        "losses": [_number(moment.loss) for moment in timeline.moments],
        "sites": [_site(location, lines) for location in numbers],
        "stretches": [(s.lane, s.begin, s.end, s.state) for s in timeline.stretches()],
        "leftOut": timeline.left_out,
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def _site(location: Location | None, lines: Lines) -> tuple[str, str]:
    if location is None:
        return "a place that cannot be seen", ""
    source = lines(location)
    return _place(location), source[location.line - 1].strip() if 1 <= location.line <= len(source) else ""
