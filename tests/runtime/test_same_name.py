"""One mistake has one name in both halves: mistakes that the two used to tell in different ways."""

from __future__ import annotations

import textwrap

import pytest

from gradguard.static.check import check_source

SET_UP = """
    model = nn.Linear(3, 1)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)

    def loss():
        return model(torch.randn(4, 3)).pow(2).mean()
"""
MISTAKES = {
    "leaf-loss: a mean of rewrapped losses": """
        for _ in range(3):
            opt.zero_grad()
            losses = [loss() for _ in range(3)]
            total = torch.tensor(losses, requires_grad=True).mean()  # <- here
            total.backward()
            opt.step()
    """,
    "leaf-loss: a sum of numbers, in a function": """
        def total():
            losses = []
            for _ in range(3):
                losses.append(loss().item())
            return torch.tensor(losses, requires_grad=True).sum()  # <- here

        for _ in range(3):
            opt.zero_grad()
            total().backward()
            opt.step()
    """,
    "non-leaf-grad: a result that is then rebound": """
        x = torch.ones(3, requires_grad=True)
        x = x / 2
        x.sum().backward()
        x = x + x.grad  # <- here
    """,
    "parameter-rebound: a leaf that is rebound": """
        x = torch.ones(3, requires_grad=True)
        for _ in range(3):
            x.pow(2).sum().backward()
            x = x - 0.1 * x.grad  # <- here
    """,
    "step-without-backward: step, clear, backward": """
        for _ in range(3):
            opt.step()  # <- here
            opt.zero_grad()
            loss().backward()
    """,
    "step-without-backward: step, clear, backward with a closure of names": """
        def train(optimizer, turns):
            for _ in range(turns):
                optimizer.step()  # <- here
                optimizer.zero_grad()
                value = loss()
                value.backward()

        train(opt, 4)
    """,
}
FINE = {
    "an input that is optimised": """
        x = torch.tensor([loss().item(), 1.0], requires_grad=True)
        mine = torch.optim.SGD([x], lr=0.1)
        for _ in range(3):
            mine.zero_grad()
            (x ** 2).sum().backward()
            mine.step()
    """,
    "an input that is optimised by hand, beside a model that trains": """
        for _ in range(3):
            x = torch.tensor([loss().item(), 1.0], requires_grad=True)
            (x ** 2).sum().backward()
            with torch.no_grad():
                x -= 0.1 * x.grad
            opt.zero_grad()
            loss().backward()
            opt.step()
    """,
    "fresh leaves of a search": """
        for start in (0.5, 1.5, 2.5):
            x = torch.tensor([start, start], requires_grad=True)
            mine = torch.optim.Adam([x], lr=0.1)
            for _ in range(3):
                mine.zero_grad()
                (x ** 2).mean().backward()
                mine.step()
    """,
    "the first turn only fills": """
        for turn in range(4):
            if turn:
                opt.step()
                opt.zero_grad()
            loss().backward()
        opt.step()
    """,
    "a step before the training, for the schedule": """
        opt.step()
        for _ in range(4):
            opt.zero_grad()
            loss().backward()
            opt.step()
    """,
    "nothing to learn from at first": """
        buffer = []
        for turn in range(6):
            buffer.append(turn)
            if len(buffer) > 1:
                loss().backward()
            opt.step()
            opt.zero_grad()
    """,
    "a new leaf in each turn": """
        for _ in range(3):
            x = torch.ones(3, requires_grad=True)
            x.pow(2).sum().backward()
            y = x - 0.1 * x.grad
    """,
}


def program(source):
    return textwrap.dedent(SET_UP) + textwrap.dedent(source)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(watched, name):
    rule = name.partition(":")[0]
    assert watched(program(MISTAKES[name])) == {rule}
    assert not watched.missing
    assert not watched.elsewhere
    text = "import torch\nfrom torch import nn\n" + program(MISTAKES[name])
    (line,) = (number for number, line in enumerate(text.split("\n"), 1) if "# <- here" in line)
    assert {(finding.rule, finding.location.line) for finding in check_source(text, "x.py").findings} == {(rule, line)}


@pytest.mark.parametrize("name", FINE)
def test_what_looks_alike(watched, name):
    assert watched(program(FINE[name])) == set()
