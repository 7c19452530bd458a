"""Whatever lies in a folder: one clear line for it, no traceback, and all that is found in the other files."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gradguard

BAD = "import torch\n\noptimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])\noptimizer.zero_grad\n"
COMMAND = [sys.executable, "-m", "gradguard", "check", "--format", "json"]
# Each text mentions what makes a file worth parsing, so that none gets away with it.
TRIGGER = b"loss.backward()\n"

BROKEN: dict[str, tuple[bytes, str]] = {
    "syntax.py": (TRIGGER + b"def f(:\n", "line 2: syntax error: "),
    "python2.py": (TRIGGER + b"print 'x'\n", "line 2: is Python 2, not Python 3: "),
    "undecodable.py": (TRIGGER + b"'\xff'\n", "line 2: is not valid UTF-8 (byte 0xff)"),
    "encoding.py": (b"# coding: klingon\n" + TRIGGER, "line 1: declares an unknown encoding: klingon"),
    "nul.py": (TRIGGER + b"\x00\n", "line 2: contains a NUL character"),
    "half-utf-16.py": (codecs.BOM_UTF16_LE + b"x", "line 1: is not valid UTF-16-LE"),
    "parentheses.py": (
        TRIGGER + b"(" * 3000 + b")" * 3000,
        "line 2: too deeply nested to be checked (more than 200 br",
    ),
    "attributes.py": (TRIGGER + b"a" + b".b" * 20_000, "line 2: too deeply nested to be checked (more than 1500 op"),
    "sum.py": (TRIGGER + b"x = 1" + b" + 1" * 20_000, "line 2: too deeply nested to be checked (more than 1500 op"),
    "blocks.py": (
        TRIGGER + b"".join(b" " * depth + b"if x:\n" for depth in range(200)) + b" " * 200 + b"pass\n",
        "too deeply nested to be checked (more than 99 levels of indentation)",
    ),
    "big.py": (
        TRIGGER + b"x = [1, 2, 3, 4, 5]\n" * 300_000,
        "too large to be checked (6 MB of source, where 4 are the most)",
    ),
    "json.ipynb": (b'{"cells": [ .step', "line 1: is not a notebook: invalid JSON"),
    "list.ipynb": (b'["zero_grad"]', "is not a notebook: it holds no list of cells"),
    "source.ipynb": (
        json.dumps({"cells": [{"cell_type": "code", "source": {"zero_grad": 1}}]}).encode(),
        "is not a notebook: the source of cell 1 is not text",
    ),
    "cell.ipynb": (
        json.dumps({"cells": [{"cell_type": "code", "source": "zero_grad\nx = (]"}]}).encode(),
        "cell 1, line 2: syntax error: ",
    ),
}
# What looks odd and can be checked all the same.
ODD: dict[str, bytes] = {
    "bom.py": codecs.BOM_UTF8 + BAD.encode(),
    "crlf.py": BAD.replace("\n", "\r\n").encode(),
    "latin-1.py": b"# coding: latin-1\n# \xff\n" + BAD.encode(),
    "utf-16.py": BAD.encode("utf-16"),
    "last-line.py": BAD.rstrip("\n").encode(),
    "form-feed.py": b"\x0c\n" + BAD.encode(),
}
EMPTY = {"empty.py": b"", "bom-alone.py": codecs.BOM_UTF8, "blank.py": b"\n\n", "no-cells.ipynb": b'{"cells": []}'}


def check(*paths: str, jobs: int = 1) -> tuple[int, dict[str, list[int]], dict[str, str]]:
    """The exit code, the lines of the findings and the message of the error for each path."""
    environment = {**os.environ, "PYTHONPATH": str(Path(gradguard.__file__).parents[1])}
    arguments = [*COMMAND, "--jobs", str(jobs), *paths]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.stderr == ""
    data = json.loads(done.stdout)
    findings: dict[str, list[int]] = {}
    for finding in data["findings"]:
        assert finding["rule"] == "uncalled-method"
        findings.setdefault(finding["path"], []).append(finding["line"])
    errors = {error["path"]: error["message"] for error in data["errors"]}
    assert len(errors) == len(data["errors"])
    assert not any("\n" in message or "Traceback" in message for message in errors.values())
    return done.returncode, findings, errors


@pytest.fixture(autouse=True)
def neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(BAD)
    Path("z.py").write_text(BAD)


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_that_is_broken_at_once(jobs: int) -> None:
    for name, (data, _) in BROKEN.items():
        Path(name).write_bytes(data)
    code, findings, errors = check(".", jobs=jobs)
    assert code == 2
    assert findings == {"a.py": [4], "z.py": [4]}
    assert sorted(errors) == sorted(BROKEN)
    for name, (_, message) in BROKEN.items():
        assert errors[name].startswith(message), name


def test_what_looks_odd_is_checked() -> None:
    for name, data in {**ODD, **EMPTY}.items():
        Path(name).write_bytes(data)
    code, findings, errors = check(".", *EMPTY)
    assert (code, errors) == (1, {})
    expected = {"latin-1.py": [6], "form-feed.py": [5]}
    assert findings == {name: expected.get(name, [4]) for name in ("a.py", "z.py", *ODD)}


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing.py")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def secret(path: Path) -> None:
    path.write_text(BAD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


@pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes as posix has them")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (link_to_nothing, "is a link to something that does not exist"),
        (link_to_itself, "is a link that leads back to itself"),
        (pipe, "is a named pipe, not a file"),
        (secret, "cannot be read: permission denied"),
    ],
)
@pytest.mark.parametrize("paths", [["."], ["a.py", "m.py", "z.py"]])
def test_what_is_no_file(make: Callable[[Path], None], message: str, paths: list[str]) -> None:
    make(Path("m.py"))
    assert check(*paths) == (2, {"a.py": [4], "z.py": [4]}, {"m.py": message})


@pytest.mark.skipif(os.name != "posix", reason="links as posix has them")
def test_a_loop_of_folders_ends() -> None:
    Path("p/q").mkdir(parents=True)
    Path("p/q/up").symlink_to("../..")
    assert check(".") == (1, {"a.py": [4], "z.py": [4]}, {})


def test_what_is_not_there() -> None:
    assert check("a.py", "missing.py", "a.py/b.py")[2].keys() == {"missing.py", "a.py/b.py"}
