"""A watch changes nothing: not the numbers, not torch, not what is kept alive."""

from __future__ import annotations

import copy
import functools
import gc
import io
import pickle
import threading
import warnings
import weakref

import pytest
import torch
from torch import nn
from torch.optim import optimizer as optimizer_module
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import gradguard
from gradguard.runtime import watch as watch_module


def state_of_torch():
    return (
        torch.autograd._engine_run_backward,
        torch.autograd._make_grads,
        torch.optim.Optimizer.__dict__["zero_grad"],
        torch.optim.Optimizer.__dict__["add_param_group"],
        nn.Module.__dict__["zero_grad"],
        dict(optimizer_module._global_optimizer_pre_hooks),
        dict(optimizer_module._global_optimizer_post_hooks),
        warnings.showwarning,
        list(warnings.filters),
    )


def train(steps=6, clear=True):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(steps):
        if clear:
            optimizer.zero_grad()
        loss = model(torch.randn(16, 4)).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("clear", [True, False])
def test_the_numbers_are_bitwise_the_same(clear):
    losses, weights = train(90, clear)
    with gradguard.watch():
        watched_losses, watched_weights = train(90, clear)
    assert losses == watched_losses
    assert all(torch.equal(one, other) for one, other in zip(weights, watched_weights, strict=True))


def test_every_patch_is_undone():
    before = state_of_torch()
    with gradguard.watch():
        assert state_of_torch() != before
        train()
    assert state_of_torch() == before


def test_every_patch_is_undone_after_an_exception():
    before = state_of_torch()
    with pytest.raises(ZeroDivisionError), gradguard.watch():
        train(1 // 0)
    assert state_of_torch() == before


def test_a_patch_of_somebody_else_on_top_survives():
    before = torch.autograd._engine_run_backward
    watch = gradguard.watch()
    with watch:
        ours = torch.autograd._engine_run_backward
        theirs = torch.autograd._engine_run_backward = functools.partial(ours)
    try:
        assert torch.autograd._engine_run_backward is theirs
        train()
    finally:
        torch.autograd._engine_run_backward = before


def test_watches_nest_and_each_has_its_own_report():
    before = state_of_torch()
    with gradguard.watch() as outer:
        with gradguard.watch() as inner:
            train(clear=False)
        with gradguard.watch(ignore=["GG101"]) as ignoring, gradguard.watch() as second:
            train(clear=False)
    assert state_of_torch() == before
    assert [finding.rule for finding in inner.findings] == ["missing-zero-grad"]
    assert [finding.rule for finding in second.findings] == ["missing-zero-grad"]
    assert ignoring.findings == ()
    (finding,) = outer.findings
    assert finding.notes[-1].message == "seen 10 times in this run"


def test_a_watch_alone_knows_and_tells_nothing_of_what_is_around_it():
    before = state_of_torch()
    with gradguard.watch() as outer:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step():
            model(torch.ones(2, 4)).mean().backward()
            optimizer.step()

        step()
        with watch_module.Watch(alone=True) as inner:
            step()
        assert inner.findings == (), "for all it knows, the gradient was used by nobody"
        with watch_module.Watch(alone=True) as inner, gradguard.watch() as joined:
            step()
            step()
        assert [finding.rule for finding in inner.findings] == ["missing-zero-grad"]
        assert joined.findings == inner.findings
        assert outer.findings == (), "it has not seen these steps"
        step()
        assert outer.findings == (), "nor does it know what happened to the gradients in between"
        step()
        assert [finding.rule for finding in outer.findings] == ["missing-zero-grad"]
    assert state_of_torch() == before


def test_watches_alone_that_do_not_end_in_order():
    before = state_of_torch()
    first, second = watch_module.Watch(), watch_module.Watch(alone=True)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    train(clear=False)
    second.__exit__(None, None, None)
    assert state_of_torch() == before
    assert first.report.findings == ()
    assert [finding.rule for finding in second.report.findings] == ["missing-zero-grad"]


def test_a_watch_that_stays_open_can_be_settled():
    watch = gradguard.watch()
    with watch as report:
        w = torch.ones(3, requires_grad=True)
        for _ in range(2):
            (w * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
            w.data -= 0.1 * w.grad
        assert report.findings == (), "the last update has no backward after it"
        watch.settle()
        assert [finding.rule for finding in report.findings] == ["missing-zero-grad"]
        train(clear=False)
        assert len(report.findings) == 2


def test_nothing_is_kept_alive():
    with gradguard.watch() as report:
        model = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            hidden = model(torch.randn(3, 4))
            loss = hidden.pow(2).mean()
            loss.backward()
            optimizer.step()
        alive = [weakref.ref(thing) for thing in (model, model.weight, model.weight.grad, loss, hidden, optimizer)]
        del model, optimizer, hidden, loss
        gc.collect()
        assert [reference() for reference in alive] == [None] * 6
    assert report.findings


def test_a_failed_backward_keeps_nothing_alive():
    with gradguard.watch():
        w = torch.ones(2, requires_grad=True)
        hidden = w.exp()
        hidden.sum().backward()
        with pytest.raises(RuntimeError, match="second time"):
            hidden.prod().backward()
        alive = weakref.ref(hidden), weakref.ref(w)
        del hidden, w
        gc.collect()
        assert [reference() for reference in alive] == [None, None]


def test_copies_pickles_and_checkpoints_of_models():
    with gradguard.watch() as report:
        model = nn.Linear(2, 2)
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
        twin, optimizer_twin = copy.deepcopy((model, optimizer))
        assert torch.equal(pickle.loads(pickle.dumps(model)).weight, model.weight)
        pickle.loads(pickle.dumps(optimizer)).zero_grad()
        optimizer_twin.zero_grad()
        buffer = io.BytesIO()
        torch.save({"model": model, "optimizer": optimizer.state_dict()}, buffer)
        buffer.seek(0)
        assert torch.equal(torch.load(buffer, weights_only=False)["model"].weight, model.weight)
        assert torch.equal(twin.weight, model.weight)
    assert report.findings == ()
    assert report.errors == []


def test_hooks_of_the_user_and_checkpointing():
    seen = []
    with gradguard.watch() as report:
        model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model[0].weight.register_hook(lambda grad: seen.append(grad.shape))
        model[2].weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.shape))
        for reentrant in (True, False):
            for _ in range(3):
                optimizer.zero_grad()
                x = torch.randn(2, 3, requires_grad=True)
                checkpoint(model, x, use_reentrant=reentrant).sum().backward()
                optimizer.step()
    assert len(seen) == 12
    assert report.findings == ()
    assert report.errors == []


def test_optimizers_that_step_inside_of_the_backward():
    with gradguard.watch() as report:
        model = nn.Linear(3, 2)
        optimizers = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}

        def step(parameter):
            optimizers[parameter].step()
            optimizers[parameter].zero_grad()

        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(step)
        for _ in range(5):
            model(torch.randn(4, 3)).pow(2).mean().backward()
    assert report.findings == ()
    assert report.errors == []


def test_a_second_thread_that_runs_backward():
    with gradguard.watch() as report:
        threads = [threading.Thread(target=train) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        train()
    assert report.findings == ()
    (error,) = report.errors
    assert "a second thread runs backward passes" in error.message


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_of_a_data_loader():
    data = TensorDataset(torch.randn(12, 4))
    with gradguard.watch() as report:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for (x,) in DataLoader(data, batch_size=4, num_workers=1):
            optimizer.zero_grad()
            model(x).mean().backward()
            optimizer.step()
    assert report.findings == ()


def test_double_backward_and_functional_gradients():
    with gradguard.watch() as report:
        w = torch.randn(3, requires_grad=True)
        for _ in range(3):
            (g,) = torch.autograd.grad(w.pow(3).sum(), w, create_graph=True)
            w.grad = None
            g.pow(2).sum().backward()
            torch.func.grad(lambda x: x.pow(2).sum())(w.detach())
            torch.autograd.functional.hessian(lambda x: x.pow(2).sum(), w.detach())
    assert report.findings == ()
    assert report.errors == []


def test_an_error_of_the_guards_own_is_told_once_and_training_goes_on(monkeypatch):
    plain = train(20, clear=False)
    with gradguard.watch() as report:
        gradients = watch_module._open[-1][0].watchers[0].gradients

        def planted(*_args):
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(gradients, "step", planted)
        watched = train(20, clear=False)
        with pytest.raises(RuntimeError, match="scalar"):
            torch.ones(2, requires_grad=True).exp().backward()
    assert plain[0] == watched[0]
    (error,) = report.errors
    assert "ZeroDivisionError: planted" in error.message
    assert [finding.rule for finding in report.findings] == ["non-scalar-backward"], "the other rules go on"


def test_an_error_of_one_rule_leaves_the_others(monkeypatch):
    with gradguard.watch() as report:
        guard = watch_module._open[-1][0]
        broken = next(rule for rule in guard.rules if rule.name == "zero-grad-before-step")

        def planted(_event, _ledger):
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(guard, "rules", list(guard.rules))
        for kind in broken.detect:
            monkeypatch.setitem(broken.detect, kind, planted)
        train(clear=False)
    assert [finding.rule for finding in report.findings] == ["missing-zero-grad"]
    (error,) = report.errors
    assert "zero-grad-before-step" in error.message


def test_what_torch_lacks_is_told(monkeypatch):
    monkeypatch.delattr(torch.autograd, "_make_grads")
    with gradguard.watch() as report:
        pass
    (error,) = report.errors
    assert "not watched" in error.message


def test_compiled_steps_stay_whole():
    dynamo = pytest.importorskip("torch._dynamo")
    counters = pytest.importorskip("torch._dynamo.utils").counters

    def compiled():
        dynamo.reset()
        counters.clear()
        torch.manual_seed(0)
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        @functools.partial(torch.compile, backend="aot_eager")
        def step(x):
            optimizer.zero_grad()
            loss = model(x).pow(2).mean()
            loss.backward()
            optimizer.step()
            return loss

        losses = [step(torch.ones(3, 4) * turn).item() for turn in range(3)]
        return losses, counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses, graphs, breaks = compiled()
        with gradguard.watch() as report:
            watched_losses, watched_graphs, watched_breaks = compiled()
    assert watched_losses == losses
    assert watched_graphs <= graphs
    assert watched_breaks <= breaks
    assert report.findings == ()
    assert report.errors == []
