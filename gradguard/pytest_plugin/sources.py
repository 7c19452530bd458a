"""`pytest --gradguard-check`: each Python file and notebook is an item that fails if it has findings."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

import gradguard
from gradguard.config import Settings
from gradguard.pytest_plugin import outcome
from gradguard.pytest_plugin.settings import Asked

__all__ = ["SourceItem", "Sources"]

_SUFFIXES = (".py", ".ipynb")


class Sources:
    """Collects the files, apart from those that the configuration excludes."""

    def __init__(self, asked: Asked) -> None:
        self.files = asked.files

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """A file that is named but is no file of tests is checked and not imported."""
        collectors = yield
        own = self._collect(file_path, parent)
        if own is None:
            return collectors
        if not any(file_path.match(pattern) for pattern in parent.config.getini("python_files")):
            collectors = [collector for collector in collectors if type(collector) is not pytest.Module]
        return [own, *collectors]

    def _collect(self, file_path: Path, parent: pytest.Collector) -> SourceFile | None:
        if file_path.suffix not in _SUFFIXES:
            return None
        real = os.path.realpath(file_path)
        if self.files.config(os.path.dirname(real)).excludes_any(real):  # noqa: PTH120 - paths stay texts
            return None
        collected: SourceFile = SourceFile.from_parent(parent, path=file_path)
        collected.files = self.files
        return collected


class SourceFile(pytest.File):
    """A file with the one item in it."""

    files: Settings

    def collect(self) -> Iterable[pytest.Item]:
        item: SourceItem = SourceItem.from_parent(self, name="gradguard")
        item.files = self.files
        yield item


class SourceItem(pytest.Item):
    """The check of one file."""

    files: Settings

    def runtest(self) -> None:
        result = gradguard.check_paths([str(self.path)], settings=self.files)
        folder = str(self.config.invocation_params.dir)
        found = [outcome.relative(finding, folder, folder) for finding in result.findings]
        outcome.tell(self, "call", found)
        if found:
            raise outcome.failure(found)
        if result.errors:
            lines = [f"line {error.line}: {error.message}" if error.line else error.message for error in result.errors]
            raise outcome.GradguardFailure(f"could not be checked: {'; '.join(lines)}")

    def reportinfo(self) -> tuple[Path, int | None, str]:
        path = outcome.shown_path(str(self.path), str(self.config.invocation_params.dir))
        return self.path, None, f"gradguard check {path}"
