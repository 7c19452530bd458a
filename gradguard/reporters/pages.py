"""What `gradguard explain` and `gradguard rules` show."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TextIO

from gradguard.reporters.display import width
from gradguard.reporters.frame import Line
from gradguard.reporters.text import TextReport
from gradguard.rule import Rule
from gradguard.timeline import gradient_states

__all__ = ["explain", "list_rules", "list_rules_as_json"]

_MARK = "# <- here"


def explain(rule: Rule, stream: TextIO) -> None:
    """A rule's page: what it finds, why that is a fault, and both examples."""
    report = TextReport(stream)
    report.write([(rule.code, "rule"), (f" {rule.name}", "title")])
    report.paragraph(_sentence(rule.summary))
    if rule.aliases:
        report.paragraph(f"Also known as {', '.join(rule.aliases)}.")
    if not rule.default:
        report.paragraph(f"This rule is off by default; `--select {rule.code}` turns it on.")
    if not rule.in_source:
        report.paragraph("Source text cannot show it: it is found at run time only.")
    if not rule.in_run:
        report.paragraph("A run is not searched for it: it is found in source text only.")
    report.write([])
    _section(report, "Why", rule.why)
    _drawing(report, rule)
    _example(report, "Bad", rule.bad)
    _example(report, "Good", rule.good)
    _section(report, "Instead", rule.instead)


def list_rules(rules: Sequence[Rule], stream: TextIO) -> None:
    """A table of the rules. A narrow terminal shows the summary below the name."""
    report = TextReport(stream)
    names = max((width(rule.name) for rule in rules), default=0)
    codes = max((width(rule.code) for rule in rules), default=0)
    longest = max((width(_summary(rule)) for rule in rules), default=0)
    beside = report.columns is None or codes + names + longest + 4 <= report.columns
    for rule in rules:
        if beside:
            report.write(
                [(rule.code.ljust(codes), "rule"), (f"  {rule.name.ljust(names)}  ", "title"), (_summary(rule), "text")]
            )
        else:
            report.write([(rule.code, "rule"), (f" {rule.name}", "title")])
            report.paragraph(_summary(rule), indent="  ")


def list_rules_as_json(rules: Sequence[Rule], stream: TextIO) -> None:
    fields = "code name aliases summary default in_source in_run raises why instead bad good".split()
    data = [{field: getattr(rule, field) for field in fields} for rule in rules]
    stream.write(json.dumps({"rules": data}, indent=2) + "\n")


def _summary(rule: Rule) -> str:
    also = f" (also {', '.join(rule.aliases)})" if rule.aliases else ""
    off = "" if rule.default else " (off by default)"
    where = "" if rule.in_source else " (at run time only)"
    where += "" if rule.in_run else " (in source only)"
    return f"{rule.summary}{also}{off}{where}"


def _section(report: TextReport, title: str, text: str) -> None:
    report.write([(title, "title")])
    for paragraph in text.split("\n\n"):
        report.paragraph(" ".join(paragraph.split()), indent="  ")
        report.write([])


def _example(report: TextReport, title: str, code: str) -> None:
    report.write([(title, "title")])
    for line in code.split("\n"):
        style = "primary" if _MARK in line else "text"
        report.write([(f"    {line}", style)] if line else [])
    report.write([])


_SLOTS = (12, 9)
_STATES = {
    "": ("·", "gutter", "empty"),
    "fresh": ("━", "good", "fresh"),
    "used": ("─", "note", "used"),
    "stale": ("═", "primary", "stale"),
}
_PLAIN_LINES = {"·": ".", "━": "=", "─": "-", "═": "#", "●": "o"}
_WORDS = {"clear": "zero_grad"}


def _drawing(report: TextReport, rule: Rule) -> None:
    """The life of a gradient, drawn as a line whose kind is its state."""
    if not rule.story[0]:
        return
    report.write([("The gradient", "title")])
    slot = _SLOTS[report.columns is not None and report.columns < 72]
    for title, story in zip(("bad", "good"), rule.story, strict=True):
        events = story.split()
        line: Line = [("        ", "text")]
        states = "        "
        for state in gradient_states(events):
            glyph, style, name = _STATES[state]
            line += [("●", "title"), (glyph * (slot - 1), style)]
            states += f" {name}".ljust(slot)
        words = "".join(_WORDS.get(kind, kind).ljust(slot) for kind in events)
        report.write([(f"  {title}".ljust(8), "title"), (words.rstrip(), "text")])
        report.write([(report.drawn(text, _PLAIN_LINES), style) for text, style in line])
        report.write([(states.rstrip(), "gutter")])
        report.write([])


def _sentence(text: str) -> str:
    # A name from code stays as it is written.
    first = text if re.match(r"\w*[._(`]", text) else text[:1].upper() + text[1:]
    return first + ("" if text.endswith(".") else ".")
