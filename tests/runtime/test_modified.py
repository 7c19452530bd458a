"""Changes in place at run time: the user's errors keep type and message, nothing is left behind, numbers stay."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest
import torch
from torch import nn

from gradguard.runtime.watch import watch
from gradguard.runtime.watchers.packing import returns_input


def test_torchs_error_keeps_type_and_message_and_gets_a_note():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError) as plain:
        w -= 1
    with pytest.raises(RuntimeError) as caught, watch():
        w -= 1
    assert str(caught.value) == str(plain.value)
    (note,) = caught.value.__notes__
    assert "GG501 inplace-on-leaf" in note
    assert "torch.no_grad()" in note


def test_the_note_of_a_failed_backward_names_both_lines():
    x = torch.ones(2, requires_grad=True)

    def train():
        y = torch.sigmoid(x)
        y += 1
        y.sum().backward()

    with watch() as report, pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        train()
    (finding,) = report.findings
    assert finding.code == "GG502"
    assert "`y`" in finding.message
    assert "`sigmoid`" in finding.message
    assert "GG502" in caught.value.__notes__[0]
    lines = [note.location.line for note in finding.notes]
    assert lines[0] == finding.location.line - 1
    assert lines[-1] == finding.location.line + 1


def test_a_step_names_the_parameter_and_the_optimizer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = model(torch.rand(4, 2)).sum()
    with watch() as report:
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError):
            loss.backward()
    (finding,) = report.findings
    assert finding.code == "GG503"
    assert "`optimizer.step()`" in finding.message
    assert "`2.weight`" in finding.message


def test_the_diagnosis_keeps_nothing_alive():
    x = torch.ones(2, requires_grad=True)
    with watch():
        y = torch.exp(x)
        y *= 2
        with pytest.raises(RuntimeError):
            y.sum().backward()
        kept = weakref.ref(y)
        del y
        gc.collect()
        assert kept() is None


def test_data_is_put_back():
    inner = vars(torch._C.TensorBase)["data"]
    w = torch.ones(2, requires_grad=True)
    with watch():
        w.data -= 1
        assert "data" in vars(torch.Tensor)
        w.data[0] = 5
        assert w.tolist() == [5, 0]
        assert w.data.grad_fn is None
    assert "data" not in vars(torch.Tensor)
    assert torch.Tensor.data is inner


def test_changes_through_data_keep_no_tensor_alive():
    with watch():
        w = torch.ones(2, requires_grad=True)
        w.data.mul_(2)
        kept = weakref.ref(w)
        del w
        gc.collect()
        assert kept() is None


def test_the_same_numbers_with_and_without():
    def run():
        torch.manual_seed(0)
        w = torch.rand(3, requires_grad=True)
        for _ in range(40):
            loss = (w * torch.rand(3) - 1).pow(2).sum()
            loss.backward()
            w.data -= 0.1 * w.grad
            w.data[w.data > 2] = 2
            w.grad.data.zero_()
        return w.detach().clone()

    plain = run()
    with watch() as report:
        watched = run()
    assert torch.equal(plain, watched)
    assert report.findings == ()


def test_a_change_that_autograd_sees_is_not_called_hidden():
    w = torch.ones(3, requires_grad=True)
    with watch() as report:
        for _ in range(3):
            loss = (w * w).sum()
            assert w.data.sum() != 7
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
                w.data.clamp_(-1, 1)
            w.grad = None
    assert report.findings == ()


def test_nan_is_no_change():
    with watch() as report:
        w = torch.tensor([float("nan"), 1.0], requires_grad=True)
        for _ in range(2):
            loss = (w * w).sum()
            w.data[1] = 1.0
            loss.backward()
            w.grad = None
    assert report.findings == ()


def test_compiled_code_may_use_data():
    torch._dynamo.reset()

    def double(x):
        x.data.mul_(2)
        return x * 2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = torch.compile(double, backend="eager", fullgraph=True)(torch.ones(2))
        torch._dynamo.reset()
        with watch() as report:
            w = torch.ones(1, requires_grad=True)
            w.data.mul_(1)
            (w * 1).sum().backward()
            compiled = torch.compile(double, backend="eager", fullgraph=True)
            watched = compiled(torch.ones(2))
        again = compiled(torch.ones(2))
    assert torch.equal(plain, watched)
    assert torch.equal(plain, again)
    assert report.errors == []


def test_the_first_operation_is_named_and_only_if_asked_for(watched):
    program = """
        x = torch.tensor([0.0, 1.0], requires_grad=True)
        safe = torch.where(x > 0, x.log(), torch.zeros(2))
        loss = (safe * 2).sum()
        loss.backward()  # <- here
        print(x.grad)
    """
    assert watched(program) == set()
    assert watched(program, select=["GG701"]) == {"nonfinite-gradient"}
    assert not watched.elsewhere
    (finding,) = watched.report.findings
    assert "first nan in the backward of `log`" in finding.message
    assert [note.location.line for note in finding.notes] == [4]


def test_finite_gradients_are_left_alone(watched):
    program = """
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.rand(2, 3)).pow(2).mean().backward()
            optimizer.step()
    """
    assert watched(program, select=["GG701"]) == set()


def test_what_hands_back_its_input():
    def plain(value):
        return value

    def documented(value):
        """Nothing is done."""
        return value

    assert returns_input(plain)
    assert returns_input(documented)
    assert returns_input(lambda t: t)
    assert not returns_input(lambda t: t.clone())
    assert not returns_input(torch.clone)
    assert not returns_input(lambda t: (t,))
