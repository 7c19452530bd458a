"""`gradguard run`: the script sees what it would see without the guard, and its report comes in every case."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch

STALE = """
import torch
w = torch.ones(2, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    w.pow(2).sum().backward()
    opt.step()
"""


def gradguard(*arguments, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "gradguard", *arguments], cwd=cwd, capture_output=True, text=True, check=False, **options
    )


@pytest.fixture
def script(tmp_path):
    def write(source, name="train.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    return write


def test_what_the_script_sees(tmp_path, script):
    source = """
    import os, sys, json, __main__
    print(json.dumps([sys.argv, __file__, __name__, os.getcwd(), sys.path[0], sys.stdin.read(), __main__.__file__,
                      "gradguard.static.engine" in sys.modules, "libcst" in sys.modules]))
    import neighbour
    """
    path = script(source, "folder/train.py")
    script("print('neighbour')", "folder/neighbour.py")
    done = gradguard("run", "folder/train.py", "--lr", "3", "-m", "x", cwd=tmp_path, input="typed")
    first, second = done.stdout.split("\n")[:2]
    assert json.loads(first) == [
        ["folder/train.py", "--lr", "3", "-m", "x"],
        str(path),
        "__main__",
        str(tmp_path),
        str(path.parent),
        "typed",
        str(path),
        False,
        False,
    ]
    assert second == "neighbour"
    assert done.returncode == 0
    assert done.stderr == "Nothing to judge: no backward pass ran.\n"


def test_a_module(tmp_path, script):
    script("", "package/__init__.py")
    script("import sys; print(sys.argv[1:], __name__, __package__)" + STALE, "package/work.py")
    done = gradguard("run", "-m", "package.work", "--x", cwd=tmp_path)
    assert done.stdout == "['--x'] __main__ package\n"
    assert "GG101" in done.stderr
    assert done.returncode == 0


def test_the_findings_as_json(tmp_path, script):
    script(STALE)
    done = gradguard("run", "--format", "json", "--output", "out.json", "train.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (finding,) = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert (finding["code"], finding["path"], finding["line"]) == ("GG101", "train.py", 6)


@pytest.mark.parametrize(
    ("ending", "status", "strict"),
    [("", 0, 1), ("raise SystemExit(5)", 5, 5), ("raise SystemExit('text')", 1, 1), ("1 / 0", 1, 1)],
)
def test_the_exit_status(tmp_path, script, ending, status, strict):
    script(f"{STALE}\n{ending}\n")
    done = gradguard("run", "train.py", cwd=tmp_path)
    assert done.returncode == status
    assert "GG101" in done.stderr
    assert ("text\n" in done.stderr) == ("text" in ending)
    assert ("ZeroDivisionError" in done.stderr) == ("1 / 0" in ending)
    assert "gradguard/runtime" not in done.stderr.replace("\\", "/")
    assert gradguard("run", "--strict", "train.py", cwd=tmp_path).returncode == strict


@pytest.mark.parametrize(
    "source",
    ["def f():\n    1 / 0\nf()\n", "x = (\n", "import missing_module\n", "from math import nothing\n", "exec('(')\n"],
)
def test_the_traceback_is_the_scripts_own(tmp_path, script, source):
    script(source)
    plain = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    done = gradguard("run", "train.py", cwd=tmp_path)
    assert done.stderr == plain.stderr + "Nothing to judge: no backward pass ran.\n"
    assert done.returncode == plain.returncode


@pytest.mark.parametrize(
    ("turns", "clears", "told"),
    [
        (1, True, "All clear: no problems found in 1 backward pass and 1 optimizer step."),
        (1200, True, "All clear: no problems found in 1,200 backward passes and 1,200 optimizer steps."),
        (3, False, "Found 1 problem (watched 3 backward passes and 3 optimizer steps)."),
    ],
)
def test_how_much_was_watched(tmp_path, script, turns, clears, told):
    script(
        STALE.replace("range(3)", f"range({turns})").replace(
            "    opt.step()", "    opt.step()" + clears * "; w.grad = None"
        )
    )
    assert gradguard("run", "train.py", cwd=tmp_path).stderr.rstrip().endswith(told)
    data = json.loads(gradguard("run", "--format", "json", "train.py", cwd=tmp_path).stderr)
    assert (data["backward_passes"], data["optimizer_steps"]) == (turns, turns)


def test_a_script_that_fails_by_itself_is_not_called_clear(tmp_path, script):
    script(STALE.replace("range(3)", "range(1)") + "\nraise ValueError('mine')\n")
    done = gradguard("run", "train.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "The script has failed. No pitfall that gradguard knows was seen in 1 backward pass" in done.stderr
    assert "All clear" not in done.stderr


def test_interrupted(tmp_path, script):
    script(f"{STALE}\nprint('ready', flush=True)\nimport time\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "gradguard", "run", "train.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What runs in the background of a shell inherits that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other thread
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in errors
    assert "GG101" in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.py"], "cannot open missing.py"),
        (["-m", "no.such.module"], "no.such.module"),
        (["--select", "GG0", "train.py"], "unknown rule"),
    ],
)
def test_a_wrong_command(tmp_path, script, arguments, told):
    script("")
    done = gradguard("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_selected_rules(tmp_path, script):
    script(STALE)
    assert "GG101" not in gradguard("run", "--ignore", "GG1", "train.py", cwd=tmp_path).stderr
    assert "GG101" in gradguard("run", "--select", "missing-zero-grad", "train.py", cwd=tmp_path).stderr


def test_immediate(tmp_path, script):
    """Each finding at once and once; at the end what is new, and the summary."""
    script(STALE + "print('trained', file=__import__('sys').stderr)\nw.exp().backward()\n")
    done = gradguard("run", "--immediate", "train.py", cwd=tmp_path)
    before, _, after = done.stderr.partition("trained\n")
    assert before.count("GG101 missing-zero-grad") == 1
    assert before.startswith("train.py:6:5: GG101")
    assert "Traceback" in after
    assert after.count("train.py:9:1: GG202") == 1
    assert "GG101" not in after
    assert "Found 2 problems (" in after


@pytest.mark.parametrize("bar", ["tqdm", "rich"])
def test_immediate_beside_a_progress_bar(tmp_path, script, bar):
    pytest.importorskip(bar)
    turns = {
        "tqdm": "from tqdm import tqdm\nturns = tqdm(range(40), mininterval=0, miniters=1)\n",
        "rich": "from rich.progress import track\nfrom rich.console import Console\n"
        "turns = track(range(40), console=Console(stderr=True, force_terminal=True))\n",
    }
    script(f"{turns[bar]}{STALE}".replace("in range(3)", "in turns"))
    done = gradguard("run", "--immediate", "train.py", cwd=tmp_path, env={**os.environ, "NO_COLOR": "1"})
    lines = [line.split("\r")[-1] for line in done.stderr.split("\n")]
    (head,) = [line for line in lines if "GG101 missing-zero-grad" in line]
    assert re.match(r"(\x1b\[[0-9;?]*[A-Za-z])*train.py:\d:5: GG101", head), "a line of its own"
    assert "40/40" in done.stderr or "100%" in done.stderr
    assert done.returncode == 0


def test_a_reader_who_goes_away_does_no_harm(tmp_path, script):
    script(STALE + "open('done', 'w').close()\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "gradguard", "run", "--immediate", "train.py"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    process.stderr.close()
    process.wait(timeout=120)
    assert (tmp_path / "done").exists()


DISTRIBUTED = """
import os, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(3, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(4):
    if {condition}:
        opt.zero_grad()
    model(torch.randn(5, 3)).pow(2).mean().backward()
    opt.step()
dist.destroy_process_group()
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
@pytest.mark.parametrize(("condition", "faulty"), [("True", ()), ("False", (0, 1)), ("dist.get_rank() == 0", (1,))])
def test_two_processes_of_torchrun(tmp_path, script, condition, faulty):
    script(DISTRIBUTED.format(condition=condition))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    options = ["run", "--format", "json", "--output", "out.json", "train.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "gradguard", *options], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not (tmp_path / "out.json").exists()
    for rank in (0, 1):
        data = json.loads((tmp_path / f"out.rank{rank}.json").read_text())
        assert data["rank"] == rank
        assert data["errors"] == []
        assert [(found["code"], found["line"]) for found in data["findings"]] == [("GG101", 12)] * (rank in faulty)


def test_the_rank_stands_above_the_findings(tmp_path, script):
    script(STALE)
    done = gradguard("run", "train.py", cwd=tmp_path, env={**os.environ, "RANK": "1", "WORLD_SIZE": "2"})
    assert done.stderr.startswith("rank 1 of 2:\ntrain.py:6:5: GG101")


@pytest.mark.parametrize(
    ("configuration", "options", "codes"),
    [
        ('ignore = ["GG1"]', [], set()),
        ('ignore = ["GG1"]', ["--no-config"], {"GG101"}),
        ('ignore = ["GG1"]', ["--select", "GG101"], {"GG101"}),
        ('per-file-ignores = { "train.py" = ["missing-zero-grad"] }', [], set()),
        ('per-file-ignores = { "other.py" = ["missing-zero-grad"] }', [], {"GG101"}),
    ],
)
def test_the_configuration_counts(tmp_path, script, configuration, options, codes):
    script(STALE)
    (tmp_path / "gradguard.toml").write_text(configuration + "\n")
    command = [sys.executable, "-m", "gradguard", "run", "--format", "json", *options, "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {finding["code"] for finding in json.loads(done.stderr)["findings"]} == codes


def test_a_wrong_configuration_is_told(tmp_path, script):
    script(STALE)
    (tmp_path / "gradguard.toml").write_text('ignroe = ["GG1"]\n')
    command = [sys.executable, "-m", "gradguard", "run", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ignroe" in done.stderr


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_a_report_that_cannot_be_written_is_told_before_the_run(tmp_path, script, option):
    script("print('it ran')\n")
    command = [sys.executable, "-m", "gradguard", "run", option, "missing/report", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "missing" in done.stderr
    assert done.stdout == ""
