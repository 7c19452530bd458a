"""Watchers: told only what they ask for, and each behind a fence of its own."""

from __future__ import annotations

import pytest
import torch

import gradguard
from gradguard.runtime import attention
from gradguard.runtime import guard as guard_module
from gradguard.runtime.watcher import Watcher
from gradguard.runtime.watchers import all_watchers

HOOKS = ["install", "optimizer_created", "entering", "left", "stepping", "stepped", "clearing", "cleared", "finish"]


def train(steps=3):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        w.pow(2).sum().backward()
        optimizer.step()
    return w.tolist()


def watched_with(monkeypatch, *kinds, steps=3):
    monkeypatch.setattr(guard_module, "all_watchers", lambda: (*all_watchers(), *kinds))
    with gradguard.watch() as report:
        numbers = train(steps)
    return numbers, report


def test_a_watcher_is_told_what_happens_in_its_order(monkeypatch):
    told = []

    def note(hook):
        return lambda _self, *_facts: told.append(hook)

    kind = type("Recorder", (Watcher,), {hook: note(hook) for hook in HOOKS})
    _, report = watched_with(monkeypatch, kind, steps=1)
    assert told == [
        *("install", "optimizer_created", "clearing", "cleared", "entering", "left", "stepping", "stepped", "finish")
    ]
    assert report.errors == []


def test_a_watcher_rests_between_the_windows(monkeypatch):
    told = []

    class Resting(Watcher):
        def entering(self, _call):
            told.append("entering")

        def rest(self):
            told.append("rest")

        def attend(self):
            told.append("attend")

    calm = attention._VISITS
    watched_with(monkeypatch, Resting, steps=calm + 2)
    assert told == ["entering"] * calm + ["rest"], "no call while the guard rests"
    told.clear()
    watched_with(monkeypatch, Resting, steps=400)
    assert told[calm:][:3] == ["rest", "attend", "entering"]
    assert told.count("entering") < 40


def test_the_guard_looks_longer_where_a_watcher_wants_to_see_more(monkeypatch):
    told = []

    class Curious(Watcher):
        def entering(self, _call):
            told.append("entering")

        def unsettled(self):
            return len(told) < 9

        def rest(self):
            told.append("rest")

    watched_with(monkeypatch, Curious, steps=11)
    assert told == ["entering"] * 9 + ["rest"]
    told.clear()
    monkeypatch.setattr(Curious, "unsettled", lambda _self: True)
    watched_with(monkeypatch, Curious, steps=attention._WARM_UP + 2)
    assert told == ["entering"] * attention._WARM_UP + ["rest"], "but not forever"


def test_an_optimizer_that_steps_seldom_is_waited_for(monkeypatch):
    """Four backward passes for each step: the guard does not rest before it has seen some of the steps."""
    told = []

    class Counting(Watcher):
        def stepped(self, *_facts):
            told.append("step")

        def rest(self):
            told.append("rest")

    monkeypatch.setattr(guard_module, "all_watchers", lambda: (*all_watchers(), Counting))
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with gradguard.watch() as report:
        for turn in range(40):
            w.pow(2).sum().backward()
            if turn % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    assert told[:4] == ["step", "step", "step", "rest"]
    assert report.findings == ()


@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_a_watcher_switches_off_that_one_alone(monkeypatch, hook):
    calls = []

    def planted(_self, *_facts):
        calls.append(hook)
        raise ZeroDivisionError("planted")

    kind = type("Broken", (Watcher,), {hook: planted, "what": "the broken part"})
    numbers, report = watched_with(monkeypatch, kind)
    assert numbers == train()
    assert calls == [hook], "called once, and never again"
    (error,) = report.errors
    assert "the broken part is no longer watched: ZeroDivisionError: planted" in error.message


def test_an_error_in_a_watcher_leaves_the_findings_of_the_others(monkeypatch):
    class Broken(Watcher):
        def left(self, _call):
            raise KeyError

    monkeypatch.setattr(guard_module, "all_watchers", lambda: (Broken, *all_watchers()))
    with gradguard.watch() as report:
        w = torch.ones(2, requires_grad=True)
        for _ in range(3):
            loss = w.pow(2).sum()
            loss.backward()
            w.data -= 0.1 * w.grad
    assert [finding.rule for finding in report.findings] == ["missing-zero-grad"]
    assert len(report.errors) == 1
