"""Attributes, items and methods of all that is no tensor: modules, optimizers, instances, containers, unknowns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import (
    backprop,
    calls,
    containers,
    cuts,
    escape,
    library,
    modules,
    optimizers,
    ownership,
    protocol,
    syntax,
    tensors,
)
from gradguard.static.shapes import UNKNOWN, Size
from gradguard.static.values import (
    NONE,
    Arguments,
    Bound,
    Class,
    Const,
    Cut,
    Function,
    Generator,
    Instance,
    Method,
    Module,
    Opaque,
    Optimizer,
    Owner,
    Parameters,
    Seq,
    Stream,
    Super,
    Table,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

_SAME = frozenset(
    "train eval to cuda cpu half float double bfloat16 type share_memory apply compile requires_grad_ xpu mps npu "
    "to_empty ipu module".split()
)
# Attributes of a tensor that are no tensors.
_FACTS = frozenset("shape device dtype ndim layout requires_grad is_cuda".split())
_PARAMETERS = frozenset("parameters named_parameters trainable_parameters".split())
# Methods of engines that hand back what they are given, wrapped.
_HANDS_BACK = frozenset("prepare setup setup_module setup_optimizers unwrap_model initialize wrap configure".split())
# Methods that tensors, arrays and numbers have in common.
_NUMERIC = frozenset("mean sum max min abs long int bool pow sqrt add sub mul div round std var all any".split())
_REPEATABLE = frozenset("optimizers lr_schedulers get_optimizer get_optimizers unwrap".split())


# --- parameters ------------------------------------------------------------------------------------------------------


# --- items -----------------------------------------------------------------------------------------------------------


def element(it: Interpreter, tensor: Tensor, node: cst.CSTNode) -> Value:
    """One row of a tensor that is iterated over; what stands for parameters may as well be a group of them."""
    if tensor.owners and tensor.owners != (tensor,):
        return tensor
    return tensors.index(it, tensor, Const(0), node)


def unknown_item(it: Interpreter, iterable: Value, hint: str) -> Value:
    if isinstance(iterable, Opaque):
        name = hint or (iterable.hint.removesuffix("s"))
        return Opaque(
            name, refs=iterable.refs, op=iterable.op, reach=iterable.reach, attribute=f"in {iterable.hint}",
            cut=iterable.cut, detached=iterable.detached,
        )  # fmt: skip
    return Opaque(hint, refs=(iterable,))


def unpacked(it: Interpreter, value: Value, position: int, hint: str, node: cst.CSTNode) -> Value:
    """One of the values that an unknown value is unpacked to."""
    if isinstance(value, Opaque):
        key = ("unpack", position)
        if value.stable and isinstance(value.memo.get(key), Opaque):
            return value.memo[key]
        made = Opaque(
            hint or value.hint, refs=value.refs, op=value.op, reach=value.reach, stable=value.stable, parent=value,
            attribute=hint, optimizer=value.optimizer, cut=value.cut, detached=value.detached,
        )  # fmt: skip
        value.memo[key] = made
        return made
    if isinstance(value, Seq) and value.items:
        return value.items[min(position, len(value.items) - 1)]
    if isinstance(value, Tensor):
        return tensors.index(it, value, Const(position), node)
    if isinstance(value, Parameters):
        return optimizers.parameter(it, Parameters(value.owners))
    return Opaque(hint, refs=(value,))


def item(it: Interpreter, value: Value, key: Value, node: cst.CSTNode) -> Value:
    """`value[key]` for what is unknown, or an object of the source."""
    if isinstance(value, Instance):
        method = value.cls.lookup("__getitem__")
        if method is not None:
            return it.call(Bound(method[0], value, method[1]), Arguments([key]), node)
        value = unknown_of(value)
    assert isinstance(value, Opaque)
    if isinstance(key, Const):
        try:
            known = value.memo.get(("[]", key.value))
        except TypeError:
            return Opaque(refs=(value,), reach=value.reach, op=value.op)
        if known is None:
            hint = key.value if isinstance(key.value, str) else value.hint
            known = Opaque(
                hint, refs=value.refs, op=value.op, reach=value.reach, parent=value, stable=value.stable,
                attribute="[]", optimizer=value.optimizer, cut=value.cut, detached=value.detached,
            )  # fmt: skip
            value.memo["[]", key.value] = known
        return known
    return Opaque(
        value.hint, refs=value.refs, op=value.op, reach=value.reach, attribute="[]", cut=value.cut,
        detached=value.detached,
    )  # fmt: skip


def consumed(it: Interpreter, value: Value) -> Value:
    """The list of what a generator yields."""
    if isinstance(value, Generator):
        items: list[Value] = []

        def collect(item: Value) -> Value:
            items.append(item)
            return Opaque("sent")

        frames, loops = list(it.frames), list(it.loops)
        try:
            value.run(collect)
        finally:
            it.frames[:], it.loops[:] = frames, loops
        return Seq(items, exact=False)
    return value


def unknown_of(instance: Instance) -> Opaque:
    if instance.unknown is None:
        instance.unknown = Opaque("self", stable=True)
    return instance.unknown


# --- attributes ------------------------------------------------------------------------------------------------------


def attribute(it: Interpreter, value: Value, name: str, node: cst.CSTNode) -> Value:
    """`value.name` for what is no tensor, no library and no file."""
    if isinstance(value, Instance):
        return _instance_attribute(it, value, name, node)
    if isinstance(value, Opaque):
        return _opaque_attribute(it, value, name, node)
    if isinstance(value, Module):
        return _module_attribute(it, value, name)
    if isinstance(value, Class):
        found = value.lookup(name)
        if found is not None:
            if isinstance(found[0], Function) and "classmethod" in found[0].flags:
                return Bound(found[0], value, found[1])
            return found[0]
        return Method(value, name)
    if isinstance(value, Super):
        return _super_attribute(it, value, name)
    if isinstance(value, Optimizer):
        if name in value.attributes:
            return value.attributes[name]
        if name == "param_groups":
            return Seq(
                [Table({"params": Parameters(tuple(value.owners)), "lr": Opaque("lr")}, exact=False)], exact=False
            )
        return Method(value, name)
    if isinstance(value, Const):
        return Opaque(name)
    if isinstance(value, Seq) and value.kind == "tuple" and name in ("values", "indices") and len(value.items) == 2:
        return value.items[name == "indices"]
    return Method(value, name)


def _opaque_attribute(it: Interpreter, value: Opaque, name: str, node: cst.CSTNode) -> Value:
    known = value.memo.get(name)
    if known is not None:
        return known
    if name == "grad" and (value.parameters or value.op is None):
        return _opaque_grad(it, value, node)
    if name == "data":
        if value.op is None:
            return value
        return Opaque(value.hint, detached=True, cut=cuts.made_by(it, "data", node, ".data", [value]))
    if value.op is not None and name in _FACTS:
        return Opaque(name, parent=value, attribute=name, detached=True)
    made = Opaque(name, parent=value, attribute=name, stable=value.stable, op=value.op, reach=value.reach)
    if value.op is None and not value.reach:
        made.refs = ()
    value.memo[name] = made
    return made


def _opaque_grad(it: Interpreter, value: Opaque, node: cst.CSTNode) -> Value:
    if not value.parameters and not (value.stable or value.hint):
        return Opaque("grad")
    value.parameters = True
    return Tensor(
        requires_grad=False, leaf=True, handle=(value,), grad_of=it.trace.generations((value,)),
        name=f"{syntax.text(node.value)}.grad" if type(node) is cst.Attribute else "",
    )  # fmt: skip


def _module_attribute(it: Interpreter, module: Module, name: str) -> Value:
    if name in module.attributes:
        return module.attributes[name]
    if name in module.names:
        return module.children[module.names.index(name)]
    if name in ("weight", "bias") and module.has_parameters and not module.children:
        tensor = Tensor(
            requires_grad=None if module.frozen is None else not module.frozen, leaf=True, owners=(module,), name=name
        )
        module.attributes[name] = tensor
        return tensor
    return Method(module, name)


def _instance_attribute(it: Interpreter, instance: Instance, name: str, node: cst.CSTNode) -> Value:
    if name in instance.attributes:
        return instance.attributes[name]
    found = instance.cls.lookup(name)
    if found is not None:
        value, owner = found
        if isinstance(value, Function):
            if "property" in value.flags:
                return calls.call(it, Bound(value, instance, owner), Arguments(), node)
            if "staticmethod" in value.flags:
                return value
            return Bound(value, instance.cls if "classmethod" in value.flags else instance, owner)
        return value
    if name == "__class__":
        return instance.cls
    if (instance.is_module and name in MODULE_METHODS) or name in ("zero_grad", "step", "backward", "manual_backward"):
        return Method(instance, name)
    if (
        (
            name in ("optimizers", "lr_schedulers", "toggle_optimizer", "untoggle_optimizer", "log", "log_dict")
            or not instance.whole
        )
        and type(node) is cst.Call
        and not (node.args and library.names_module(name))
    ):
        return Method(instance, name)
    return _unknown_attribute(it, instance, name, node)


def _unknown_attribute(it: Interpreter, instance: Instance, name: str, node: cst.CSTNode) -> Value:
    unknown = unknown_of(instance)
    known = unknown.memo.get(name)
    if known is None:
        known = unknown.memo[name] = Opaque(name, parent=unknown, attribute=name, stable=True)
    return known


MODULE_METHODS = (
    _SAME
    | _PARAMETERS
    | frozenset(
        "buffers named_buffers children named_children modules named_modules state_dict load_state_dict add_module "
        "register_buffer register_parameter register_module register_forward_hook register_full_backward_hook "
        "register_backward_hook register_full_backward_pre_hook register_forward_pre_hook "
        "get_parameter get_submodule save_pretrained from_pretrained extra_repr zero_grad _apply".split()
    )
)


def _super_attribute(it: Interpreter, value: Super, name: str) -> Value:
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if isinstance(cls, Class):
        lineage = list(cls.lineage())
        start = lineage.index(value.after) + 1 if value.after in lineage else 1
        for base in lineage[start:]:
            if name in base.attributes:
                return Bound(base.attributes[name], receiver, base)
    return Method(value, name)


# --- methods ---------------------------------------------------------------------------------------------------------


def method(it: Interpreter, value: Value, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`value.name(*arguments)` where no function of the source answers."""
    if isinstance(value, Tensor):
        return tensors.method(it, value, name, arguments, node)
    if isinstance(value, Optimizer):
        return optimizers.optimizer_method(it, value, name, arguments, node)
    if isinstance(value, Module):
        return _module_method(it, value, name, arguments, node)
    if isinstance(value, Instance):
        return _instance_method(it, value, name, arguments, node)
    if isinstance(value, Opaque):
        return _opaque_method(it, value, name, arguments, node)
    if isinstance(value, Seq):
        return containers.seq_method(it, value, name, arguments, node)
    if isinstance(value, Table):
        return containers.table_method(it, value, name, arguments, node)
    if isinstance(value, Super):
        if isinstance(value.receiver, Instance):
            return _instance_method(it, value.receiver, name, arguments, node, inherited=True)
        return Opaque()
    if isinstance(value, Class) and name == "apply":
        return tensors.apply(it, f"{value.name}.apply", list(arguments.positional), arguments.keywords, node)
    if isinstance(value, Class):
        return Opaque(refs=tuple(arguments.all()))
    if isinstance(value, Parameters):
        return Opaque()
    return Opaque(refs=tuple(arguments.all()), reach=tensors.reach_of(arguments.all()))


def _module_method(it: Interpreter, module: Module, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    if name == "zero_grad":
        it.trace.zero_grad(node, it.file, optimizers.receiver_name(node), (module,))
        return NONE
    if name in _PARAMETERS:
        return Parameters((module,), pairs=name.startswith("named"), stream=Stream())
    if name == "requires_grad_":
        tensors.set_requires_grad(it, module, tensors.flag(arguments.get(0, "requires_grad")), node)
        return module
    if name in ("eval", "load_state_dict"):
        ownership.rest(it, module)
    if name in _SAME:
        return module
    if name in ("append", "add_module", "extend", "insert", "register_module"):
        for value in walk(arguments.positional):
            if isinstance(value, (Module, Instance, Opaque)):
                module.children.append(value)
        if name == "add_module" and isinstance(arguments.get(0), Const):
            module.names.append(str(arguments.get(0).value))  # type: ignore[union-attr]
        return module
    if name in ("children", "modules", "named_children", "named_modules"):
        return modules.submodules(module, name)
    if name.endswith("_hook"):
        return modules.add_hook(it, module, name, arguments)
    if name in ("values", "items", "keys") and module.kind == "ModuleDict":
        if name == "items":
            keys = [Const(key) for key in module.names]
            return Seq([Seq([key, child], kind="tuple") for key, child in zip(keys, module.children, strict=False)])
        return Seq(list(module.children)) if name == "values" else Seq([Const(n) for n in module.names])
    if name in ("forward", "__call__"):
        return modules.call_module(it, module, arguments, node)
    return Opaque(name, refs=(module,))


def _instance_method(
    it: Interpreter, instance: Instance, name: str, arguments: Arguments, node: cst.CSTNode, *, inherited: bool = False
) -> Value:
    if inherited and name == "__call__":
        forward = instance.cls.lookup("forward")
        if forward is not None:
            return it.call(Bound(forward[0], instance, forward[1]), arguments, node)
    if instance.is_module:
        if name == "zero_grad":
            it.trace.zero_grad(node, it.file, optimizers.receiver_name(node), (instance,))
            return NONE
        if name in _PARAMETERS:
            return Parameters((instance,), pairs=name.startswith("named"), stream=Stream())
        if name == "requires_grad_":
            tensors.set_requires_grad(it, instance, tensors.flag(arguments.get(0, "requires_grad")), node)
            return instance
        if name in ("eval", "load_state_dict"):
            ownership.rest(it, instance)
        if name in _SAME:
            return instance
        if name in ("register_buffer", "register_parameter", "add_module", "register_module"):
            key, value = arguments.get(0, "name"), arguments.get(1)
            if isinstance(key, Const) and isinstance(key.value, str) and value is not None:
                instance.attributes[key.value] = value
            elif isinstance(value, (Module, Instance, Tensor)):
                instance.attributes[f"registered {value.ident}"] = value
            return NONE
        if name in ("children", "modules", "named_children", "named_modules"):
            return modules.submodules(instance, name)
        if name.endswith("_hook"):
            return modules.add_hook(it, instance, name, arguments)
        if name in ("buffers", "state_dict", "load_state_dict"):
            return Opaque(name, refs=(instance,))
    if name == "manual_backward":
        _wrapped_backward(it, arguments, node)
        return NONE
    if name in (
        "log",
        "log_dict",
        "print",
        "toggle_optimizer",
        "untoggle_optimizer",
        "lr_schedulers",
        "save_hyperparameters",
    ):
        return Opaque(name)
    if name in _REPEATABLE:
        return _repeatable(unknown_of(instance), name)
    if name == "__init__":
        return NONE
    if inherited and instance.whole:
        return _library_forward(instance, arguments) if name == "forward" else NONE
    return escape.unknown_call(it, name, arguments, node, receiver=instance)


def _library_forward(instance: Instance, arguments: Arguments) -> Value:
    """`super().forward(…)` of a class of the library: something computed from its arguments and its own parameters."""
    given = list(arguments.all())
    own: tuple[Owner, ...] = (instance,) if instance.is_module else ()
    return Opaque("output", refs=tuple(given), reach=tensors.reach_of([*given, *own]))


def _repeatable(value: Opaque, name: str) -> Value:
    known = value.memo.get((name, "()"))
    if known is None:
        known = value.memo[name, "()"] = Opaque(
            name, parent=value, attribute=name, stable=True, optimizer=name.startswith(("opt", "get_opt"))
        )
    return known


def _wrapped_backward(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> None:
    """`accelerator.backward(loss)`, `fabric.backward(loss)`, `self.manual_backward(loss)`."""
    loss = arguments.get(0, "loss")
    if loss is None:
        return
    name = ""
    if type(node) is cst.Call and node.args:
        name = syntax.text(node.args[0].value)
    rest = Arguments(arguments.positional[1:], dict(arguments.keywords))
    if isinstance(loss, (Tensor, Opaque)):
        backprop.backward(it, loss, rest, node, name=name)


# --- methods of what is unknown --------------------------------------------------------------------------------------


def _without_graph(it: Interpreter, value: Opaque, name: str, node: cst.CSTNode) -> Value:
    """What a method takes out of the graph: the value, or a fact of it, such as its size."""
    if name in tensors.NUMBERS:
        return Opaque(name, detached=True)
    return Opaque(value.hint, detached=True, cut=cuts.made_by(it, "detach", node, f".{name}()", [value]))


def _opaque_method(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if name in {"backward", "manual_backward"}:
        return _opaque_backward(it, value, name, arguments, node)
    if name == "step":
        return _opaque_step(it, value, arguments, node)
    if name == "zero_grad":
        if optimizers.looks_like_optimizer(it, value) and not value.parameters:
            return optimizers.optimizer_method(it, optimizers.optimizer_of(it, value), name, arguments, node)
        if optimizers.looks_like_optimizer(it, value):
            optimizers.optimizer_method(it, optimizers.optimizer_of(it, value), name, arguments, node)
        value.parameters = True
        if value.op is None:
            it.trace.zero_grad(node, it.file, optimizers.receiver_name(node), (value,))
        return NONE
    if name == "unscale_" and optimizers.is_optimizer(it, first):
        return protocol.unscale(it, value, arguments, node)
    if name in _PARAMETERS:
        return optimizers.parameters_of(it, value, pairs=name.startswith("named"))
    if name == "requires_grad_" and not tensors.in_graph(value):
        tensors.set_requires_grad(it, value, tensors.flag(arguments.get(0, "requires_grad")), node)
        return value
    numeric = _numeric_method(it, value, name, arguments, node)
    if numeric is not None:
        return numeric
    trains = value.op is None and name not in tensors.TENSOR_ONLY and escape.handles_gradients(name)
    if tensors.in_graph(value) and not trains:
        if name in tensors.NUMBERS or name in ("detach", "detach_"):
            return _without_graph(it, value, name, node)
        if name in ("float", "to", "cuda", "cpu", "half", "mean", "sum") or name in tensors.TENSOR_ONLY:
            return tensors.method(it, tensors.as_tensor(value), name, arguments, node)
        return Opaque(name, refs=(value, *arguments.all()), op=value.op, reach=value.reach)
    if name in ("scale", "unscale") and first is not None and tensors.in_graph(first):
        return tensors.apply(it, "mul", [first], {}, node, f".{name}()", size=_size(first))
    if name in _SAME:
        return value
    if name in tensors.TENSOR_ONLY:
        return _tensor_method(it, value, name, arguments, node)
    if name in ("items", "values", "keys", "copy", "get", "next", "__next__"):
        return Opaque(value.hint, refs=value.refs, op=value.op, reach=value.reach, attribute=name)
    if name in _REPEATABLE:
        return _repeatable(value, name)
    if name in _HANDS_BACK:
        given = list(arguments.positional)
        escape.note_elsewhere(it, name, given)
        return given[0] if len(given) == 1 else Seq(given, kind="tuple")
    return escape.unknown_call(it, name, arguments, node, receiver=value)


# What surely runs through an operation that saves something, whichever of the parameters require grad.
_DENSITIES: dict[str, tuple[str, ...]] = {
    "Categorical": ("log_prob", "entropy"),
    "OneHotCategorical": ("log_prob", "entropy"),
    "Bernoulli": ("log_prob", "entropy"),
    **dict.fromkeys(("Normal", "Laplace", "Beta", "Gamma", "Dirichlet", "MultivariateNormal"), ("log_prob",)),
    "Independent": ("log_prob",),
}


def _parameters_of(distribution: Opaque, depth: int = 3) -> Iterator[Value]:
    """The parameters of a distribution, or of the one that it wraps."""
    for value in distribution.refs:
        if depth and isinstance(value, Opaque) and value.called.startswith("torch.distributions."):
            yield from _parameters_of(value, depth - 1)
        else:
            yield value


def _sample(it: Interpreter, distribution: Opaque, node: cst.CSTNode) -> Value:
    """What a distribution draws without the reparametrization: it has no gradient."""
    lost = tensors.in_graph(distribution) or cuts.surely_trains(distribution.refs)
    cut = Cut("sample", node, it.file, ".sample()", lost, tensors.reach_of(distribution.refs))
    return Tensor(requires_grad=False, leaf=True, operation=".sample()", file=it.file, cut=cut)


def _tensor_method(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A method that only a tensor has."""
    cut = cuts.cut_of(value)
    tensor = Tensor(
        requires_grad=False if name == "detach" or cut is not None else None,
        leaf=True if name == "detach" or cut is not None else None,
        name=value.hint,
        cut=cut,
    )
    if name == "detach":
        tensor.cut = cuts.made_by(it, "detach", node, ".detach()", [value])
        return tensor
    return tensors.method(it, tensor, name, arguments, node)


def _numeric_method(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value | None:
    """A method that gives numbers or samples, or one that tensors, arrays and numbers have in common."""
    if name == "__enter__" and value.called.startswith("grad mode"):
        return library.enter(it, value, node)
    if value.called.startswith("torch.distributions."):
        if name == "sample":
            return _sample(it, value, node)
        if name in _DENSITIES.get(value.hint, ()):
            given = [*_parameters_of(value), *arguments.all()]
            return tensors.apply(it, name, given, {}, node, f".{name}()", size=UNKNOWN, saves=True)
    if name in ("item", "tolist", "numpy") and not arguments.positional:
        kind = "numpy" if name == "numpy" else "number"
        return Opaque(name, detached=True, cut=cuts.made_by(it, kind, node, f".{name}()", [value]))
    if value.cut is not None and (value.cut.kind != "made" or value.detached) and name in _NUMERIC:
        made = Tensor(requires_grad=False, leaf=True, name=value.hint, cut=value.cut)
        if value.hint == "comparison":
            made.size = tensors.compared_size(value)
        return tensors.method(it, made, name, arguments, node)
    return None


def _size(value: Value) -> Size:
    return value.size if isinstance(value, Tensor) else UNKNOWN


def _opaque_backward(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    # What takes the loss as an argument is an engine (accelerate, DeepSpeed, apex, …) and no tensor, unless the
    # argument is the gradient of a tensor that is not known here.
    first = arguments.get(0, "loss")
    wraps = isinstance(first, (Tensor, Opaque)) and not _is_gradient(first, node)
    wraps = wraps and (value.op is None or value.parameters or "loss" not in (value.hint + value.bound).lower())
    if wraps or name == "manual_backward":
        value.memo["wraps backward"] = Const(True)
        _wrapped_backward(it, arguments, node)
        return NONE
    backprop.backward(it, value, arguments, node)
    return NONE


_ENGINE = re.compile(r"accel|fabric|engine|scaler|amp|strategy|trainer|precision|ctx|^self\.", re.IGNORECASE)


def _is_gradient(value: Tensor | Opaque, node: cst.CSTNode) -> bool:
    """Whether the argument of a backward looks like the weights of the elements of its root."""
    shown = syntax.text(node.args[0].value) if isinstance(node, cst.Call) and node.args else ""
    if isinstance(value, Tensor):
        if value.requires_grad is False and isinstance(node, cst.Call) and not _ENGINE.search(syntax.text(node.func)):
            return True
        names, several = f"{value.operation} {shown}", value.size.many is True
    else:
        names, several = f"{value.hint} {value.bound} {shown}", False
    return several or bool(re.search(r"grad|ones|rand|cotangent|seed", names))


def _opaque_step(it: Interpreter, value: Opaque, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if value.ident in it.trace.schedules:
        protocol.schedule_step(it, value, arguments, node)
        return NONE
    if optimizers.is_optimizer(it, first) and not optimizers.looks_like_optimizer(it, value):
        protocol.unscale(it, value, arguments, node)
        optimizer = first if isinstance(first, Optimizer) else optimizers.optimizer_of(it, first)  # type: ignore[arg-type]
        name = syntax.text(node.args[0].value) if type(node) is cst.Call and node.args else "optimizer"
        it.trace.step(node, it.file, name or "optimizer", optimizer)
        return NONE
    if "wraps backward" in value.memo:
        it.trace.escape_all()  # an engine that steps also clears
        return NONE
    if optimizers.looks_like_optimizer(it, value):
        return optimizers.optimizer_method(it, optimizers.optimizer_of(it, value), "step", arguments, node)
    if any(isinstance(part, (Optimizer, Instance)) for part in value.refs) and "sched" not in value.hint.lower():
        it.trace.escape_all()
    return Opaque("step", refs=tuple(arguments.all()))


# --- containers ------------------------------------------------------------------------------------------------------
