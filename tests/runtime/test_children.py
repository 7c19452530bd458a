"""Processes that a watched script starts are watched, too."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import multiprocessing
import sys
import torch
import torch.multiprocessing


def work(rank, clears):
    torch.manual_seed(rank)
    w = torch.ones(2, requires_grad=True)
    opt = torch.optim.SGD([w], lr=0.1)
    for _ in range(3):
        if clears:
            opt.zero_grad()
        w.pow(2).sum().backward()  # line 15
        opt.step()
    if rank == 9:
        import os
        os._exit(3)
    if rank == 8:
        raise ValueError("mine")


class Mine(multiprocessing.get_context("spawn").Process):
    def run(self):
        work(0, False)


def start(method, *arguments):
    processes = [multiprocessing.get_context(method).Process(target=work, args=pair) for pair in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print([process.exitcode for process in processes])


if __name__ == "__main__":
    {action}
"""


def run(folder, action):
    (folder / "train.py").write_text(textwrap.dedent(PROGRAM).replace("{action}", action))
    command = [sys.executable, "-m", "gradguard", "run", "--format", "json", "--output", "out.json", "train.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads((folder / "out.json").read_text())
    found = [(finding["code"], finding["line"], finding["notes"][-1]["message"]) for finding in data["findings"]]
    return found, [error["message"] for error in data["errors"]], data, done


@pytest.mark.parametrize(
    "action",
    [
        "torch.multiprocessing.spawn(work, (False,), nprocs=2)",
        pytest.param(
            "start('fork', (0, False), (1, False))",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="needs fork"),
        ),
    ],
)
def test_findings_of_children_come_once_with_their_numbers(tmp_path, action):
    found, errors, data, _ = run(tmp_path, action)
    assert found == [("GG101", 15, "in child processes 1, 2")]
    assert errors == []
    assert (data["backward_passes"], data["optimizer_steps"]) == (6, 6)


def test_only_one_is_at_fault(tmp_path):
    found, errors, _, done = run(tmp_path, "work(3, True); start('spawn', (0, True), (1, False))")
    assert found == [("GG101", 15, "in child process 2")]
    assert errors == []
    assert done.stdout == "[0, 0]\n"


def test_those_that_leave_nothing_are_told(tmp_path):
    found, errors, _, done = run(tmp_path, "start('spawn', (9, False), (8, True)); p = Mine(); p.start(); p.join()")
    assert found == []
    assert errors == ["2 child processes were not watched, or ended without a report"]
    assert done.stdout == "[3, 1]\n"
    assert "ValueError: mine" in done.stderr


def test_workers_of_a_loader_are_left_alone(tmp_path):
    action = "print(sum(len(b) for b in torch.utils.data.DataLoader(torch.ones(4), num_workers=1)))"
    found, errors, _, done = run(tmp_path, action)
    assert (found, errors, done.stdout) == ([], [], "4\n")
