"""All of torch's namespaces are as they were, whatever happens under a watch; and what users do there works as ever."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import types
import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

import gradguard

KINDS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.GetSetDescriptorType,
    property,
    classmethod,
    staticmethod,
)


def patchable():
    """Every function and property in the modules and classes of torch, and what is special in the standard library."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "torch" or not isinstance(module, types.ModuleType):
            continue
        for key, value in list(vars(module).items()):
            if type(value) in KINDS:
                found[name, key] = value
            elif issubclass(type(value), type) and value.__module__ == name:
                members = vars(value).items()
                found.update({(name, key, part): member for part, member in members if type(member) in KINDS})
    for key, member in vars(torch._C.TensorBase).items():
        found["TensorBase", key] = member
    found["hooks"] = sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile()
    found["warnings"] = warnings.showwarning, warnings.warn, list(warnings.filters)
    return found


def changed(before):
    after = patchable()
    return {key for key, value in before.items() if after.get(key) is not value and after.get(key) != value}


def train(steps=4):
    """A step with everything that a watch looks at: clipping, a scaler, a schedule, writes through `.data`."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.randn(16, 4)).pow(2).mean()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = clip_grad_norm_(model.parameters(), 0.5)
        clip_grad_value_(model.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        with torch.no_grad():
            model[0].bias.data.clamp_(-0.2, 0.2)
        losses += [loss.item(), norm.item(), schedule.get_last_lr()[0], scaler.get_scale()]
    return losses, [p.detach().clone() for p in model.parameters()]


@pytest.fixture(autouse=True)
def settled():
    """An optimizer's class gets its `step` wrapped by torch itself when the first one is made."""
    train(1)
    torch.optim.SGD([torch.ones(1)], lr=0.1)


def test_the_whole_of_torch_is_as_it_was():
    before = patchable()
    with gradguard.watch():
        assert {("torch.autograd", "_engine_run_backward"), ("TensorBase", "data")} & changed(before)
        train()
        with gradguard.watch(), gradguard.watch():
            train()
    assert changed(before) == set()


class Mine(Exception):
    pass


def raised_in_a_hook():
    w = torch.ones(3, requires_grad=True)
    w.register_hook(raised)
    (w * 2).sum().backward()


def raised_in_a_closure():
    w = torch.ones(3, requires_grad=True)
    torch.optim.SGD([w], lr=0.1).step(raised)


def raised_in_a_custom_backward():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(_ctx, x):
            return 2 * x

        @staticmethod
        def backward(_ctx, *slopes):
            raised(*slopes)

    Double.apply(torch.ones(3, requires_grad=True)).sum().backward()


def raised_while_a_scaler_steps():
    w = torch.ones(3, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([w], lr=0.1), torch.amp.GradScaler("cpu")
    scaler.scale((w * 2).sum()).backward()
    scaler.step(optimizer, raised)


def raised(*_):
    raise ERROR


ERROR = Mine("mine")


@pytest.mark.parametrize(
    "action", [raised, raised_in_a_hook, raised_in_a_closure, raised_in_a_custom_backward, raised_while_a_scaler_steps]
)
@pytest.mark.parametrize("kind", [Mine, KeyboardInterrupt, SystemExit])
def test_an_exception_passes_unchanged_and_undoes_everything(monkeypatch, action, kind):
    error = kind("mine")
    monkeypatch.setitem(globals(), "ERROR", error)
    before = patchable()
    with pytest.raises(kind) as caught, gradguard.watch() as outer, gradguard.watch() as inner:
        action()
    assert caught.value is error
    assert error.args == ("mine",)
    assert error.__cause__ is None
    assert getattr(error, "__notes__", []) == []
    assert outer.errors == inner.errors == []
    assert changed(before) == set()


def test_an_exception_that_only_the_inner_watch_sees():
    before = patchable()
    with gradguard.watch() as outer:
        for _ in range(2):
            with pytest.raises(Mine), gradguard.watch():
                raised_in_a_hook()
        train(2)
    assert outer.errors == []
    assert outer.findings == ()
    assert changed(before) == set()


def test_the_numbers_are_bitwise_the_same():
    losses, weights = train(40)
    with gradguard.watch() as report:
        watched_losses, watched_weights = train(40)
    assert losses == watched_losses
    assert all(torch.equal(one, other) for one, other in zip(weights, watched_weights, strict=True))
    assert report.errors == []
    assert report.findings == ()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, at the first hessian
def test_functional_transforms():
    torch.manual_seed(0)
    model, x = nn.Linear(3, 2), torch.randn(5, 3)
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss(weights, row):
        return functional_call(model, weights, (row,)).pow(2).sum()

    def everything():
        for_each = vmap(grad(loss), in_dims=(None, 0))(weights, x)
        slopes = jacrev(lambda rows: model(rows).sin())(x)
        second = torch.func.hessian(lambda row: model(row).exp().sum())(x[0])
        return [*for_each.values(), slopes, second]

    plain = everything()
    with gradguard.watch() as report:
        watched = everything()
    assert all(torch.equal(one, other) for one, other in zip(plain, watched, strict=True))
    assert report.errors == []
    assert report.findings == ()


def test_copies_of_what_trains():
    """A model with its optimizer, schedule and scaler is copied, pickled and saved, and the copy goes on training."""
    with gradguard.watch() as report:
        model = nn.Linear(3, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        state = {"model": model, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(model(torch.ones(2, 3)).mean()).backward()
            scaler.step(optimizer)
            scaler.update()
            schedule.step()
            file = io.BytesIO()
            torch.save(state, file)
            file.seek(0)
            loaded = torch.load(file, weights_only=False)
            state = copy.deepcopy(pickle.loads(pickle.dumps(loaded)))
            model, optimizer, schedule, scaler = state.values()
    assert report.errors == []
    assert report.findings == ()


def test_filters_that_the_user_sets_stay():
    w = torch.ones(3, requires_grad=True)
    with warnings.catch_warnings():
        with gradguard.watch():
            warnings.filterwarnings("ignore", message="mine")
            (w * 2).sum().backward()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(UserWarning, match="not a leaf"):
                    (w * 2).grad  # noqa: B018
            mine = list(warnings.filters)
        assert warnings.filters[0][1].pattern == "mine"
        assert [entry for entry in mine if entry in warnings.filters] == list(warnings.filters)
