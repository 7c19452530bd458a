from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gradguard
from gradguard import catalogue
from gradguard.cli import main

BAD = "import torch\n\noptimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])\noptimizer.zero_grad\n"
GOOD = "import torch\n\nprint(torch.optim.SGD)\n"
COMMAND = [sys.executable, "-m", "gradguard"]


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The package, for the processes that tests start from here.
    monkeypatch.setenv("PYTHONPATH", str(Path(gradguard.__file__).parents[1]))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    Path("bad.py").write_text(BAD)
    Path("good.py").write_text(GOOD)
    Path("broken.py").write_text("optimizer.step(\n")


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["good.py"], 0),
        (["bad.py"], 1),
        (["broken.py"], 2),
        (["missing.py"], 2),
        (["good.py", "bad.py"], 1),
        (["bad.py", "missing.py"], 2),
        (["."], 2),
        (["bad.py", "--ignore", "uncalled-method"], 0),
        (["bad.py", "--select", "uncalled-method"], 1),
        (["bad.py", "--select", "backward-twice,missing-zero-grad"], 0),
        (["bad.py", "--no-config", "--no-cache", "--jobs", "2"], 1),
        (["bad.py", "--select", "nonsense"], 2),
        (["bad.py", "-"], 2),
        ([], 2),
        (["--force-exclude"], 0),
        (["--force-exclude", "bad.py"], 1),
    ],
)
def test_exit_codes(paths: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *paths]) == code


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "."]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    code = catalogue.find("uncalled-method").code
    assert lines[0].startswith(f"bad.py:4:1: {code} uncalled-method  ")
    assert " 4 │ optimizer.zero_grad" in lines
    assert lines[-1] == "Found 1 problem in 1 file (checked 2 files); 1 file could not be checked."
    assert err == "broken.py:1: error: syntax error: '(' was never closed\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "json", ".", "missing.py"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    data = json.loads(out)
    (found,) = data["findings"]
    assert (found["rule"], found["path"], found["line"], found["column"]) == ("uncalled-method", "bad.py", 4, 1)
    assert (found["end_line"], found["end_column"]) == (4, 20)
    assert data["errors"] == [
        {"path": "broken.py", "message": "line 1: syntax error: '(' was never closed"},
        {"path": "missing.py", "message": "does not exist"},
    ]


def test_standard_input() -> None:
    done = run("check", "-", stdin=BAD.encode())
    assert done.returncode == 1
    assert done.stdout.startswith(b"<stdin>:4:1: ")
    assert " 4 │ optimizer.zero_grad".encode() in done.stdout
    done = run("check", "-", "--stdin-filename", "src/train.py", "--format", "json", stdin=BAD.encode())
    assert json.loads(done.stdout)["findings"][0]["path"] == "src/train.py"
    assert run("check", "-", stdin=b"").returncode == 0
    done = run("check", "-", stdin=b"\xff")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    notebook = json.dumps({"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "source": "%time 1\n" + BAD}]})
    done = run("check", "-", "--stdin-filename", "n.ipynb", stdin=notebook.encode())
    assert done.stdout.startswith(b"n.ipynb:cell 2:5:1: ")


def test_an_unknown_rule_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    message = "gradguard: error: unknown rule: uncaled-method (did you mean uncalled-method?)\n"
    for arguments in (["check", ".", "--select", "uncaled-method"], ["explain", "uncaled-method"]):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err) == ("", message)


def test_every_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for rule in catalogue.all_rules():
        for token in (rule.code, rule.name):
            assert main(["explain", token]) == 0
            out = capsys.readouterr().out
            assert out.startswith(f"{rule.code} {rule.name}\n")
            assert "# <- here" in out


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.name] for rule in catalogue.all_rules()]
    assert main(["rules", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [rule["code"] for rule in data["rules"]] == [rule.code for rule in catalogue.all_rules()]


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "exit codes:" in capsys.readouterr().err
    for arguments, text in ((["--version"], gradguard.__version__), (["check", "--help"], "exit codes:")):
        with pytest.raises(SystemExit) as exited:
            main(arguments)
        assert exited.value.code == 0
        assert text in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["check", ".", "--jobs", "0"], ["check", ".", "--jobs", "x"], ["what"]])
def test_a_wrong_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="pipes as posix has them")
@pytest.mark.parametrize("arguments", [["check", "many.py"], ["rules"], ["explain", "uncalled-method"]])
def test_a_reader_that_has_seen_enough(arguments: list[str]) -> None:
    Path("many.py").write_text(BAD + "optimizer.zero_grad\n" * 3000)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == (1 if arguments[0] == "check" else 0)


@pytest.mark.skipif(os.name != "posix", reason="signals as posix has them")
def test_an_interrupt_ends_quietly() -> None:
    # A background job of a shell ignores interrupts, and so does what it starts: it would wait for its input forever.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = subprocess.Popen([*COMMAND, "check", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        # Until it waits for its input.
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors == b""
    assert process.returncode == 130


def test_a_terminal_that_knows_only_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    Path("größe.py").write_text(BAD.replace("optimizer", "größe"), encoding="utf-8")
    done = run("check", "größe.py")
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert b" 4 | gr" in done.stdout
    assert run("check", "größe.py", "--format", "json").returncode == 1


def test_a_path_that_is_no_text() -> None:
    name = b"\xff.py"
    try:
        Path(os.fsdecode(name)).write_text(BAD)
    except OSError:
        pytest.skip("this file system takes no such name")
    for form in ("text", "json"):
        done = subprocess.run([*COMMAND, "check", name, "--format", form], capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (1, b"")


def test_the_public_names() -> None:
    for name in gradguard.__all__:
        assert getattr(gradguard, name) is not None
        assert name in dir(gradguard)
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(gradguard, "nonsense")  # noqa: B009 - mypy would reject the attribute
    result = gradguard.check_source(BAD, "bad.py")
    assert [found.rule for found in result.findings] == ["uncalled-method"]
    assert gradguard.check_paths(["bad.py"]) == result


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("chek a.py", "gradguard: error: unknown command: chek (did you mean check?)"),
        ("train.py", "gradguard: error: unknown command: train.py (did you mean `gradguard check train.py`?)"),
        ("frobnicate", "gradguard: error: unknown command: frobnicate (the commands are check, run, "),
        ("--fix a.py", "gradguard: error: options come after the command: gradguard check --fix a.py"),
        ("check --fxi a.py", "gradguard check: error: unknown option: --fxi (did you mean --fix?)"),
        (
            "check --format jsn a.py",
            "gradguard check: error: argument --format: invalid choice: 'jsn' (did you mean json?)",
        ),
        ("check", "gradguard: error: name files or folders to check"),
        ("check --stdin-filename b.py a.py", "gradguard: error: --stdin-filename is for standard input, which is read"),
        ("check --stdin-filename b.py", "gradguard: error: --stdin-filename is for standard input: `gradguard check -"),
        ("run", "gradguard: error: name a script to run"),
        (
            "explain missing-zerograd",
            "gradguard: error: unknown rule: missing-zerograd (did you mean missing-zero-grad?)",
        ),
    ],
)
def test_what_is_wrong_with_a_command_takes_one_line(command: str, says: str, capsys) -> None:
    try:
        code = main(command.split())
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.startswith(says)
    assert err.count("\n") == 1


def test_help_is_a_command_too(capsys) -> None:
    for command in (["help"], ["help", "check"]):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: gradguard{' check' if len(command) > 1 else ''} [-h]")


def test_a_family_is_listed(capsys) -> None:
    assert main(["explain", "gg4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["GG401", "GG402", "GG403"]
    assert main(["explain", "GG604"]) == 0
    assert "found at run time only" in capsys.readouterr().out
    assert main(["rules"]) == 0
    marked = [line for line in capsys.readouterr().out.splitlines() if "(at run time only)" in line]
    assert [line.split()[0] for line in marked] == ["GG604", "GG701"]


def test_a_notebook_on_standard_input_needs_no_name(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": "import torch\nopt.zero_grad\n"}
    data = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["check", "-", "--format", "concise"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>.ipynb:cell 1:2:1: GG401")


def test_a_repair_is_told_in_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for form in ("concise", "json", "github", "sarif", "junit"):
        Path("a.py").write_text("import torch\nopt = torch.optim.SGD([], lr=1)\nopt.zero_grad\n")
        assert main(["check", "a.py", "--fix", "--format", form, "--no-cache"]) == 0
        assert capsys.readouterr().err == "Fixed 1 problem in 1 file.\n"
