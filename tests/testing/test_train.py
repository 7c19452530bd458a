"""`assert_trains` names each parameter that does not train, and why; it changes nothing."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import torch
from torch import nn

from gradguard.testing import DoesNotTrain, assert_trains

X, Y = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.ones(8, 1)
mse = nn.functional.mse_loss


class Network(nn.Module):
    """Encoder and head; what happens between them is the point of each test."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.between(torch.tanh(self.encoder(x))))

    def between(self, hidden):
        return hidden


def reasons(model, batch=(X, Y), loss=mse, **options):
    with pytest.raises(DoesNotTrain) as info:
        assert_trains(model, batch, loss, **options)
    assert all(name in str(info.value) for name in info.value.reasons)
    return info.value.reasons


def line_of(function, text):
    """Where the text stands in the function, as a failure message shows it."""
    import inspect

    lines, first = inspect.getsourcelines(function)
    (number,) = [first + index for index, line in enumerate(lines) if text in line]
    return f"test_train.py:{number}: `"


# --- what trains ----------------------------------------------------------------------------------------------------


def test_a_network_trains():
    assert_trains(Network(), (X, Y), mse)


def test_a_list_is_a_pair_as_well():
    assert_trains(Network(), [X, Y], mse)


def test_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(3, 1), nn.Linear(3, 1)

        def forward(self, left, right):
            return self.left(left) + self.right(right)

    assert_trains(Two(), ((X, X), Y), mse)
    assert_trains(Two(), ({"left": X, "right": X}, Y), mse)


def test_any_other_batch_is_the_business_of_the_loss():
    assert_trains(Network(), X, lambda model, x: (model(x) ** 2).mean())
    assert_trains(Network(), {"x": X, "y": Y}, lambda model, batch: mse(model(batch["x"]), batch["y"]))


def test_frozen_parameters_are_left_alone_by_default():
    model = Network()
    model.encoder.requires_grad_(False)
    assert_trains(model, (X, Y), mse)
    assert_trains(model, (X, Y), mse, frozen=["encoder"])


def test_frozen_by_detach():
    class Detached(Network):
        def between(self, hidden):
            return hidden.detach()

    assert_trains(Detached(), (X, Y), mse, frozen=["encoder"])


def test_a_detach_beside_the_path_to_the_loss():
    class Logging(Network):
        def between(self, hidden):
            self.seen = hidden.detach().mean().item()
            return hidden

    assert_trains(Logging(), (X, Y), mse)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        torch.optim.AdamW,
        torch.optim.LBFGS,
        torch.optim.Rprop,
    ],
)
def test_the_optimizer_is_tested_as_well(make):
    model = Network()
    assert_trains(model, (X, Y), mse, optimizer=make(model.parameters()))


def test_tied_weights_batch_norm_dropout_and_recurrent_layers():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.2), nn.Linear(3, 1))
    model[3].weight = nn.Parameter(model[0].weight[:1].detach().clone())
    assert_trains(model, (X, Y), mse)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    assert_trains(Recurrent(), (X.reshape(8, 1, 3).expand(8, 5, 3), Y), mse)


@pytest.mark.parametrize("optimizer", [None, torch.optim.SGD, torch.optim.SparseAdam])
def test_sparse_gradients(optimizer):
    model = nn.Embedding(10, 1, sparse=True)
    chosen = optimizer and optimizer(model.parameters(), lr=0.1)
    assert_trains(model, (torch.arange(8), Y), mse, optimizer=chosen)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types(dtype):
    assert_trains(Network().to(dtype), (X.to(dtype), Y.to(dtype)), mse)


def test_a_parameter_that_is_zero():
    model = Network()
    model.head.scale = nn.Parameter(torch.zeros(()))
    assert_trains(model, (X, Y), lambda output, target: mse(output, target) + model.head.scale)


def test_an_empty_parameter():
    model = Network()
    model.extra = nn.Parameter(torch.zeros(0, 3))
    assert_trains(model, (X, Y), mse)


def test_a_layer_that_starts_at_zero_takes_two_steps():
    class LowRank(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Parameter(torch.ones(3, 2))
            self.up = nn.Parameter(torch.zeros(2, 1))

        def forward(self, x):
            return x @ self.down @ self.up

    assert set(reasons(LowRank())) == {"down"}
    assert "steps=2" in reasons(LowRank())["down"]
    assert_trains(LowRank(), (X, Y), mse, steps=2)


# --- what does not --------------------------------------------------------------------------------------------------


class Detach(Network):
    def between(self, hidden):
        return hidden.detach()


class Data(Network):
    def between(self, hidden):
        return hidden.data


class NoGrad(Network):
    def forward(self, x):
        with torch.no_grad():
            hidden = self.encoder(x)
        return self.head(hidden)


class Copy(Network):
    def between(self, hidden):
        return torch.tensor(hidden.tolist())


class Numpy(Network):
    def between(self, hidden):
        return torch.from_numpy(np.tanh(hidden.detach().numpy()))


class Sign(Network):
    def between(self, hidden):
        return (hidden > 0).float()


class Hard(Network):
    def between(self, hidden):
        return nn.functional.one_hot(hidden.argmax(dim=1), 4).float()


class InPlace(Network):
    def between(self, hidden):
        out = torch.zeros(8, 4)
        out[:, :4] = hidden.detach()
        return out


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (Detach, ".detach()", "`.detach()` cuts it off"),
        (Data, ".data", "`.data` cuts it off"),
        (NoGrad, "self.encoder(x)", "used under `torch.no_grad()`"),
        (Copy, "tolist", "`.tolist()` makes plain numbers of it"),
        (Numpy, ".detach()", "`.detach()` cuts it off"),
        (Sign, "> 0", "`gt` gives truth values"),
        (Hard, "argmax", "`argmax` gives integers"),
        (InPlace, ".detach()", "`.detach()` cuts it off"),
    ],
)
def test_cut_off_at_this_line(kind, text, why):
    found = reasons(kind())
    assert set(found) == {"encoder.weight", "encoder.bias"}
    place = line_of(kind.forward if kind is NoGrad else kind.between, text)
    for reason in found.values():
        assert reason.startswith("not reached: ")
        assert why in reason
        assert place in reason


def test_a_harmless_detach_is_not_blamed():
    class Both(Network):
        def between(self, hidden):
            self.seen = hidden.detach()
            return hidden.data

    assert all("`.data`" in reason for reason in reasons(Both()).values())


def test_not_used():
    model = Network()
    model.spare = nn.Linear(2, 2)
    assert reasons(model) == dict.fromkeys(
        ["spare.weight", "spare.bias"], "not reached: the forward pass does not use it"
    )
    assert_trains(model, (X, Y), mse, ignore=["spare"])


def test_used_but_not_for_the_loss():
    class Auxiliary(Network):
        def __init__(self):
            super().__init__()
            self.other = nn.Linear(4, 2)

        def between(self, hidden):
            self.logits = self.other(hidden)
            return hidden

    found = reasons(Auxiliary())
    assert set(found) == {"other.weight", "other.bias"}
    assert "does not reach the loss" in found["other.weight"]
    assert line_of(Auxiliary.between, "self.other(hidden)") in found["other.weight"]


def test_frozen_though_nothing_should_be():
    model = Network()
    model.head.bias.requires_grad_(False)
    assert "frozen" in reasons(model, frozen=[])["head.bias"]
    assert_trains(model, (X, Y), mse, frozen=["head.bias"])
    assert_trains(model, (X, Y), mse, frozen=["head.b*"])


def test_everything_is_frozen():
    model = Network().requires_grad_(False)
    assert len(reasons(model)) == 4


def test_what_is_meant_to_be_frozen_must_not_move():
    assert "gets a gradient" in reasons(Network(), frozen=["encoder"])["encoder.weight"]


def test_weight_decay_moves_what_is_cut_off():
    model = Detach()
    # A gradient of zeros, which `zero_grad(set_to_none=False)` leaves behind, is enough for weight decay.
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5)

    def loss(output, target):
        for parameter in model.encoder.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return mse(output, target)

    found = reasons(model, loss=loss, optimizer=optimizer, frozen=["encoder"])
    assert "weight decay" in found["encoder.weight"]


def test_not_in_the_optimizer():
    model = Network()
    found = reasons(model, optimizer=torch.optim.SGD(model.head.parameters(), lr=0.1))
    assert set(found) == {"encoder.weight", "encoder.bias"}
    assert all(reason.startswith("not in the optimizer") for reason in found.values())


def test_the_optimizer_of_a_layer_that_was_replaced():
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.head = nn.Linear(4, 1)
    assert set(reasons(model, optimizer=optimizer)) == {"head.weight", "head.bias"}


def test_a_learning_rate_of_zero():
    model = Network()
    groups = [{"params": model.encoder.parameters(), "lr": 0.0}, {"params": model.head.parameters()}]
    found = reasons(model, optimizer=torch.optim.SGD(groups, lr=0.1))
    assert set(found) == {"encoder.weight", "encoder.bias"}
    assert "learning rate in the optimizer is 0" in found["encoder.bias"]


def test_a_step_that_is_too_small():
    model = Network()
    found = reasons(model, optimizer=torch.optim.SGD(model.parameters(), lr=1e-30))
    assert "too small" in found["head.weight"]


def test_a_dead_relu():
    class Dead(Network):
        def between(self, hidden):
            return torch.relu(hidden - 100)

    found = reasons(Dead())
    assert set(found) == {"encoder.weight", "encoder.bias", "head.weight"}
    assert "zero in every element" in found["encoder.weight"]


def test_nan_in_one_gradient():
    class Root(Network):
        def between(self, hidden):
            return hidden + torch.sqrt(hidden * 0)

    found = reasons(Root())
    assert set(found) == {"encoder.weight", "encoder.bias"}
    assert "nan in 12 of 12 elements" in found["encoder.weight"]


def test_a_loss_that_is_nan():
    with pytest.raises(DoesNotTrain, match="the loss is nan before the first step"):
        assert_trains(Network(), (X * float("nan"), Y), mse)


def test_a_loss_with_a_shape():
    with pytest.raises(DoesNotTrain, match=r"shape \(8, 1\): reduce it to one number"):
        assert_trains(Network(), (X, Y), nn.MSELoss(reduction="none"))


def number(output, target):
    return mse(output, target).item()


def test_a_loss_that_is_a_number():
    with pytest.raises(DoesNotTrain, match="no tensor") as info:
        assert_trains(Network(), (X, Y), number)
    assert "`.item()` makes plain numbers" in info.value.reasons["head.weight"]
    assert line_of(number, ".item()") in info.value.reasons["head.weight"]


def accuracy(output, target):
    return (output.argmax(dim=1) == target[:, 0]).float().mean()


def test_a_loss_without_a_gradient():
    with pytest.raises(DoesNotTrain, match="no parameter is reached") as info:
        assert_trains(Network(), (X, Y), accuracy)
    assert "`argmax` gives integers" in info.value.reasons["encoder.bias"]


def test_layers_in_a_plain_list():
    class Listed(Network):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(4, 4)]

        def between(self, hidden):
            return self.layers[0](hidden)

    found = reasons(Listed())
    assert set(found) == {"layers[0].weight", "layers[0].bias"}
    assert "nn.ModuleList" in found["layers[0].weight"]
    model = Listed()
    every = [*model.parameters(), *model.layers[0].parameters()]
    assert_trains(model, (X, Y), mse, optimizer=torch.optim.SGD(every, lr=0.1))


def test_a_model_without_parameters():
    with pytest.raises(DoesNotTrain, match="has no parameters"):
        assert_trains(nn.Tanh(), (X, Y), mse)


def test_a_lazy_layer():
    with pytest.raises(ValueError, match="run the model once"):
        assert_trains(nn.LazyLinear(1), (X, Y), mse)


def test_a_name_that_is_no_parameter():
    with pytest.raises(ValueError, match="no parameter is called so"):
        assert_trains(Network(), (X, Y), mse, frozen=["encodr"])
    with pytest.raises(TypeError, match="a list of names"):
        assert_trains(Network(), (X, Y), mse, frozen="encoder")


def test_the_users_own_error_comes_through():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        assert_trains(Network(), (X[:, :2], Y), mse)


def test_the_exception_can_be_pickled():
    with pytest.raises(DoesNotTrain) as info:
        assert_trains(Detach(), (X, Y), mse)
    again = pickle.loads(pickle.dumps(info.value))
    assert str(again) == str(info.value)
    assert again.reasons == info.value.reasons


# --- nothing is changed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Network, Detach])
def test_everything_is_as_it_was(kind):
    model = nn.Sequential(kind(), nn.BatchNorm1d(1), nn.Dropout(0.5))
    model[0].calls = 0
    model[0].head.bias.requires_grad_(False)
    model[2].eval()
    optimizer = torch.optim.Adam(model.parameters())
    model(X).sum().backward()
    optimizer.step()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = {name: p.grad for name, p in model.named_parameters()}
    values = {name: None if grad is None else grad.clone() for name, grad in gradients.items()}
    moments = {key: {name: value.clone() for name, value in entry.items()} for key, entry in optimizer.state.items()}
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)

    def loss(model, batch):
        model[0].calls += 1
        model[0].hidden = model(X)
        random.random()
        np.random.rand()
        return (model[0].hidden ** 2).mean()

    try:
        assert_trains(model, X, loss, optimizer=optimizer, steps=2)
    except DoesNotTrain:
        assert kind is Detach
    else:
        assert kind is Network

    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
    assert model[0].calls == 0
    assert not hasattr(model[0], "hidden")
    assert [module.training for module in model] == [True, True, False]
    assert not model[0].head.bias.requires_grad
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name
    for name, parameter in model.named_parameters():
        assert parameter.grad is gradients[name]
        assert parameter.grad is None or torch.equal(parameter.grad, values[name])
    assert len(optimizer.state) == len(moments)
    for key, entry in optimizer.state.items():
        assert all(torch.equal(value, moments[key][name]) for name, value in entry.items())
    assert optimizer.param_groups[0]["params"][0] is model[0].encoder.weight


def test_an_exception_leaves_everything_as_it_was():
    model = Network()
    before = model.encoder.weight.clone()

    def loss(output, target):
        with torch.no_grad():
            model.encoder.weight.add_(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        assert_trains(model, (X, Y), loss)
    assert torch.equal(model.encoder.weight, before)
