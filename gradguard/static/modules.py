"""Applying modules, known and unknown, with their hooks and their submodules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import backprop, calls, conditions, cuts, escape, inplace, library, optimizers, shapes, tensors
from gradguard.static.shapes import UNKNOWN, Size
from gradguard.static.values import (
    MADE,
    Arguments,
    Bound,
    Cut,
    Instance,
    Module,
    Op,
    Opaque,
    Optimizer,
    Seq,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter


def submodules(module: Module | Instance, how: str) -> Value:
    """`module.modules()` and its kin: the submodules that are known."""
    found: list[Value] = [] if "children" in how else [module]
    descend(module, found, 0 if "children" in how else 6)
    if how.startswith("named"):
        return Seq([Seq([Opaque("name"), child], kind="tuple") for child in found], exact=False)
    return Seq(found, exact=False)


def descend(module: Module | Instance, found: list[Value], depth: int) -> None:
    children = (
        [*module.children, *module.attributes.values()] if isinstance(module, Module) else module.attributes.values()
    )
    for child in walk(children):
        if isinstance(child, (Module, Instance)) and child not in found and len(found) < 24:
            found.append(child)
            if depth:
                descend(child, found, depth - 1)


def add_hook(it: Interpreter, module: Module | Instance, name: str, arguments: Arguments) -> Value:
    """`module.register_forward_hook(function)`."""
    hook = arguments.get(0, "hook")
    if hook is not None and name in ("register_forward_hook", "register_forward_pre_hook"):
        module.hooks.append((name, hook))
    elif hook is not None and escape.runs_our_code([hook]):
        it.trace.backward_hooked = True
    return Opaque("handle")


def scrub(value: Value | None, depth: int = 3) -> None:
    """Forget the tensors that an object carries from call to call: unseen code may have reset them."""
    if isinstance(value, Instance):
        for name, held in value.attributes.items():
            if isinstance(held, Tensor) and held.op is not None:
                value.attributes[name] = Opaque(name)
            elif isinstance(held, (Instance, Module)) and depth:
                scrub(held, depth - 1)
    elif isinstance(value, Module):
        for child in value.children:
            if isinstance(child, (Instance, Module)) and depth:
                scrub(child, depth - 1)


def call_instance(it: Interpreter, instance: Instance, arguments: Arguments, node: cst.CSTNode) -> Value:
    for name in ("__call__", "forward"):
        found = instance.cls.lookup(name)
        if found is not None:
            _before(it, instance, arguments, node)
            result = it.call(Bound(found[0], instance, found[1]), arguments, node)
            _after(it, instance, arguments, result, node)
            return result
    return _apply_unknown_module(it, instance, arguments, node, "the module")


def _before(it: Interpreter, module: Module | Instance, arguments: Arguments, node: cst.CSTNode) -> None:
    for kind, hook in module.hooks:
        if kind == "register_forward_pre_hook":
            it.call(hook, Arguments([module, Seq(list(arguments.positional), kind="tuple")]), node)


def _after(it: Interpreter, module: Module | Instance, arguments: Arguments, result: Value, node: cst.CSTNode) -> None:
    for kind, hook in module.hooks:
        if kind == "register_forward_hook":
            it.call(hook, Arguments([module, Seq(list(arguments.positional), kind="tuple"), result]), node)


def call_module(
    it: Interpreter, module: Module, arguments: Arguments, node: cst.CSTNode, *, within: bool = False
) -> Value:
    """`module(*arguments)` for a module of torch.nn, perhaps `within` a sequence of them."""
    if module.hooks:
        _before(it, module, arguments, node)
        result = _call_module(it, module, arguments, node, within=within)
        _after(it, module, arguments, result, node)
        return result
    return _call_module(it, module, arguments, node, within=within)


def _call_module(it: Interpreter, module: Module, arguments: Arguments, node: cst.CSTNode, *, within: bool) -> Value:
    if module.kind == "Sequential" and module.children:
        value: Value = arguments.positional[0] if arguments.positional else Opaque()
        for child in module.children:
            if isinstance(child, Module):
                value = call_module(it, child, Arguments([value]), node, within=True)
            else:
                value = calls.call(it, child, Arguments([value]), node)
        return value
    config = [tensors.argument(v) for v in module.config]
    words = {key: tensors.argument(v) for key, v in module.keywords.items()}
    try:
        size = shapes.module(module.kind, config, words, [tensors.argument(v) for v in arguments.positional])
    except (TypeError, ValueError, IndexError, KeyError, AttributeError):
        size = UNKNOWN
    trains = module.has_parameters and not module.frozen
    inputs = list(arguments.positional)
    label = f"nn.{module.kind}"
    changes = inplace.of_module(module)
    if changes and inputs:
        name = "" if within else inplace.first_argument(node)
        layer = module.made_at if within else None
        inplace.note_write(it, inputs[0], node, f"{label}(inplace=True)", name=name, layer=layer)
    result = tensors.apply(
        it,
        module.kind,
        inputs,
        arguments.keywords,
        node,
        label,
        size=size if isinstance(size, Size) else UNKNOWN,
        module=module if trains else None,
        saver=module,
        saves=module.kind not in ("Identity", "Flatten", "Unflatten"),
        frozen=it.trace.frozen_at.get(module.ident) if module.has_parameters and module.frozen else MADE,
    )
    if isinstance(result, Tensor) and module.frozen is None and result.requires_grad and module.has_parameters:
        result.requires_grad = None
    if changes and inputs and isinstance(result, Tensor):
        inplace.share(it, result, inputs[0])
        inplace.saved_by_update(it, result.op, module.kind, inputs[0], inputs)
    if module.kind == "Dropout" or not isinstance(result, Tensor):
        return result
    return _states(module.kind, result, size)


def _states(kind: str, result: Tensor, size: object) -> Value:
    """The several results of recurrent and attention modules: all lie in the same graph."""

    def twin() -> Tensor:
        return Tensor(
            requires_grad=result.requires_grad, leaf=result.leaf, op=result.op, reach=result.reach,
            operation=result.operation, made_at=result.made_at, file=result.file, cut=result.cut,
        )  # fmt: skip

    if kind in ("RNN", "GRU", "MultiheadAttention"):
        return Seq([result, twin()], kind="tuple")
    if kind == "LSTM":
        return Seq([result, Seq([twin(), twin()], kind="tuple")], kind="tuple")
    if kind == "LSTMCell":
        return Seq([result, twin()], kind="tuple")
    if isinstance(size, tuple):
        return Seq([twin() for _ in size], kind="tuple")
    return result


def call_unknown(it: Interpreter, function: Opaque, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A call of something unknown: a module, a loss, a scaler that does it all, or any function."""
    given = list(arguments.all())
    name = function.hint or function.attribute
    graph = [value for value in given if tensors.in_graph(value)]
    if (
        library.names_loss(name)
        and graph
        and function.op is None
        and not (function.parent and function.parent.parameters)
    ):
        return _as_tensor_result(it, given, node, name)
    has_optimizer = [value for value in given if optimizers.is_optimizer(it, value)]
    if has_optimizer and graph and "scaler" in name.lower():
        return _scaler_that_steps(it, graph[0], has_optimizer[0], arguments, node)
    if function.parameters or (library.names_module(name) and given and not has_optimizer):
        function.parameters = True
        return _apply_unknown_module(it, function, arguments, node, name or "the module")
    if function.parent is not None and not function.stable:
        return escape.unknown_call(it, name, arguments, node, receiver=function.parent)
    return escape.unknown_call(it, name, arguments, node)


def _as_tensor_result(it: Interpreter, given: list[Value], node: cst.CSTNode, name: str) -> Value:
    return tensors.apply(it, name, given, {}, node, f"{name}()", size=UNKNOWN, saves=True)


def _scaler_that_steps(
    it: Interpreter, loss: Value, optimizer: Value, arguments: Arguments, node: cst.CSTNode
) -> Value:
    """`loss_scaler(loss, optimizer, …)`: backward and step in one call."""
    keeps = backprop.keeps_graph(arguments.get(-1, "retain_graph"), arguments.get(-1, "create_graph"))
    backprop.run_backward(it, [loss], node, name="loss", seeded=None, keeps_graph=keeps, inputs=None)
    update = arguments.get(-1, "update_grad") or arguments.get(-1, "need_update")
    if update is None or conditions.known_truth(update) is not False:
        owner = optimizer if isinstance(optimizer, Optimizer) else optimizers.optimizer_of(it, optimizer)  # type: ignore[arg-type]
        it.trace.step(node, it.file, owner.kind or "optimizer", owner)
    return Opaque("norm")


def _apply_unknown_module(
    it: Interpreter, module: Opaque | Instance, arguments: Arguments, node: cst.CSTNode, name: str
) -> Value:
    given = list(arguments.all())
    tensors.look(it, given, node)
    graph = [v for v in given if tensors.in_graph(v)]
    if any(isinstance(v, Instance) for v in walk(given)):
        # It may leave results in an object that it is given.
        it.trace.elsewhere |= it.trace.cells(tensors.reach_of(given))
    trains = not module.frozen and it.grad_enabled is not False
    if it.grad_enabled is False and it.mode_site is not None:
        file, place, what = it.mode_site
        lost = not module.frozen or cuts.surely_trains(given)
        cut = Cut("mode", place, file, what, lost, tensors.reach_of([*given, module]))
        return Opaque("output", detached=True, cut=cut)
    if module.frozen and not graph:
        return Opaque("output", detached=True)
    # What such a module does with a second input (a hidden state, say) is not known: it may well detach it.
    first = graph[0] if graph else None
    parents = (first.op,) if isinstance(first, (Tensor, Opaque)) and first.op is not None and first is given[0] else ()
    op = Op(name, node, it.file, True, parents, (module,) if trains else (), module)
    if trains:
        inplace.save_unknown_module(it, op, module)
    reach = tensors.reach_of(graph) | (frozenset((module,)) if trains else frozenset())
    return Opaque("output", op=op, reach=reach, refs=(), called=name)
