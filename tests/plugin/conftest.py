"""Suites of tests as source text, run by pytest with the plugin: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import gradguard

ROOT = Path(gradguard.__file__).parents[1]

# What a worker reports reaches the process that was started; there the reports are written down.
RECORDER = """
import json
import os
import pathlib

def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    facts = {
        "test": report.nodeid.partition("::")[2],
        "when": report.when,
        "outcome": report.outcome,
        "wasxfail": hasattr(report, "wasxfail"),
        "text": report.longreprtext,
        "sections": {name: text for name, text in report.sections},
        "properties": [list(held) for held in report.user_properties],
    }
    with pathlib.Path(__file__).with_name("reports.jsonl").open("a") as stream:
        stream.write(json.dumps(facts) + "\\n")
"""

PITFALL = """
import pytest
import torch


def pitfall(steps=3):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(steps):
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()


def correct(steps=3):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
"""


@dataclass(frozen=True)
class Report:
    test: str
    when: str
    outcome: str
    wasxfail: bool
    text: str
    sections: dict[str, str]
    properties: list[list[str]]

    @property
    def kind(self) -> str:
        """As pytest counts it."""
        if self.wasxfail:
            return "xpassed" if self.outcome == "passed" else "xfailed"
        return "error" if self.outcome == "failed" and self.when != "call" else self.outcome


@dataclass(frozen=True)
class Ran:
    code: int
    output: str
    errors: str
    reports: list[Report]

    def __getitem__(self, test: str) -> list[Report]:
        found = [report for report in self.reports if report.test == test]
        assert found, f"no such test: {test}\n{self.output}\n{self.errors}"
        return found

    def one(self, test: str, when: str = "call") -> Report:
        (found,) = [report for report in self[test] if report.when == when]
        return found

    def kinds(self, test: str) -> str:
        return " ".join(report.kind for report in self[test])


class Suite:
    """A folder with tests, and pytest to run them with."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        (self.folder / "recorder.py").write_text(RECORDER)

    def write(self, source: str, name: str = "test_it.py", *, plain: bool = False) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(("" if plain else PITFALL) + textwrap.dedent(source))
        return path

    def run(self, *arguments: str, plugins: tuple[str, ...] = (), apart: bool = False) -> Ran:
        log = self.folder / "reports.jsonl"
        log.unlink(missing_ok=True)
        own = () if "no:gradguard" in arguments else ("gradguard",)
        loaded = [part for name in (*own, "recorder", *plugins) for part in ("-p", name)]
        how = self.pytester.runpytest_subprocess if apart else self.pytester.runpytest_inprocess
        result = how(*loaded, *arguments)
        lines = log.read_text().splitlines() if log.exists() else []
        reports = [Report(**json.loads(line)) for line in lines]
        return Ran(int(result.ret), result.stdout.str(), result.stderr.str(), reports)


@pytest.fixture(scope="session")
def torch_is_there() -> None:
    """What a run in this process imports is forgotten after it, and a second import of parts of torch fails."""
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight])
    with gradguard.watch():
        weight.sum().backward()
        optimizer.step()


@pytest.fixture
def suite(
    torch_is_there: None,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Suite:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    paths = [str(pytester.path), str(ROOT)]
    if not any(point.name == "gradguard" for point in importlib.metadata.entry_points(group="pytest11")):
        # The package is not installed, only on the path.
        folder = tmp_path_factory.mktemp("metadata")
        (folder / "gradguard-0.dist-info").mkdir()
        (folder / "gradguard-0.dist-info" / "METADATA").write_text("Name: gradguard\nVersion: 0\n")
        points = "[pytest11]\ngradguard = gradguard.pytest_plugin\n"
        (folder / "gradguard-0.dist-info" / "entry_points.txt").write_text(points)
        paths.append(str(folder))
    for path in reversed(paths):
        monkeypatch.syspath_prepend(path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]))
    return Suite(pytester)


def _import_everything() -> None:
    """A session inside of this one forgets what it has imported, and a second copy would be imported later."""
    for module in pkgutil.walk_packages(gradguard.__path__, "gradguard."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)


_import_everything()
