"""Classes whose methods other files call: what has happened between the calls is not known."""

from __future__ import annotations

import gradguard

AGENT = """
import abc

import torch


class Agent(abc.ABC):
    def __init__(self, policy, optimizer):
        self.policy = policy
        self.optimizer = optimizer
        self.buffer = []

    @abc.abstractmethod
    def compute_loss(self, batch): ...

    def remember(self, transition):
        self.buffer.append(transition)

    def update(self, batch):
        if len(self.buffer) == 0:
            return
        self.optimizer.zero_grad()
        loss = self.compute_loss(batch)
        loss.policy.backward()
        {between}
        loss.policy.backward()
        self.optimizer.step()
"""


def found(source: str) -> list[tuple[str, int]]:
    result = gradguard.check_source(source)
    assert result.errors == ()
    return [(finding.code, finding.location.line) for finding in result.findings]


def line_of(source: str, text: str) -> int:
    return source.split("\n").index(text) + 1


def test_a_list_that_another_method_fills_is_not_empty_for_good() -> None:
    source = AGENT.replace("{between}", "print(len(self.buffer))")
    assert [code for code, _ in found(source)] == ["GG201"]


def test_an_abstract_method_returns_something_new_each_time() -> None:
    assert found(AGENT.replace("{between}", "loss = self.compute_loss(batch)")) == []


def test_a_list_that_nobody_fills_stays_empty() -> None:
    source = AGENT.replace("{between}", "pass").replace("self.buffer.append(transition)", "pass")
    assert found(source) == []


def test_the_second_call_finds_what_the_first_one_left() -> None:
    source = """
class Averaging:
    def __init__(self):
        self.calls = 0

    def train(self, loss, optimizer):
        if self.calls == 0:
            self.calls += 1
            return
        optimizer.zero_grad()
        loss.backward()
        loss.backward()
        optimizer.step()
"""
    assert [code for code, _ in found(source)] == ["GG201"]


def test_the_backward_before_the_step_is_blamed() -> None:
    """Two optimizers whose parameters are not known, and only one of them is cleared."""
    source = """
class Agent:
    def __init__(self, q, q_optimizer, policy, policy_optimizer):
        self.q, self.q_optimizer = q, q_optimizer
        self.policy, self.policy_optimizer = policy, policy_optimizer

    def update(self, x, y):
        q_loss = ((self.q(x) - y) ** 2).mean()
        self.q_optimizer.zero_grad()
        q_loss.backward()
        self.q_optimizer.step()

        policy_loss = -self.q(self.policy(x)).mean()
        policy_loss.backward()
        self.policy_optimizer.step()
"""
    assert found(source) == [("GG101", line_of(source, "        policy_loss.backward()"))]


BOOKS = """
import torch
from torchmetrics import MeanMetric

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{name} = {make}
for x, y in batches:
    loss = ((model(x) - y) ** 2).mean()
    {name}.update(loss)
    loss.backward()
    optimizer.step()
"""


def test_an_object_that_keeps_books_clears_nothing() -> None:
    for name, make in (("train_loss", "MeanMetric()"), ("running", "AverageMeter()"), ("tracker", "unknown")):
        assert [code for code, _ in found(BOOKS.format(name=name, make=make))] == ["GG101"], name


def test_an_object_that_may_train_may_clear() -> None:
    for name, make in (("learner", "Learner(model, optimizer)"), ("updater", "make(optimizer)")):
        assert found(BOOKS.format(name=name, make=make)) == [], name
