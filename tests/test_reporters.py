from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gradguard.finding import CheckError, Edit, Finding, Fix, Location, Note
from gradguard.reporters import text as text_module
from gradguard.reporters.display import printable, width, wrap
from gradguard.reporters.json_report import as_data, write_json
from gradguard.reporters.pages import explain, list_rules, list_rules_as_json
from gradguard.reporters.text import TextReport, use_color
from gradguard.rule import Rule
from gradguard.static.check import Result
from gradguard.static.source import Source, decode

CODE = """\
import torch

optimizer.zero_grad()
for batch in data:
    loss = model(batch)
    loss.backward()
    optimizer.step()
"""
LONG = "this backward adds to a gradient that `optimizer.step()` has already used; it is never cleared in between"


class Stream(io.StringIO):
    """A stream that is a terminal, or is not, in some encoding."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        super().__init__()
        self._encoding = encoding
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def at(line: int, column: int, end_column: int, path: str = "train.py", cell: int | None = None) -> Location:
    return Location(path, line, column, line, end_column, cell)


def finding(*notes: Note, location: Location | None = None, message: str = "short", advice: str = "") -> Finding:
    return Finding("missing-zero-grad", "GG101", message, location or at(6, 5, 20), notes, advice)


def show(found: Finding, code: str = CODE, columns: int | None = None, encoding: str = "utf-8") -> list[str]:
    stream = Stream(encoding)
    report = TextReport(stream, {"train.py": Source("train.py", code)})
    report.columns = columns
    report.findings(Result((found,), (), 1))
    return stream.getvalue().rstrip("\n").split("\n")


def test_where_and_what_come_first_and_the_code_is_marked() -> None:
    notes = (
        Note(at(7, 5, 21), "used here"),
        Note(at(3, 1, 22), "cleared here, once"),
        Note(at(4, 2, 9, "other.py"), "and there"),
    )
    assert show(finding(*notes, advice="clear it in the loop")) == [
        "train.py:6:5: GG101 missing-zero-grad  short",
        "   │",
        " 3 │ optimizer.zero_grad()",
        "   │ --------------------- cleared here, once",
        " … │",
        " 6 │     loss.backward()",
        "   │     ^^^^^^^^^^^^^^^",
        " 7 │     optimizer.step()",
        "   │     ---------------- used here",
        "  note: other.py:4:2: and there",
        "  instead: clear it in the loop",
    ]


def test_a_gap_of_one_line_is_shown() -> None:
    assert show(finding(Note(at(4, 1, 4), "the loop")))[2:] == [
        " 4 │ for batch in data:",
        "   │ --- the loop",
        " 5 │     loss = model(batch)",
        " 6 │     loss.backward()",
        "   │     ^^^^^^^^^^^^^^^",
    ]


def test_a_note_on_the_guilty_place_stands_beside_its_mark() -> None:
    assert show(finding(Note(at(6, 5, 20), "in the turn before, too")))[2:] == [
        " 6 │     loss.backward()",
        "   │     ^^^^^^^^^^^^^^^ in the turn before, too",
    ]


def test_a_range_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    assert show(finding(location=Location("train.py", 4, 5, 7, 3)))[2:] == [
        " 4 │ for batch in data:",
        "   │     ^^^^^^^^^^^^^^",
    ]


def test_only_ascii_where_the_encoding_knows_no_more() -> None:
    lines = show(finding(Note(at(3, 1, 22), "größe")), encoding="ascii")
    assert lines[1:5] == [
        "     |",
        "   3 | optimizer.zero_grad()",
        "     | --------------------- gr\\xf6\\xdfe",
        " ... |",
    ]
    assert all(line.isascii() for line in lines)


def test_tabs_and_wide_characters_are_aligned() -> None:
    code = "\tif x:\n\t\t数据 = 'é' + loss.backward()\n"
    lines = show(finding(location=at(2, 14, 29)), code)
    assert lines[2:] == [
        " 2 │         数据 = 'é' + loss.backward()",
        # Two tabs of four cells, two characters of two cells, and nine of one.
        "   │ " + " " * 21 + "^" * 15,
    ]
    combined = show(finding(location=at(1, 11, 15)), "s = 'e\u0301'; loss\n")
    assert combined[3].index("^") == combined[2].index("loss") - 1


def test_control_characters_do_not_reach_the_terminal() -> None:
    lines = show(finding(Note(at(1, 1, 2), "\x1b[2J")), "x = '\x1b[31m\x07\u202e'\n" * 6, columns=80)
    assert not any(char in "".join(lines) for char in "\x1b\x07\u202e")


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 140])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    code = CODE.replace(
        "    loss.backward()", "    " * 8 + "x = very_long_name(argument, 数据); loss.backward(" + "z, " * 50
    )
    place = at(6, 1 + code.split("\n")[5].index("loss.b"), 200)
    notes = (Note(at(7, 5, 21), "the gradient is used here, and is not cleared before the next backward"),)
    lines = show(finding(*notes, location=place, message=LONG, advice=LONG), code, columns)
    assert lines[0].startswith("train.py:6:")
    assert all(width(line) <= columns for line in lines)
    assert " ".join(LONG.split()[-3:]) in " ".join(" ".join(lines).split())
    marked = next(index for index, line in enumerate(lines) if "^" in line)
    assert "loss.backward"[: columns // 8] in lines[marked - 1][lines[marked].index("^") - 4 :]


def test_a_pipe_breaks_no_first_line() -> None:
    path = "a/" * 200 + "train.py"
    assert show(finding(location=at(6, 5, 20, path), message=LONG))[0] == f"{path}:6:5: GG101 missing-zero-grad  {LONG}"


def test_a_narrow_terminal_breaks_no_path() -> None:
    path = "some/rather/deep/folder/with/a/train.py"
    lines = show(finding(location=at(6, 5, 20, path)), columns=40)
    assert lines[:3] == [f"{path}:6:5:", "  GG101 missing-zero-grad", "  short"]


def test_advice_of_several_lines_keeps_its_lines() -> None:
    lines = show(finding(advice="with torch.no_grad():\n    w -= lr * w.grad"), columns=40)
    assert lines[-2:] == ["  instead: with torch.no_grad():", "               w -= lr * w.grad"]


def test_a_source_that_is_gone_has_no_frame() -> None:
    assert show(finding(location=at(6, 5, 20, "gone.py"))) == ["gone.py:6:5: GG101 missing-zero-grad  short"]
    assert show(finding(location=at(60, 5, 20))) == ["train.py:60:5: GG101 missing-zero-grad  short"]


def test_a_notebook_names_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [{"cell_type": "code", "source": text} for text in ("import torch", "x = 1\nloss.backward()", "last")]
    Path("nb.ipynb").write_text(json.dumps({"cells": cells}))
    notes = (Note(at(1, 1, 5, "nb.ipynb", 3), "in another cell"),)
    assert show(finding(*notes, location=at(2, 1, 16, "nb.ipynb", 2))) == [
        "nb.ipynb:cell 2:2:1: GG101 missing-zero-grad  short",
        "   │",
        " 2 │ loss.backward()",
        "   │ ^^^^^^^^^^^^^^^",
        "  note: nb.ipynb:cell 3:1:1: in another cell",
    ]


def summary(findings: int, errors: int, files: int) -> str:
    stream = Stream()
    found = tuple(finding(location=at(1, 1, 2, f"{number % 2}.py")) for number in range(findings))
    failed = tuple(CheckError(f"e{number}.py", "broken") for number in range(errors))
    TextReport(stream).summary(Result(found, failed, files))
    return stream.getvalue().strip()


@pytest.mark.parametrize(
    ("findings", "errors", "files", "expected"),
    [
        (3, 0, 14, "Found 3 problems in 2 files (checked 14 files)."),
        (1, 0, 1, "Found 1 problem in 1 file (checked 1 file)."),
        (0, 0, 14, "All clear: no problems found in 14 files."),
        (3, 1, 14, "Found 3 problems in 2 files (checked 14 files); 1 file could not be checked."),
        (0, 2, 14, "No problems found in 14 files; 2 files could not be checked."),
        (0, 0, 0, "There are no Python files to check."),
    ],
)
def test_the_summary(findings: int, errors: int, files: int, expected: str) -> None:
    assert summary(findings, errors, files) == expected


def test_errors_are_one_line_each() -> None:
    stream = Stream()
    errors = (CheckError("a.py", "does not exist"), CheckError("b.py", "syntax error: x", 3))
    TextReport(stream).errors(Result((), errors, 0))
    assert stream.getvalue() == "a.py: error: does not exist\nb.py:3: error: syntax error: x\n"


@pytest.mark.parametrize(
    ("environment", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_when_there_is_colour(environment: dict[str, str], terminal: bool, expected: bool) -> None:
    assert use_color(Stream(terminal=terminal), environment) is expected


def test_colour_changes_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    found = finding(Note(at(7, 5, 21), "[bold]used[/bold] :smile: https://x.org"), message=LONG, advice=LONG)
    sources = {"train.py": Source("train.py", CODE)}
    plain, coloured = Stream(), Stream(terminal=True)
    monkeypatch.setattr(text_module.shutil, "get_terminal_size", lambda: os.terminal_size((100, 30)))
    report = TextReport(plain, sources)
    report.columns = 100
    report.findings(Result((found,), (), 1))
    TextReport(coloured, sources).findings(Result((found,), (), 1))
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b]8" not in coloured.getvalue()
    from rich.text import Text

    assert Text.from_ansi(coloured.getvalue()).plain.rstrip() == plain.getvalue().rstrip()


def test_json() -> None:
    fix = Fix("clear it", (Edit(at(6, 1, 1), "optimizer.zero_grad()\n"),), safe=True)
    found = Finding("missing-zero-grad", "GG101", "short", at(6, 5, 20), (Note(at(7, 5, 21), "used"),), "advice", fix)
    result = Result((found, finding()), (CheckError("a.py", "broken"), CheckError("b.py", "syntax", 3)), 2)
    stream = Stream()
    write_json(result, stream)
    data = json.loads(stream.getvalue())
    assert data == as_data(result)
    assert data["errors"] == [{"path": "a.py", "message": "broken"}, {"path": "b.py", "message": "line 3: syntax"}]
    place = {"path": "train.py", "line": 6, "column": 5, "end_line": 6, "end_column": 20}
    start = {"path": "train.py", "line": 6, "column": 1, "end_line": 6, "end_column": 1}
    note = {"path": "train.py", "line": 7, "column": 5, "end_line": 7, "end_column": 21, "message": "used"}
    first: dict[str, Any] = {
        "rule": "missing-zero-grad",
        "code": "GG101",
        **place,
        "message": "short",
        "help": "advice",
        "notes": [note],
        "fix": {"title": "clear it", "safe": True, "edits": [{**start, "replacement": "optimizer.zero_grad()\n"}]},
    }
    assert data["findings"] == [first, {**first, "help": "", "notes": [], "fix": None}]


def test_json_has_cells_only_for_notebooks() -> None:
    note = Note(at(1, 1, 2, "n.ipynb", 3), "there")
    (data,) = as_data(Result((finding(note, location=at(6, 5, 20, "n.ipynb", 2)),), (), 1))["findings"]
    assert (data["cell"], data["notes"][0]["cell"]) == (2, 3)
    (data,) = as_data(Result((finding(),), (), 1))["findings"]
    assert "cell" not in data


RULE = Rule(
    code="GG101",
    name="missing-zero-grad",
    summary="a gradient is used twice",
    why="It adds\nup.\n\nSilently.",
    instead="Clear it.",
    bad="for x in y:\n    loss.backward()  # <- here",
    good="opt.zero_grad()",
    detect={},
    default=False,
)


def test_the_page_of_a_rule() -> None:
    stream = Stream()
    explain(RULE, stream)
    assert stream.getvalue() == (
        "GG101 missing-zero-grad\n"
        "A gradient is used twice.\n"
        "This rule is off by default; `--select GG101` turns it on.\n\n"
        "Why\n  It adds up.\n\n  Silently.\n\n"
        "Bad\n    for x in y:\n        loss.backward()  # <- here\n\n"
        "Good\n    opt.zero_grad()\n\n"
        "Instead\n  Clear it.\n\n"
    )


def test_the_list_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    list_rules([RULE], stream)
    assert stream.getvalue() == "GG101  missing-zero-grad  a gradient is used twice (off by default)\n"
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(text_module.shutil, "get_terminal_size", lambda: os.terminal_size((40, 30)))
    stream = Stream(terminal=True)
    list_rules([RULE], stream)
    assert stream.getvalue() == "GG101 missing-zero-grad\n  a gradient is used twice (off by\n  default)\n"
    stream = Stream()
    list_rules_as_json([RULE], stream)
    (rule,) = json.loads(stream.getvalue())["rules"]
    assert (rule["code"], rule["name"], rule["default"]) == ("GG101", "missing-zero-grad", False)


def test_width_and_wrapping() -> None:
    assert [width(text) for text in ("abc", "数据", "e\u0301", "")] == [3, 4, 1, 0]
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("数据数据数据", 8) == ["数据数据", "数据"]
    assert wrap("one two", None) == ["one two"]
    assert printable("a\tb\x00\u2028c", tabs=True) == "a    b\ufffd\ufffdc"


def test_decoded_notebooks_are_what_the_report_reads() -> None:
    source = decode(b'{"cells": [{"cell_type": "code", "source": "x"}]}', "n.ipynb")
    assert isinstance(source, Source)
    assert source.lines(1) == ["x", ""]
