"""Calls of code that cannot be seen: what comes back, and what may have happened to the gradients it could reach."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import modules, optimizers, ownership, tensors
from gradguard.static.values import (
    Arguments,
    Bound,
    Function,
    Instance,
    Module,
    Opaque,
    Optimizer,
    Owner,
    Parameters,
    Partial,
    Tensor,
    Value,
    walk,
)
from gradguard.static.words import Words

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["unknown_call"]

# Functions that take an optimizer and leave its gradients alone.
_HARMLESS = Words(
    r"sched|lr|learning_rate|warmup|anneal|decay|checkpoint|ckpt|save|load|state|log|print|summary|watch|info|repr|ema|"
    r"unscale|prepare|setup|init|wrap|scaler|SWA|isinstance|type|len|id|hasattr|getattr|vars|count|num_|size|metric|meter|"
    r"track|record|write|plot|show|display|eval|valid|test|predict|sample|format|describe|debug|barrier|seed|clip|norm|"
    r"join|add_scalar|add_hparams|tqdm|set_postfix|early_stop|stopper|distribut|parallel|compile|register|Averaged",
    re.IGNORECASE,
)
_LOOKS_ONLY = Words(
    r"print|log|save|state_dict|clip|norm|summary|isinstance|len|repr|format|shape|size|sched|lr", re.IGNORECASE
)
# Functions that take a model and may well train it or clear its gradients.
_HANDLES_GRADIENTS = Words(r"zero|clear|reset|optim|step|update|train|fit|backward|learn|closure|grad", re.IGNORECASE)
_COPIES_ONLY = Words(
    r"ema|target|soft|hard|sync|copy|moving|average|polyak|noise|(^|_)lr(_|$)|learning_rate|training_mode|schedul|"
    r"checkpointing|penalty|norm|clip|require|freeze|enable|toggle",
    re.IGNORECASE,
)

# Objects that keep books on a training and take no part in it: `meter.update(loss)`, `tracker.reset()`.
_BOOKKEEPER = Words(
    r"mean$|avg|average|metric|meter|accurac|stats?$|statistic|track|monitor|log|record|progress|hist|timer|tqdm|(^|_)loss(es)?$|"
    r"running|board|writer|summary",
    re.IGNORECASE,
)
_KEEPS_BOOKS = frozenset({"update", "reset", "add", "append", "push", "accumulate", "collect", "compute"})


def unknown_call(
    it: Interpreter,
    name: str,
    arguments: Arguments,
    node: cst.CSTNode,
    *,
    receiver: Value | None = None,
    library: bool = False,
) -> Value:
    """The result of a call of unseen code; its arguments (and its receiver) escape into it."""
    given = list(walk(arguments.all()))
    tensors.look(it, given, node)
    for value in (*given, receiver):
        modules.scrub(value)
    ownership.lose(given)
    note_elsewhere(it, name, given)
    it.trace.retaining.expose(given)
    if it.trace.retaining.passes and any(isinstance(value, (Module, Instance, Parameters)) for value in given):
        it.trace.retaining.unseen = it.trace.retaining.unseen or not _LOOKS_ONLY.search(name)
    _escape(it, name, given, receiver, library=library)
    everything = given if receiver is None else [*given, receiver]
    reach = tensors.reach_of(v for v in everything if not isinstance(v, Instance) or v.is_module)
    return Opaque(name, refs=tuple(everything), reach=reach, called=name)


def note_elsewhere(it: Interpreter, name: str, given: list[Value]) -> None:
    """Parameters that unseen code gets may from now on be reached in ways that cannot be seen."""
    if _LOOKS_ONLY.search(name):
        return
    for value in given:
        if isinstance(value, (Tensor, Module, Instance, Parameters, Opaque)):
            it.trace.elsewhere |= it.trace.cells(tensors.reach_of([value]))
        for optimizer in optimizers.held_optimizers(it, value, 1):
            it.trace.elsewhere |= it.trace.cells(optimizer.owners)


def _escape(it: Interpreter, name: str, given: list[Value], receiver: Value | None, *, library: bool) -> None:
    if runs_our_code(given):
        it.trace.haunted = True
    if it.trace.haunted:
        # A function of ours that handles gradients is known to unseen code, which may call it at any time.
        it.trace.escape_all()
        return
    if name in _KEEPS_BOOKS and isinstance(receiver, Opaque) and _keeps_books(receiver):
        return
    copies = _COPIES_ONLY.search(name)
    handles = handles_gradients(name)
    harmless = (copies or _HARMLESS.search(name)) and not handles
    stepping: list[Optimizer] = []
    owners: list[Owner] = []
    for value in given:
        if isinstance(value, Opaque) and optimizers.looks_like_optimizer(it, value) and not harmless:
            optimizers.optimizer_of(it, value)
        if not harmless:
            stepping.extend(optimizers.held_optimizers(it, value))
        if handles and isinstance(value, (Module, Instance, Opaque)):
            if not isinstance(value, Opaque) or value.parameters:
                owners.append(value)
        if handles and tensors.in_graph(value) and not isinstance(value, Module):
            it.trace.escape_all()
            return
    if isinstance(receiver, Instance) and not harmless:
        # A method of a base class that cannot be seen: it has the whole object in its hands.
        stepping.extend(optimizers.held_optimizers(it, receiver))
        owners.append(receiver)
    elif isinstance(receiver, Opaque) and not harmless:
        stepping.extend(optimizers.held_optimizers(it, receiver, 1))
        for ref in receiver.refs:
            if isinstance(ref, (Instance, Optimizer)):
                stepping.extend(optimizers.held_optimizers(it, ref))
            elif handles and isinstance(ref, Module):
                owners.append(ref)
        if handles and receiver.parameters:
            owners.append(receiver)
    if not harmless:
        holders = [v for v in given if isinstance(v, (Module, Instance)) or (isinstance(v, Opaque) and v.parameters)]
        it.trace.may_add(holders, loose=not library)
    if stepping or owners:
        held = [owner for optimizer in stepping for owner in optimizer.owners]
        it.trace.escape([*owners, *held], stepping)


def handles_gradients(name: str) -> bool:
    """Whether a function is called as if it trained something or cleared gradients."""
    return _HANDLES_GRADIENTS.search(name) and not _COPIES_ONLY.search(name)


def _keeps_books(receiver: Opaque) -> bool:
    """Whether an object is called so, or was made by a class that is called so."""
    return any(_BOOKKEEPER.search(name) for name in (receiver.called, receiver.hint, receiver.bound) if name)


def runs_our_code(given: list[Value]) -> bool:
    """Whether a function that handles gradients is handed over, to be called from there."""
    for value in given:
        function = value.function if isinstance(value, (Bound, Partial)) else value
        if isinstance(function, Function) and function.file.index.is_hot(function.node):
            return True
    return False
