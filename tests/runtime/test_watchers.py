"""Watchers: told only what they ask for, and each behind a fence of its own."""

from __future__ import annotations

import pytest
import torch

import gradguard
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

    watched_with(monkeypatch, Resting, steps=guard_module._WARM_UP + 2)
    assert told == ["entering"] * guard_module._WARM_UP + ["rest"], "no call while the guard rests"
    told.clear()
    watched_with(monkeypatch, Resting, steps=400)
    assert told[guard_module._WARM_UP :][:3] == ["rest", "attend", "entering"]
    assert told.count("entering") < 100


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
