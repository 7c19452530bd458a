"""Who trains what, where the training loop lies in another file than the model and the optimizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradguard.static.check import check_paths
from gradguard.static.triggers import is_worth_parsing

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = {layers}
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.last(x)
"""
ENGINE = """
def train_one_epoch(model, criterion, optimizer, batches):
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()


class Trainer:
    def __init__(self, model, criterion, optimizer):
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer

    def fit(self, batches):
        train_one_epoch(self.model, self.criterion, self.optimizer, batches)
"""
MAIN = """
import torch
from torch import nn, optim

from engine import Trainer, train_one_epoch
from net import Net

encoder = Net()
decoder = nn.Linear(1, 1)
model = nn.Sequential(encoder, decoder)
optimizer = optim.SGD({given}, lr=0.1)
{between}
batches = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(6)]
for epoch in range(3):
    {train}
"""
PLAIN, REGISTERED = "[nn.Linear(4, 4), nn.Linear(4, 4)]", "nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])"
FUNCTION = "train_one_epoch(model, nn.MSELoss(), optimizer, batches)"
CLASS = "Trainer(model, nn.MSELoss(), optimizer).fit(batches)"


@pytest.mark.parametrize("train", [FUNCTION, CLASS])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("layers", "given", "between", "expected"),
    [
        (REGISTERED, "model.parameters()", "", set()),
        (PLAIN, "model.parameters()", "", {("net.py", 9, "GG304")}),
        (REGISTERED, "encoder.parameters()", "", {("main.py", 11, "GG303")}),
        (REGISTERED, "model.parameters()", "model[1] = nn.Linear(1, 1)", {("main.py", 11, "GG305")}),
        (REGISTERED, "encoder.parameters()", "decoder.requires_grad_(False)", set()),
    ],
)
def test_all_that_is_visible_is_seen(
    tmp_path: Path, train: str, whole: bool, layers: str, given: str, between: str, expected: set[tuple[str, int, str]]
) -> None:
    (tmp_path / "net.py").write_text(NET.format(layers=layers))
    (tmp_path / "engine.py").write_text(ENGINE)
    (tmp_path / "main.py").write_text(MAIN.format(given=given, between=between, train=train))
    result = check_paths([str(tmp_path if whole else tmp_path / "main.py")])
    assert result.errors == ()
    assert {(Path(f.location.path).name, f.location.line, f.code) for f in result.findings} == expected


def test_a_file_that_makes_an_optimizer_is_worth_parsing() -> None:
    assert is_worth_parsing(b"optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)")
    assert is_worth_parsing(b"optimizer = SGD(\n    list(net.parameters()), lr=1e-3)")
    assert not is_worth_parsing(b"size = sum(p.numel() for p in model.parameters())")
