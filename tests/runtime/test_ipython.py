"""`%load_ext gradguard` in a real IPython shell."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell

from gradguard.runtime import watch as watch_module


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """Run cells; gives what each of them printed."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    made = InteractiveShell(history_length=0)
    made.history_manager.enabled = False

    def run(cell):
        capsys.readouterr()
        run.result = made.run_cell(cell, store_history=True)
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    run.shell = made
    run("import torch")
    yield run
    run("%unload_ext gradguard")
    made.history_manager.save_thread and made.history_manager.save_thread.stop()


SETUP = "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)"
STALE = "for _ in range(3):\n    w.pow(2).sum().backward()\n    opt.step()"


def test_findings_stand_under_the_cell(shell):
    assert shell("%load_ext gradguard") == ""
    assert shell(SETUP) == ""
    said = shell(STALE)
    assert said.startswith("Cell In[4]:2:5: GG101 missing-zero-grad")
    assert "2 │     w.pow(2).sum().backward()" in said
    assert shell("x = 1") == "", "each finding once"
    assert shell(STALE).startswith("Cell In[6]:2:5: GG101"), "a cell that is run again is a new one"


def test_what_happens_over_several_cells(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    shell("def train():\n    w.pow(2).sum().backward()")
    assert shell("train(); opt.step()") == ""
    said = shell("train(); opt.step()")
    assert said.startswith("Cell In[4]:2:5: GG101"), "the line that is guilty lies in another cell"
    assert "note: Cell In[5]:1:10: the gradient is used here" in said


def test_correct_cells_say_nothing(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    for _ in range(3):
        assert shell("opt.zero_grad(); w.pow(2).sum().backward(); opt.step()") == ""


def test_an_exception_is_shown_as_ever_and_explained(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    said = shell("w.exp().backward()")
    assert isinstance(shell.result.error_in_exec, RuntimeError)
    assert "Cell In[4]:1:1: GG202 non-scalar-backward" in said


def test_the_note_on_an_exception_names_the_cell(shell):
    """As IPython itself names it, and not by the file that it makes of it."""
    shell("%load_ext gradguard")
    shell("w = torch.ones(2, requires_grad=True)\nloss = w.pow(2).sum()\nloss.backward()")
    said = shell("loss.backward()")
    assert "\n  at Cell In[4]:1\n" in said
    assert "\n  Cell In[3]:3: the first backward ran here\n" in said
    assert "<ipython-input" not in said.partition("gradguard: GG201")[2]


def test_a_timed_cell(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    assert "<timed exec>:2:" in shell(f"%%time\n{STALE}")


def test_a_comment_in_a_cell_silences(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    assert shell(STALE.replace("backward()", "backward()  # noqa: GG101")) == ""


def test_a_cell_after_a_long_training_has_full_attention(shell):
    shell("%load_ext gradguard")
    shell(SETUP)
    shell("for _ in range(500):\n    opt.zero_grad()\n    w.pow(2).sum().backward()\n    opt.step()")
    assert shell(STALE).startswith("Cell In[5]:2:5: GG101")


def test_unloading_puts_torch_back(shell):
    before = torch.autograd._engine_run_backward
    shell("%load_ext gradguard")
    shell("%load_ext gradguard")
    assert torch.autograd._engine_run_backward is not before
    shell("%unload_ext gradguard")
    assert torch.autograd._engine_run_backward is before
    assert watch_module._open == []
    shell(SETUP)
    assert shell(STALE) == ""


def test_loading_imports_no_static_engine():
    code = (
        "import sys, gradguard; gradguard.load_ipython_extension; "
        "print('torch' in sys.modules, 'libcst' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
