"""What is recorded of a run for the picture."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import torch

from gradguard.cli import main
from gradguard.runtime.watch import Watch
from gradguard.timeline import Timeline

EXAMPLES = Path(__file__).parents[2] / "examples"


def record(steps: int, *, clear: bool = True) -> Timeline:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.5}], lr=0.1)
    watch = Watch(record=True)
    with watch:
        for _ in range(steps):
            if clear:
                optimizer.zero_grad()
            loss = model(torch.ones(3, 2)).square().mean()
            loss.backward()
            optimizer.step()
    assert watch.report.timeline is not None
    return watch.report.timeline


def test_each_group_is_a_lane() -> None:
    lanes = record(3).lanes
    assert [(lane.name, lane.tensors) for lane in lanes] == [("optimizer, group 0", 1), ("optimizer, group 1", 1)]


def test_every_step_is_there_however_long_the_run() -> None:
    """Attention does not rest while a run is recorded."""
    found = record(400)
    kinds = [moment.kind for moment in found.moments]
    assert kinds.count("backward") == kinds.count("step") == 400
    assert kinds.count("clear") == 399  # there was nothing to clear at first
    assert all(moment.loss is not None for moment in found.moments if moment.kind == "backward")
    assert {stretch.state for stretch in found.stretches()} == {"fresh", "used"}


def test_stale_gradients_are_red() -> None:
    assert "consumed" in {stretch.state for stretch in record(3, clear=False).stretches()}


def test_places_are_those_of_the_user() -> None:
    found = {moment.location.path for moment in record(2).moments if moment.location is not None}
    assert {Path(path).name for path in found} == {Path(__file__).name}


def test_no_tensor_is_kept() -> None:
    watch = Watch(record=True)
    with watch:
        w = torch.ones(3, requires_grad=True)
        loss = (w * 2).sum()
        loss.backward()
        gone = weakref.ref(w), weakref.ref(loss)
        del w, loss
        gc.collect()
        assert [reference() for reference in gone] == [None, None]


def test_the_numbers_are_the_same() -> None:
    torch.manual_seed(0)
    with_picture = [moment.loss for moment in record(20).moments if moment.kind == "backward"]
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.5}], lr=0.1)
    plain = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = model(torch.ones(3, 2)).square().mean()
        loss.backward()
        optimizer.step()
        plain.append(loss.item())
    assert with_picture == plain


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\n"
        "w = torch.ones(2, requires_grad=True)\n"
        "for _ in range(5):\n"
        "    loss = (w * w).sum()\n"
        "    loss.backward()\n"
        "    w.data -= 0.1 * w.grad\n"
    )
    assert main(["run", "--html", str(page), str(script)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "GG101 missing-zero-grad" in text
    assert "w, updated by hand" in text
