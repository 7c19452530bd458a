"""What the pytest plugin costs: CPU time of whole pytest processes with and without it, interleaved, as ratios.

    python tests/benchmarks/plugin.py [--rounds 7] [--only off]

`off`: 200 empty tests with the plugin and nothing asked for, to `-p no:gradguard`. `on`: 100 small training tests with
`--gradguard` to without; `tests` leaves out what comes before the first test, above all the import of torch. Medians;
one thread.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
OTHERS = ("cacheprovider", "hypothesispytest", "randomly", "rerunfailures", "xdist", "xdist.looponfail")
EMPTY = """
import pytest

@pytest.mark.parametrize("number", range(200))
def test_empty(number):
    pass
"""
TRAINING = """
import pytest
import torch
from torch import nn

torch.set_num_threads(1)

def train(model, make, x, y, loss_of, steps):
    optimizer = make(model.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]

@pytest.mark.parametrize("seed", range(25))
class TestTraining:
    def test_regression(self, seed):
        torch.manual_seed(seed)
        x = torch.randn(64, 8)
        train(nn.Linear(8, 1), torch.optim.SGD, x, x.sum(1, keepdim=True), nn.functional.mse_loss, 50)

    def test_classifier(self, seed):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))
        x, y = torch.randn(64, 32), torch.randint(0, 10, (64,))
        train(model, torch.optim.Adam, x, y, nn.functional.cross_entropy, 30)

    def test_images(self, seed):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(1152, 10))
        x, y = torch.randn(16, 1, 16, 16), torch.randint(0, 10, (16,))
        train(model, torch.optim.AdamW, x, y, nn.functional.cross_entropy, 15)

    def test_sequences(self, seed):
        torch.manual_seed(seed)
        layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
        model = nn.Sequential(layer, nn.Flatten(), nn.Linear(256, 10))
        x, y = torch.randn(16, 8, 32), torch.randint(0, 10, (16,))
        train(model, torch.optim.AdamW, x, y, nn.functional.cross_entropy, 15)
"""
# The first step of the first optimizer imports half of torch; that is no cost of a test.
CONFTEST = """
import time

import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    if session.items and "training" in session.items[0].path.name:
        import torch

        weight = torch.ones(1, requires_grad=True)
        weight.sum().backward()
        torch.optim.Adam([weight]).step()
        torch.optim.SGD([weight]).step()
    begin = time.process_time()
    result = yield
    print(f"\\nloop: {time.process_time() - begin}")
    return result
"""


def run(folder: Path, *arguments: str) -> tuple[float, float]:
    """Seconds of CPU of the whole process, and of its tests."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    others = [part for name in OTHERS for part in ("-p", f"no:{name}")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", *others, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder / "metadata")]),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    loop = re.search(r"loop: (\S+)", done.stdout)
    assert loop is not None
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(loop[1])


def compare(folder: Path, rounds: int, file: str, one: list[str], other: list[str]) -> None:
    samples: list[list[tuple[float, float]]] = [[], []]
    for turn in range(rounds + 1):
        for index in (0, 1) if turn % 2 else (1, 0):
            taken = run(folder, file, *(one, other)[index])
            if turn:  # the first is for the caches
                samples[index].append(taken)
    for column, what in enumerate(("process", "tests")):
        base, own = (statistics.median(sample[column] for sample in taken) for taken in samples)
        print(f"  {what:8} {base * 1e3:8.1f} ms -> {own * 1e3:8.1f} ms   ratio {own / base:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("off", "on"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (("test_empty.py", EMPTY), ("test_training.py", TRAINING), ("conftest.py", CONFTEST)):
            (folder / file).write_text(textwrap.dedent(text))
        metadata = folder / "metadata" / "gradguard-0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Name: gradguard\nVersion: 0\n")
        (metadata / "entry_points.txt").write_text("[pytest11]\ngradguard = gradguard.pytest_plugin\n")
        if options.only != "on":
            print("off: 200 empty tests, without the plugin -> with it")
            compare(folder, options.rounds, "test_empty.py", ["-p", "no:gradguard"], [])
        if options.only != "off":
            print("on: 100 small training tests, without -> with --gradguard")
            compare(folder, options.rounds, "test_training.py", [], ["--gradguard"])


if __name__ == "__main__":
    main()
