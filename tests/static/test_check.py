from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libcst
import pytest

from gradguard.finding import CheckError, Finding, Location
from gradguard.rule import Rule
from gradguard.static import check, parallel
from gradguard.static.check import Result, check_bytes, check_paths, check_source
from gradguard.static.source import Source

Outcome = tuple[list[Finding], list[CheckError]]
BAD = "loss.backward()  # bad\n"
RULES = (Rule("GG001", "made-up", "summary", "why", "instead", "bad", "good", {}),)


def finding(location: Location, code: str = "GG001") -> Finding:
    return Finding("made-up", code, "bad", location)


def made_up(source: Source, module: libcst.Module, rules: Sequence[Rule], **_: object) -> Outcome:
    """An engine that reports each line that says that it is bad, and fails where it is told to."""
    assert isinstance(module, libcst.Module)
    assert rules == RULES
    if "raise" in source.text:
        raise ValueError("several\nlines")
    if "recurse" in source.text:
        raise RecursionError
    lines = [number for number, line in enumerate(source.lines(), start=1) if "# bad" in line]
    # Twice, and backwards: the order and the duplicates of an engine must not show.
    return [finding(source.location(line, 1, line, 5)) for line in [*reversed(lines), *lines]], []


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> types.ModuleType:
    module = types.ModuleType("gradguard.static.engine")
    vars(module)["check_module"] = made_up
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADGUARD_TRACEBACK", raising=False)
    return module


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.py").write_text(text)


def lines(result: Result) -> list[tuple[str, int]]:
    return [(found.location.path, found.location.line) for found in result.findings]


def test_a_text() -> None:
    assert check_source(BAD, rules=RULES) == Result((finding(Location("<string>", 1, 1, 1, 5)),), (), 1)
    assert check_source("x = 1\n", rules=RULES) == Result((), (), 1)
    assert check_source("x = (\n", "a.py", RULES).errors[0].path == "a.py"
    assert check_source("# coding: latin-1\n# größe\n" + BAD, rules=RULES).findings[0].location.line == 3


def test_bytes() -> None:
    assert check_bytes(b"# coding: latin-1\n# \xff\n" + BAD.encode(), "a.py", RULES).findings[0].location.line == 3
    assert check_bytes(b"\xff" + BAD.encode(), "a.py", RULES).errors[0].line == 1


def test_findings_are_sorted_and_appear_once() -> None:
    write(b=BAD + "x\n" + BAD, a="x\n" + BAD)
    result = check_paths(["b.py", "a.py", "."], RULES)
    assert lines(result) == [("a.py", 2), ("b.py", 1), ("b.py", 3)]
    assert result.files == 2


def test_what_several_files_say_of_a_shared_one_appears_once(engine: types.ModuleType) -> None:
    shared = finding(Location("shared.py", 3, 1, 3, 5))
    vars(engine)["check_module"] = lambda *_, **__: ([shared], [CheckError("shared.py", "broken")])
    write(a=BAD, b=BAD)
    result = check_paths(["."], RULES)
    assert result.findings == (shared,)
    assert result.errors == (CheckError("shared.py", "broken"),)


def test_the_order_of_findings(engine: types.ModuleType) -> None:
    places = [
        finding(Location("a.ipynb", 9, 1, 9, 5, 2)),
        finding(Location("a.ipynb", 1, 1, 1, 5, 10)),
        finding(Location("a.py", 2, 1, 2, 5), "GG101"),
        finding(Location("a.py", 2, 1, 2, 5), "GG102"),
        finding(Location("a.py", 2, 7, 2, 9)),
        finding(Location("a.py", 10, 1, 10, 5)),
    ]
    vars(engine)["check_module"] = lambda *_, **__: (places[::-1], [])
    assert list(check_source(BAD).findings) == places


def test_errors_leave_the_other_files_alone() -> None:
    write(a=BAD, b="loss.backward(\n", c="loss.backward()  # raise\n", d=BAD, e="loss.backward()  # recurse\n")
    result = check_paths(["missing.py", "."], RULES)
    assert lines(result) == [("a.py", 1), ("d.py", 1)]
    assert result.files == 2
    assert result.errors == (
        CheckError("b.py", "syntax error: '(' was never closed", 1),
        CheckError(
            "c.py",
            "internal error while checking: ValueError: several lines (set GRADGUARD_TRACEBACK=1 to see the traceback)",
        ),
        CheckError("e.py", "too deeply nested to be checked"),
        CheckError("missing.py", "does not exist"),
    )


def test_the_traceback_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GRADGUARD_TRACEBACK", "1")
    result = check_source("loss.backward()  # raise\n", rules=RULES)
    assert result.errors[0].message == "internal error while checking: ValueError: several lines"
    assert "in made_up" in capsys.readouterr().err


def test_a_file_that_fails_the_trigger_test_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        pytest.fail("it was parsed")

    monkeypatch.setattr(libcst, "parse_module", fail)
    write(a="x = 1  # bad\n")
    assert check_paths(["."], RULES) == Result((), (), 1)
    assert check_paths(["a.py"], RULES) == Result((), (), 1)
    assert check_source("x = 1  # bad\n", rules=RULES) == Result((), (), 1)


def test_a_named_file_is_told_its_syntax_errors_in_any_case() -> None:
    write(a="x = (\n", b=BAD)
    assert check_paths(["."], RULES).errors == ()
    assert check_paths(["a.py", "b.py"], RULES).errors == (CheckError("a.py", "syntax error: '(' was never closed", 1),)


def test_utf_16_passes_the_trigger_test() -> None:
    Path("a.py").write_bytes(BAD.encode("utf-16"))
    assert lines(check_paths(["."], RULES)) == [("a.py", 1)]


def test_the_result_does_not_depend_on_the_number_of_jobs() -> None:
    write(
        **{f"a{number}": "x\n" * number + BAD for number in range(9)},
        b="loss.backward(\n",
        c="loss.backward  # raise\n",
    )
    alone = check_paths(["."], RULES, jobs=1)
    assert len(alone.findings) == 9
    assert len(alone.errors) == 2
    if sys.platform == "linux" and threading.active_count() == 1:
        # The made-up engine is not there in a process that is spawned.
        assert check_paths(["."], RULES, jobs=3) == alone


@pytest.mark.parametrize(
    ("jobs", "files", "size", "workers"),
    [
        (None, 100, 1000, 1),
        (None, 100, 500_000, 3),
        (None, 2, 500_000, 2),
        (None, 100, 10**9, 4),
        (1, 100, 10**9, 1),
        (8, 100, 10, 8),
        (8, 0, 0, 1),
    ],
)
def test_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, jobs: int | None, files: int, size: int, workers: int
) -> None:
    monkeypatch.setattr(check, "_processors", lambda: 4)
    assert check._workers(jobs, ["a.py"] * files, size) == workers


def say(path: str, rules: Sequence[Rule]) -> Outcome:
    return [], [CheckError(path, f"{len(rules)} rules")]


def die(path: str, rules: Sequence[Rule]) -> Outcome:
    if path == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return say(path, rules)


@pytest.mark.skipif(sys.platform != "linux", reason="a spawned process cannot import a test module")
def test_a_process_that_dies_takes_nothing_with_it() -> None:
    outcomes = parallel.run(["a", "b", "c"], RULES, 2, die)
    assert [outcome[1][0].message for outcome in outcomes] == ["1 rules", "the process that checked it died", "1 rules"]


def test_processes_can_be_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    Path("a.py").write_text("loss.backward(\n")
    outcomes = parallel.run(["a.py"], (), 1, check.check_file)
    assert [outcome[:2] for outcome in outcomes] == [
        ([], [CheckError("a.py", "syntax error: '(' was never closed", 1)])
    ]
