"""Who trains which parameters, where only the source is there to tell."""

from __future__ import annotations

import textwrap

import pytest

from gradguard.static.check import check_source

HEAD = """
import torch
import torchvision
from torch import nn

model = torchvision.models.resnet18(weights="DEFAULT")
"""
LOOP = """
for x, y in loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
"""


def found(text: str) -> list[tuple[str, int]]:
    return [(finding.code, finding.location.line) for finding in check_source(text.strip("\n")).findings]


def program(setup: str) -> str:
    return HEAD + textwrap.dedent(setup).strip("\n") + LOOP


def test_the_head_of_an_unknown_model_is_replaced_too_late() -> None:
    late = """
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.fc = nn.Linear(512, 10)
    """
    assert found(program(late)) == [("GG305", 6)]
    late_item = late.replace("model.fc", "model.classifier[6]")
    assert found(program(late_item)) == [("GG305", 6)]


@pytest.mark.parametrize(
    "setup",
    [
        """
        model.fc = nn.Linear(512, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        """,
        """
        for p in model.parameters():
            p.requires_grad = False
        model.fc = nn.Linear(512, 10)
        optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
        """,
        """
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.fc = nn.Linear(512, 10)
        optimizer.add_param_group({"params": model.fc.parameters()})
        """,
        """
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.fc = nn.Linear(512, 10)
        optimizer.param_groups[0]["params"].extend(model.fc.parameters())
        """,
        """
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.fc = nn.Linear(512, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        """,
        """
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.pool = nn.AdaptiveAvgPool2d(1)
        """,
    ],
    ids=["before", "frozen", "group added", "put in by hand", "made again", "nothing to train"],
)
def test_the_head_of_an_unknown_model_is_trained(setup: str) -> None:
    assert found(program(setup)) == []


def test_a_condition_that_gives_the_rest_to_the_optimizer_acquits() -> None:
    text = """
import torch
from torch import nn

encoder, decoder = nn.Linear(2, 4), nn.Linear(4, 2)
params = list(encoder.parameters())
{condition}
optimizer = torch.optim.SGD(params, lr=0.1)
for x in loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(decoder(encoder(x).tanh()), x).backward()
    optimizer.step()
"""
    assert found(text.format(condition="pass")) == [("GG303", 7)]
    assert found(text.format(condition="if args.both:\n    params += list(decoder.parameters())")) == []
    assert found(text.format(condition="decoder.requires_grad_(False)")) == []
    assert found(text.format(condition="decoder.eval()")) == []


def test_what_follows_from_a_wrong_optimizer_is_not_told_as_well() -> None:
    text = """
import torch
from torch import nn

model, other = nn.Linear(2, 1), nn.Linear(2, 1)
optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
for x in loader:
    optimizer.zero_grad()
    model(x).pow(2).mean().backward()
    optimizer.step()
"""
    assert found(text) == [("GG303", 5)]
