"""The cache: what it remembers is what a check would find, and what cannot be used is checked anew in silence."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

import gradguard
from gradguard import catalogue
from gradguard.static import cache as cache_module
from gradguard.static import check
from gradguard.static.cache import FOLDER
from gradguard.static.check import Result, check_paths

TRAIN = """\
import torch
from helper import learn

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    learn(model(torch.ones(4, 2)).mean(), optimizer)
    optimizer.step()
optimizer.zero_grad
"""
HELPER = "def learn(loss, optimizer):\n    loss.backward()\n"
CLEARING = "def learn(loss, optimizer):\n    optimizer.zero_grad()\n    loss.backward()\n"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("src/train.py").write_text(TRAIN)
    Path("src/helper.py").write_text(HELPER)
    Path("src/broken.py").write_text("loss.backward(\n")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are really checked."""
    paths: list[str] = []
    original = check.check_file

    def note(path: str, rules, **options):
        paths.append(path)
        return original(path, rules, **options)

    monkeypatch.setattr(check, "check_file", note)
    return paths


def run(*codes: str) -> Result:
    rules = catalogue.select(codes)
    result = check_paths(["src"], rules, cache=FOLDER)
    assert result == check_paths(["src"], rules)
    return result


def cached(checked: list[str], *codes: str) -> list[str]:
    """What a run with the cache checks."""
    checked.clear()
    check_paths(["src"], catalogue.select(codes), cache=FOLDER)
    return [Path(path).stem for path in checked]


def entries() -> Path:
    (path,) = Path(FOLDER).glob("*.json")
    return path


def test_a_second_run_checks_nothing(checked: list[str]) -> None:
    result = run()
    assert [(finding.code, finding.fix is not None) for finding in result.findings] == [
        ("GG101", False),
        ("GG401", True),
    ]
    assert result.findings[0].location.path == "src/helper.py"
    assert cached(checked) == []
    assert run() == result
    assert (Path(FOLDER) / ".gitignore").read_text().endswith("*\n")


def test_what_has_changed_is_checked_again(checked: list[str]) -> None:
    run()
    Path("src/broken.py").write_text("loss.backward()\n")
    assert cached(checked) == ["broken"]
    # The finding of one file depends on another that it imports.
    Path("src/helper.py").write_text(CLEARING)
    assert cached(checked) == ["helper", "train"]
    assert [finding.code for finding in run().findings] == ["GG401"]


def test_an_import_that_leads_elsewhere_is_noticed(checked: list[str]) -> None:
    Path("src/helper.py").unlink()
    Path("helper").mkdir()
    assert [finding.code for finding in run().findings] == ["GG401"]
    assert cached(checked) == []
    Path("src/helper.py").write_text(HELPER)
    assert "train" in cached(checked)
    assert [finding.code for finding in run().findings] == ["GG101", "GG401"]
    Path("src/helper.py").unlink()
    assert cached(checked) == ["train"]


def test_other_rules_are_another_matter(checked: list[str]) -> None:
    run()
    assert len(cached(checked, "GG4")) == 3
    assert cached(checked, "GG4") == []
    assert cached(checked) == []


def test_other_code_is_another_matter(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    before = entries().name
    monkeypatch.setattr(cache_module, "_own_digest", lambda: "0" * 32)
    assert len(cached(checked)) == 3
    assert entries().name != before  # and what the old code has written is gone


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"\xff", b"null", b'{"src/train.py": 1}', b'{"src/train.py": {"digest": "x"}}', b"[" * 100_000],
)
def test_a_broken_cache_is_made_anew(damage: bytes, checked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    result = run()
    entries().write_bytes(damage)
    assert len(cached(checked)) == 3
    assert cached(checked) == []
    assert run() == result
    assert capsys.readouterr() == ("", "")


def test_entries_that_make_no_sense_are_left(checked: list[str]) -> None:
    result = run()
    good = json.loads(entries().read_text())
    for key in ("findings", "errors", "imports", "files", "digest"):
        for value in (None, 1, [1], [[1]], {"a": 1}):
            entry = {**good["src/train.py"], key: value}
            entries().write_text(json.dumps({**good, "src/train.py": entry}))
            assert cached(checked) in (["train"], [])
            assert check_paths(["src"], cache=FOLDER).files == result.files


def test_a_folder_that_cannot_be_written_is_left(checked: list[str]) -> None:
    Path(FOLDER).write_text("a file")
    run()
    assert len(cached(checked)) == 3
    assert Path(FOLDER).read_text() == "a file"


def test_an_outcome_of_an_internal_error_is_not_kept(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from gradguard.static import engine

    def fail(*_: object, **__: object):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(engine, "check_module", fail)
        cached(checked)
    assert sorted(cached(checked)) == ["helper", "train"]


def _together(_: int) -> int:
    return len(check_paths(["src"], catalogue.select(()), cache=FOLDER).findings)


@pytest.mark.skipif(sys.platform != "linux", reason="a spawned process cannot import a test module")
def test_parallel_runs() -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_together, range(12)) == [2] * 12
    assert [path.suffix for path in Path(FOLDER).iterdir() if path.name != ".gitignore"] == [".json"]


def test_a_warm_run_does_not_even_import_the_parser() -> None:
    run()
    program = "import sys; from gradguard.cli import main; main(['check', 'src', '--no-config']); print(*sys.modules)"
    root = str(Path(gradguard.__file__).parents[1])
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": root}, check=False)
    assert "GG101" in done.stdout
    assert "libcst" not in done.stdout.splitlines()[-1].split()


def test_a_process_parses_again_what_has_changed() -> None:
    """Without a cache of outcomes: the parsed files of a process, which a watch or a server keeps for hours."""
    alone = ["src/train.py"]
    assert [finding.code for finding in check_paths(alone).findings] == ["GG101", "GG401"]
    Path("src/helper.py").write_text(CLEARING)
    assert [finding.code for finding in check_paths(alone).findings] == ["GG401"]
    Path("src/helper.py").unlink()
    assert [finding.code for finding in check_paths(alone).findings] == ["GG401"]
    Path("src/helper.py").write_text(HELPER)
    assert [finding.code for finding in check_paths(alone).findings] == ["GG101", "GG401"]
