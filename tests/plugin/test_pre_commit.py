"""The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit in real git repositories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradguard

pytest.importorskip("pre_commit")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]

ROOT = Path(gradguard.__file__).parents[1]
PACKAGE = ("gradguard", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
BAD = """\
import torch

w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    (w * w).sum().backward()
    optimizer.step()
"""
GOOD = BAD.replace("    optimizer.step()", "    optimizer.step()\n    optimizer.zero_grad()")
HOOKS = """\
repos:
-   repo: {repo}
    rev: {rev}
    hooks:
    -   id: gradguard
        {extra}
    -   id: gradguard-all
        stages: [manual]
"""


class Git:
    """A git repository, and pre-commit in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))}
        people = {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.env = {
            **own,
            **people,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PRE_COMMIT_HOME": str(home),
            "PRE_COMMIT_COLOR": "never",
            "NO_COLOR": "1",
        }
        self.git("init", "-q", "-b", "main")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", name)

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run("git", *arguments, check=check)

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(sys.executable, "-m", "pre_commit", *arguments, check=False)

    def _run(self, *command: str, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, stdout=-1, stderr=subprocess.STDOUT, text=True, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}")
        return done


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps its environments. Without a registry there can be none."""
    folder = tmp_path_factory.mktemp("registry")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "hatchling", "libcst"]
    probe = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    if probe.returncode:
        pytest.skip(f"the package registry cannot be reached: {probe.stderr.strip().splitlines()[-1:]}")
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture(scope="session")
def hooks(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Git:
    """A repository with the package as it is now."""
    repository = Git(tmp_path_factory.mktemp("hooks") / "gradguard", home)
    for name in PACKAGE:
        source, target = ROOT / name, repository.folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    repository.git("add", "--all")
    repository.git("commit", "-q", "-m", "gradguard")
    return repository


@pytest.fixture
def project(hooks: Git, home: Path, tmp_path: Path) -> Git:
    repository = Git(tmp_path / "project", home)
    configure(repository, hooks, str(hooks.folder))
    installed = repository.pre_commit("install", "--install-hooks")
    assert installed.returncode == 0, installed.stdout
    repository.git("commit", "-q", "-m", "set-up")
    return repository


def configure(repository: Git, hooks: Git, url: str, extra: str = "") -> None:
    rev = hooks.git("rev-parse", "HEAD").stdout.strip()
    repository.write(".pre-commit-config.yaml", HOOKS.format(repo=url, rev=rev, extra=extra))


def test_a_commit_is_refused_and_let_pass(project: Git) -> None:
    project.write("train.py", BAD)
    refused = project.git("commit", "-m", "bad", check=False)
    assert refused.returncode == 1
    assert "train.py:6:5: GG101 missing-zero-grad" in refused.stdout
    project.write("train.py", GOOD)
    passed = project.git("commit", "-m", "good")
    assert "Passed" in passed.stdout


def test_only_what_changes_is_checked_and_all_by_the_other_hook(project: Git) -> None:
    project.write("old.py", BAD)
    project.git("commit", "-q", "--no-verify", "-m", "old")
    project.write("new.py", GOOD)
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 0, done.stdout
    done = project.pre_commit("run", "gradguard-all", "--hook-stage", "manual")
    assert done.returncode == 1
    assert "old.py:6:5: GG101" in done.stdout


def test_notebooks(project: Git) -> None:
    cell = {"cell_type": "code", "source": BAD, "metadata": {}, "outputs": [], "execution_count": None}
    project.write("note.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 1
    assert "note.ipynb:cell 1:6:5: GG101" in done.stdout


def test_without_a_file_to_check(project: Git, hooks: Git) -> None:
    project.write("notes.txt", "text")
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 0
    assert "(no files to check)Skipped" in done.stdout
    done = project.pre_commit("run", "gradguard-all", "--hook-stage", "manual")
    assert done.returncode == 0
    assert "Passed" in done.stdout
    configure(project, hooks, str(hooks.folder), extra="always_run: true")
    done = project.pre_commit("run", "gradguard", "--verbose")
    assert done.returncode == 0, "called with no file at all"
    assert "There are no Python files to check." in done.stdout


def test_what_cannot_be_checked_is_refused_and_what_is_excluded_is_not(project: Git) -> None:
    project.write("broken.py", "def broken(:\n    loss.backward()\n")
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 1
    assert "broken.py:1: error: syntax error" in done.stdout
    project.write("old.py", BAD)
    project.write("pyproject.toml", '[tool.gradguard]\nextend-exclude = ["broken.py", "old.py"]\n')
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 0, done.stdout


def test_many_files_and_repairs(project: Git, hooks: Git) -> None:
    configure(project, hooks, str(hooks.folder), extra="args: [--fix, --unsafe-fixes]")
    for number in range(300):
        project.write(f"package/module_{number}.py", GOOD)
    project.write("package/train.py", BAD)
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 1
    assert done.stdout.count("GG101") <= 1
    project.git("add", "--all")
    assert project.pre_commit("run", "gradguard").returncode == 0
    assert "zero_grad" in (project.folder / "package" / "train.py").read_text()


def test_the_environment_holds_no_torch(project: Git, home: Path) -> None:
    project.write("train.py", GOOD)
    assert project.pre_commit("run", "gradguard").returncode == 0
    packages = {path.name for path in home.glob("repo*/py_env-*/lib/python*/site-packages/*")}
    packages |= {path.name for path in home.glob("repo*/py_env-*/Lib/site-packages/*")}
    assert {"libcst", "rich", "gradguard"} <= packages
    assert not {"torch", "numpy", "pytest"} & packages


def test_from_the_url_of_a_git_repository(hooks: Git, home: Path, tmp_path: Path) -> None:
    project = Git(tmp_path / "project", home)
    configure(project, hooks, hooks.folder.as_uri())
    project.write("train.py", BAD)
    done = project.pre_commit("run", "gradguard")
    assert done.returncode == 1
    assert "train.py:6:5: GG101" in done.stdout
