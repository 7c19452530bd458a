"""What a training step changes, kept and put back."""

from __future__ import annotations

import contextlib
import copy
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["preserved", "random_state"]

_TABLES = ("_parameters", "_buffers", "_modules")


@contextlib.contextmanager
def random_state() -> Iterator[None]:
    """The random states of torch, Python and numpy are afterwards what they were before."""
    numpy = sys.modules.get("numpy")
    states = random.getstate(), numpy.random.get_state() if numpy is not None else None
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(states[0])
            if numpy is not None:
                numpy.random.set_state(states[1])


@contextlib.contextmanager
def preserved(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> Iterator[None]:
    """The model and the optimizer are afterwards, bit for bit, what they were before.

    That is: values and gradients of parameters, buffers, what is frozen, training or evaluation mode, attributes that
    `forward` binds anew, the optimizer's state. Not: what `forward` changes inside of lists and dicts of its own.
    """
    modules = [(module, dict(vars(module))) for module in model.modules()]
    tables = [(vars(module)[name], dict(vars(module)[name])) for module, _ in modules for name in _TABLES]
    tensors = _tensors(model, optimizer)
    held = [(tensor, tensor.grad, tensor.requires_grad) for tensor in tensors]
    gradients = [grad for _, grad, _ in held if grad is not None]
    values = [(tensor, tensor.detach().clone(), tensor._version) for tensor in (*tensors, *gradients)]
    state = _optimizer_state(optimizer)
    try:
        yield
    finally:
        for module, attributes in modules:
            vars(module).clear()
            vars(module).update(attributes)
        for table, entries in tables:
            table.clear()
            table.update(entries)
        with torch.no_grad():
            for tensor, before, version in values:
                if tensor._version != version or not torch.equal(tensor, before):
                    tensor.copy_(before)
        for tensor, grad, needs in held:
            if tensor.is_leaf:
                tensor.requires_grad_(needs)
                tensor.grad = grad
        if optimizer is not None:
            _put_back(optimizer, *state)


def _tensors(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> list[Tensor]:
    found: dict[int, Tensor] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    for group in optimizer.param_groups if optimizer is not None else ():
        found.update((id(tensor), tensor) for tensor in group["params"])
    return list(found.values())


def _optimizer_state(optimizer: torch.optim.Optimizer | None) -> tuple[dict[Any, Any], list[dict[str, Any]]]:
    if optimizer is None:
        return {}, []
    state = {key: copy.deepcopy(value) for key, value in optimizer.state.items()}
    # The parameters themselves stay the same objects.
    groups = [
        {key: value if key == "params" else copy.deepcopy(value) for key, value in group.items()}
        for group in optimizer.param_groups
    ]
    return state, groups


def _put_back(optimizer: torch.optim.Optimizer, state: dict[Any, Any], groups: Iterable[dict[str, Any]]) -> None:
    optimizer.state.clear()
    optimizer.state.update(state)
    for group, before in zip(optimizer.param_groups, groups, strict=True):
        group.clear()
        group.update(before)
