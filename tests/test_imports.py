"""What is imported when. Every assertion here runs in a process of its own, because imports cannot be undone."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradguard
from gradguard import static

BAD = "import torch\n\noptimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])\noptimizer.zero_grad\n"
STATIC = sorted(module.name for module in pkgutil.iter_modules(static.__path__))
PROGRAM = """
import sys
{statement}
names = {{name.partition(".")[0] for name in sys.modules}}
print("imported:", *sorted(names & {{"torch", "libcst", "rich", "pygments", "numpy", "multiprocessing",
    "hypothesis"}}))
"""


def imported_by(statement: str, directory: Path) -> set[str]:
    """Which of the expensive packages are imported once the statement has run."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement=statement)],
        capture_output=True,
        text=True,
        cwd=directory,
        env={"PYTHONPATH": str(Path(gradguard.__file__).parents[1]), "PATH": ""},
        timeout=60,
        check=True,
    )
    return set(done.stdout.rpartition("imported:")[2].split())


def command(*arguments: str) -> str:
    return f"from gradguard.cli import main; main({list(arguments)!r})"


def test_the_test_can_fail(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("")
    assert imported_by("import torch, rich.console", tmp_path) >= {"torch", "rich"}


def test_a_check_imports_libcst_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    assert imported_by(command("check", "bad.py"), tmp_path) == {"libcst"}


def test_a_file_without_triggers_does_not_even_import_libcst(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\nx = 1\n")
    assert imported_by(command("check", "a.py"), tmp_path) == set()
    assert imported_by(command("check", "."), tmp_path) == set()


@pytest.mark.parametrize(
    "statement", ["import gradguard", command("rules"), command("explain", "uncalled-method"), command()]
)
def test_what_needs_no_source_imports_nothing(statement: str, tmp_path: Path) -> None:
    assert not imported_by(statement, tmp_path) & {"torch", "libcst", "rich"}


def test_colour_imports_rich(tmp_path: Path) -> None:
    statement = "import os; os.environ['FORCE_COLOR'] = '1'; " + command("rules")
    assert "rich" in imported_by(statement, tmp_path)


def test_no_module_of_the_static_half_imports_torch(tmp_path: Path) -> None:
    assert "engine" in STATIC
    statement = "\n".join(f"import gradguard.static.{name}" for name in STATIC)
    names = imported_by(statement, tmp_path)
    assert "libcst" in names
    assert not names & {"torch", "rich", "numpy"}


def test_the_testing_toolkit_imports_what_it_is_asked_for(tmp_path: Path) -> None:
    """Nothing at first, torch for a model, and hypothesis only where inputs are generated; libcst never."""
    assert imported_by("import gradguard.testing; dir(gradguard.testing)", tmp_path) == set()
    names = imported_by("from gradguard.testing import assert_trains, check_function, no_findings", tmp_path)
    assert "torch" in names
    assert not names & {"hypothesis", "libcst", "rich"}
    names = imported_by("from gradguard.testing import strategies", tmp_path)
    assert "hypothesis" in names
    assert not names & {"libcst", "rich"}
