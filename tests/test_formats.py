"""The formats of `gradguard check`, and the options that say what becomes of findings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import gradguard
from gradguard import catalogue
from gradguard.cli import main
from gradguard.commands.check import _FORMATS
from gradguard.reporters.formats import FORMATS
from gradguard.static.check import check_source

BAD = """\
import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    model(torch.ones(4, 2)).pow(2).mean().backward()
    optimizer.step()
optimizer.zero_grad
"""
ODD = "an odd, name%;.py"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(gradguard.__file__).parents[1]))
    cells = [{"cell_type": "markdown", "source": ""}, {"cell_type": "code", "source": BAD}]
    Path(ODD).write_text(BAD)
    Path("n.ipynb").write_text(json.dumps({"cells": cells}))
    Path("broken.py").write_text("optimizer.step(\n")


def check(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> tuple[str, str]:
    assert main(["check", *arguments]) == code
    return capsys.readouterr()


def test_the_formats_are_those_of_the_option() -> None:
    assert _FORMATS == FORMATS


def test_concise(capsys) -> None:
    out, err = check(capsys, ".", "--format", "concise")
    assert [line[: line.index("GG") + 5] for line in out.splitlines()] == [
        f"{ODD}:6:5: GG101",
        f"{ODD}:8:1: GG401",
        "n.ipynb:cell 2:6:5: GG101",
        "n.ipynb:cell 2:8:1: GG401",
    ]
    assert err == "broken.py:1: error: syntax error: '(' was never closed\n"


def test_sarif(capsys) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    out, err = check(capsys, ".", "--format", "sarif")
    assert err == ""
    data = json.loads(out)
    schema = json.loads((Path(__file__).parent / "sarif.schema.json").read_text())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(data)
    (run,) = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in catalogue.all_rules()]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["GG101", "GG401"] * 2
    first, second, cell, _ = run["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "an%20odd%2C%20name%25%3B.py"},
        "region": {"startLine": 6, "startColumn": 5, "endLine": 6, "endColumn": 53},
    }
    assert second["fixes"][0]["artifactChanges"][0]["replacements"] == [
        {
            "deletedRegion": {"startLine": 8, "startColumn": 20, "endLine": 8, "endColumn": 20},
            "insertedContent": {"text": "()"},
        }
    ]
    assert "region" not in cell["locations"][0]["physicalLocation"]
    assert cell["locations"][0]["logicalLocations"][0]["name"] == "cell 2, line 6"
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert notification["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}

    data["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not validator.is_valid(data)  # the schema can fail


def test_github(capsys) -> None:
    out, err = check(capsys, ".", "--format", "github")
    lines = out.splitlines()
    assert err == ""
    assert lines[0].startswith(
        "::error title=GG101 missing-zero-grad,file=an odd%2C name%25;.py,line=6,endLine=6,col=5,endColumn=53::this "
    )
    assert "%0Ainstead: " in lines[0]
    assert lines[2].startswith("::error title=GG101 missing-zero-grad,file=n.ipynb::cell 2, line 6: this backward")
    assert lines[4].startswith("::error title=gradguard,file=broken.py,line=1::syntax error")


def test_junit(capsys) -> None:
    out, _ = check(capsys, ".", "--format", "junit")
    root = ET.fromstring(out)
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "4", "1")
    assert [case.get("classname") for case in suite] == [ODD, ODD, "n.ipynb", "n.ipynb", "broken.py"]
    assert suite[0][0].get("type") == "missing-zero-grad"
    Path("good.py").write_text("x = 1\n")
    out, _ = check(capsys, "good.py", "--format", "junit", code=0)
    assert [(case.get("name"), len(case)) for case in ET.fromstring(out)[0]] == [("no problems", 0)]


def test_what_xml_cannot_hold() -> None:
    import io

    from gradguard.reporters.lines import write_junit

    result = check_source("optimizer.zero_grad", 'a\x01<&>\ud800".py')
    stream = io.StringIO()
    write_junit(result, stream)
    assert ET.fromstring(stream.getvalue())[0][0].get("classname") == 'a\ufffd<&>\ufffd".py'


def test_statistics(capsys) -> None:
    out, err = check(capsys, ".", "--statistics")
    assert [line.split()[:3] for line in out.splitlines()] == [
        ["2", "GG101", "missing-zero-grad"],
        ["2", "GG401", "uncalled-method"],
    ]
    assert "broken.py" in err
    out, _ = check(capsys, ODD, "--statistics", "--format", "json", code=1)
    assert json.loads(out)["statistics"][0] == {
        "code": "GG101",
        "rule": "missing-zero-grad",
        "count": 1,
        "fixable": 1,
    }


def test_exit_zero(capsys) -> None:
    check(capsys, ODD, "--exit-zero", code=0)
    check(capsys, ODD, "--exit-zero", "--diff", code=0)
    check(capsys, ODD, "broken.py", "--exit-zero", code=2)


def test_a_baseline(capsys) -> None:
    out, _ = check(capsys, ODD, "n.ipynb", "--write-baseline", "known.json", code=0)
    assert out == "Wrote 4 findings to known.json.\n"
    out, _ = check(capsys, ".", "--baseline", "known.json")
    assert out.startswith("No problems found in 2 files; ")
    # Lines may move; a finding on another line, or once more on an equal one, is new.
    text = Path(ODD).read_text()
    Path(ODD).write_text("# moved\n\n" + text + "optimizer.zero_grad\n")
    out, _ = check(capsys, ODD, "--baseline", "known.json", "--format", "concise", code=1)
    assert [line.split(":")[1] for line in out.splitlines()] == ["11"]
    for content, message in (
        (None, "no.json does not exist; --write-baseline makes it"),
        ("[]", "no.json: is no baseline; write it anew with --write-baseline"),
        ('{"version": 0}', "no.json: is a baseline of another version; write it anew with --write-baseline"),
    ):
        if content is not None:
            Path("no.json").write_text(content)
        _, err = check(capsys, ODD, "--baseline", "no.json")
        assert err == f"gradguard: error: {message}\n"


def test_ignores_are_added(capsys) -> None:
    text = BAD + "optimizer.\\\n    zero_grad  # keep\n" + 'x = """\n"""; optimizer.zero_grad; optimizer.zero_grad\n'
    Path(ODD).write_bytes(text.replace("\n", "\r\n").encode())
    before = check_source(text).findings
    assert len(before) == 5
    out, _ = check(capsys, ODD, "n.ipynb", "--add-ignores", code=0)
    assert "Ignored 7 problems in 2 files.\nAll clear" in out
    new = Path(ODD).read_bytes().decode()
    assert new.count("\r\n") == new.count("\n") == text.count("\n")
    lines = new.split("\r\n")
    assert lines[5].endswith(".backward()  # gradguard: ignore[missing-zero-grad]")
    assert lines[9] == "    zero_grad  # keep  # gradguard: ignore[uncalled-method]"
    assert lines[11].endswith("zero_grad  # gradguard: ignore[uncalled-method]")
    assert "# gradguard: ignore[uncalled-method]" in json.loads(Path("n.ipynb").read_text())["cells"][1]["source"]
    out, _ = check(capsys, ODD, "n.ipynb", "--extend-select", "GG901", code=0)


def test_a_baseline_is_written_anew_whatever_it_held(capsys) -> None:
    check(capsys, ODD, "n.ipynb", "--write-baseline", "known.json", code=0)
    out, _ = check(capsys, ODD, "n.ipynb", "--baseline", "known.json", "--write-baseline", "known.json", code=0)
    assert out == "Wrote 4 findings to known.json.\n"


def test_fix_with_diff_shows_and_changes_nothing(capsys) -> None:
    before = Path(ODD).read_bytes()
    alone, _ = check(capsys, ODD, "--diff", code=1)
    both, _ = check(capsys, ODD, "--fix", "--diff", code=1)
    assert both == alone
    assert Path(ODD).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [["--watch", "--fix"], ["--watch", "--diff"], ["--add-ignores", "--write-baseline", "x"], ["-", "--watch"]],
)
def test_contradictions(arguments: list[str], capsys) -> None:
    paths = [] if "-" in arguments else ["."]
    _, err = check(capsys, *paths, *arguments)
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="an interrupt as posix has it")
def test_watch(interruptible: None) -> None:
    Path("w").mkdir()
    watched, helper = Path("w/train.py"), Path("w/helper.py")
    watched.write_text(
        BAD.replace("optimizer.zero_grad\n", "")
        .replace("import torch", "import torch\nfrom helper import go")
        .replace("model(torch.ones(4, 2)).pow(2).mean().backward()", "go(model(torch.ones(4, 2)).mean(), optimizer)")
    )
    helper.write_text("def go(loss, optimizer):\n    loss.backward()\n")
    command = [sys.executable, "-u", "-m", "gradguard", "check", "w", "--watch", "--format", "concise", "--no-cache"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdout is not None
    try:
        assert "helper.py:2:5: GG101" in process.stdout.readline()
        assert "watching" in process.stdout.readline()
        time.sleep(0.1)
        # The helper is only imported by what is checked again: it must not be remembered as it was.
        helper.write_text("def go(loss, optimizer):\n    optimizer.zero_grad()\n    loss.backward()\n")
        assert "watching" in process.stdout.readline()
        watched.write_text(watched.read_text() + "optimizer.zero_grad\n")
        assert "train.py:9:1: GG401" in process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait(20) == 130
