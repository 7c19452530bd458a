"""Programs as source text, run under watch in this process."""

from __future__ import annotations

import contextlib
import io
import sys
import textwrap
import warnings

import pytest
import torch

from gradguard.runtime.script import run


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """Run source text as a script. Gives (line, rule) for each finding; `.report` and `.status` tell the rest."""

    def execute(source: str, select=()):
        path = tmp_path / "program.py"
        path.write_text("import torch\nfrom torch import nn\n" + textwrap.dedent(source).strip("\n") + "\n")
        monkeypatch.setattr(sys, "argv", list(sys.argv))
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        torch.manual_seed(0)
        execute.output, execute.errors = io.StringIO(), io.StringIO()
        with (
            warnings.catch_warnings(record=True) as execute.warnings,
            contextlib.redirect_stdout(execute.output),
            contextlib.redirect_stderr(execute.errors),
        ):
            warnings.simplefilter("default")
            execute.status, execute.report = run(str(path), [], module=False, select=select)
        assert execute.report.errors == []
        lines = path.read_text().split("\n")
        marked = {number for number, line in enumerate(lines, 1) if "# <- here" in line}
        found = {(finding.location.line, finding.rule) for finding in execute.report.findings}
        execute.elsewhere = {(line, rule) for line, rule in found if line not in marked}
        execute.missing = marked - {line for line, _ in found}
        return {rule for _, rule in found}

    return execute
