"""Attributes, items and methods of all that is no tensor: modules, optimizers, instances, containers, unknowns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import calls, escape, expressions, library, syntax, tensors
from gradguard.static.shapes import UNKNOWN, Size
from gradguard.static.values import (
    NONE,
    Arguments,
    Bound,
    Class,
    Const,
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
    Super,
    Table,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

_OPTIMIZER_NAME = re.compile(
    r"(^|_|\b)(opt|optim|optimi[sz]er|optim[a-z]*|adam|adamw|sgd|rmsprop|lbfgs|adagrad)s?(_|\d|$)|optim(izer|iser)?s?$",
    re.IGNORECASE,
)
_NOT_OPTIMIZER = re.compile(
    r"sched|lr_|env|scaler|prof|engine|accelerator|fabric|bar|strategy|state|config|args", re.IGNORECASE
)
_SAME = frozenset(
    "train eval to cuda cpu half float double bfloat16 type share_memory apply compile requires_grad_ xpu mps npu "
    "to_empty ipu module".split()
)
_PARAMETERS = frozenset("parameters named_parameters trainable_parameters".split())
# Methods of engines that hand back what they are given, wrapped.
_HANDS_BACK = frozenset("prepare setup setup_module setup_optimizers unwrap_model initialize wrap configure".split())
_REPEATABLE = frozenset("optimizers lr_schedulers get_optimizer get_optimizers unwrap".split())


# --- parameters ------------------------------------------------------------------------------------------------------


def parameter(it: Interpreter, parameters: Parameters) -> Value:
    """One parameter that stands for all of an iterable of parameters."""
    frozen = {is_frozen(owner) for owner in parameters.owners}
    tensor = Tensor(
        requires_grad=False if frozen == {True} else (True if frozen <= {False} and frozen else None),
        leaf=True,
        owners=parameters.owners,
        partial=parameters.partial,
    )
    if len(parameters.owners) == 1 and isinstance(parameters.owners[0], Tensor):
        return parameters.owners[0]
    return Seq([Opaque("name"), tensor], kind="tuple") if parameters.pairs else tensor


def one_of(it: Interpreter, item: Value) -> Value:
    """An item of a list; where the list was built from `*model.parameters()`, one parameter for all of them."""
    return parameter(it, item) if isinstance(item, Parameters) else item


def is_frozen(owner: Owner) -> bool | None:
    if isinstance(owner, Tensor):
        return None if owner.requires_grad is None else not owner.requires_grad
    return owner.frozen if not isinstance(owner, Opaque) else bool(owner.frozen)


def parameters_of(it: Interpreter, value: Value, *, pairs: bool = False) -> Parameters:
    """`value.parameters()`."""
    if isinstance(value, Opaque):
        value.parameters = True
        return Parameters((value,), pairs)
    if isinstance(value, (Module, Instance)):
        return Parameters((value,), pairs)
    return Parameters((), pairs)


def as_parameters(it: Interpreter, value: Value) -> Parameters | None:
    """The parameters in a value that is given to an optimizer; None if some of it is unknown."""
    owners: list[Owner] = []
    known = owners_in(it, value, owners, 0)
    partial = any(isinstance(v, (Parameters, Tensor)) and v.partial for v in walk([value]))
    return Parameters(tuple(dict.fromkeys(owners)), partial=partial) if known else None


def subset(parameters: Parameters) -> tuple[Owner, ...]:
    """What an optimizer owns that was given some of the parameters of a module: a part of it."""
    parts: list[Owner] = []
    for owner in parameters.owners:
        if isinstance(owner, Tensor):
            parts.append(owner)
            continue
        part = Opaque("subset", parameters=True, parent=owner if isinstance(owner, Opaque) else None)
        key = f"subset {part.ident}"
        if isinstance(owner, Opaque):
            owner.memo[key] = part
        else:
            within: list[Value] = [owner]
            _descend(owner, within, 6)
            for module in within:
                module.attributes[key] = part  # type: ignore[attr-defined]
        parts.append(part)
    return tuple(parts)


def owners_in(it: Interpreter, value: Value, owners: list[Owner], depth: int) -> bool:
    if depth > 5:
        return False
    if isinstance(value, Parameters):
        owners.extend(value.owners)
        return True
    if isinstance(value, Tensor):
        owners.extend(value.owners)
        return bool(value.owners) or value.requires_grad is False
    if isinstance(value, Seq):
        results = [owners_in(it, item, owners, depth + 1) for item in value.items]
        return all(results) and (value.exact or bool(value.items))
    if isinstance(value, Table):
        if "params" in value.items:
            return owners_in(it, value.items["params"], owners, depth + 1)
        results = [owners_in(it, item, owners, depth + 1) for item in value.items.values()]
        return all(results) and bool(results)
    if isinstance(value, Module):
        owners.append(value)
        return True
    if isinstance(value, Opaque) and value.called in ("filter", "enumerate", "zip", "chain", "iter"):
        results = [owners_in(it, ref, owners, depth + 1) for ref in value.refs]
        return all(results) and bool(results)
    if isinstance(value, Opaque):
        for ref in value.refs:
            owners_in(it, ref, owners, depth + 1)
    return False


def grad_is_none(it: Interpreter, handle: Tensor) -> bool | None:
    """Whether `.grad` is None now: after clearing or before any backward, as far as the history is known."""
    states = [it.trace.ledger.gradient(cell) for cell in it.trace.cells(handle.handle)]
    if states and all(state.known and not state.added for state in states):
        return True if all(state.clearing is None for state in states) else None
    return False


# --- items -----------------------------------------------------------------------------------------------------------


def element(it: Interpreter, tensor: Tensor, node: cst.CSTNode) -> Value:
    """One row of a tensor that is iterated over."""
    return tensors.index(it, tensor, Const(0), node)


def unknown_item(it: Interpreter, iterable: Value, hint: str) -> Value:
    if isinstance(iterable, Opaque):
        name = hint or (iterable.hint.removesuffix("s"))
        return Opaque(name, refs=iterable.refs, op=iterable.op, reach=iterable.reach, attribute=f"in {iterable.hint}")
    return Opaque(hint, refs=(iterable,))


def unpacked(it: Interpreter, value: Value, position: int, hint: str, node: cst.CSTNode) -> Value:
    """One of the values that an unknown value is unpacked to."""
    if isinstance(value, Opaque):
        key = ("unpack", position)
        if value.stable and isinstance(value.memo.get(key), Opaque):
            return value.memo[key]
        made = Opaque(
            hint or value.hint, refs=value.refs, op=value.op, reach=value.reach, stable=value.stable, parent=value,
            attribute=hint, optimizer=value.optimizer,
        )  # fmt: skip
        value.memo[key] = made
        return made
    if isinstance(value, Seq) and value.items:
        return value.items[min(position, len(value.items) - 1)]
    if isinstance(value, Tensor):
        return tensors.index(it, value, Const(position), node)
    if isinstance(value, Parameters):
        return parameter(it, Parameters(value.owners))
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
                attribute="[]", optimizer=value.optimizer,
            )  # fmt: skip
            value.memo["[]", key.value] = known
        return known
    return Opaque(value.hint, refs=value.refs, op=value.op, reach=value.reach, attribute="[]")


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
    return Method(value, name)


def _opaque_attribute(it: Interpreter, value: Opaque, name: str, node: cst.CSTNode) -> Value:
    known = value.memo.get(name)
    if known is not None:
        return known
    if name == "grad" and (value.parameters or value.op is None):
        return _opaque_grad(it, value, node)
    if name == "data":
        return value if value.op is None else Opaque(value.hint, detached=True)
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
        return optimizer_method(it, value, name, arguments, node)
    if isinstance(value, Module):
        return _module_method(it, value, name, arguments, node)
    if isinstance(value, Instance):
        return _instance_method(it, value, name, arguments, node)
    if isinstance(value, Opaque):
        return _opaque_method(it, value, name, arguments, node)
    if isinstance(value, Seq):
        return _seq_method(it, value, name, arguments, node)
    if isinstance(value, Table):
        return _table_method(it, value, name, arguments, node)
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


def _receiver_name(node: cst.CSTNode) -> str:
    if type(node) is cst.Call:
        node = node.func
    return syntax.text(node.value) if type(node) is cst.Attribute else ""


def optimizer_method(
    it: Interpreter, optimizer: Optimizer, name: str, arguments: Arguments, node: cst.CSTNode
) -> Value:
    shown = _receiver_name(node) or "optimizer"
    if name == "step":
        closure = arguments.get(0, "closure")
        if isinstance(closure, (Function, Bound)):
            result: Value = NONE
            for _ in range(2 if optimizer.kind == "LBFGS" else 1):
                result = it.call(closure, Arguments(), node)
                it.trace.step(node, it.file, shown, optimizer)
            return result
        if not tensors.absent(closure):
            it.trace.escape(optimizer.owners, [optimizer])
            return Opaque()
        if optimizer.own_step:  # it may take its gradients from elsewhere
            it.trace.may_add(optimizer.owners, loose=optimizer.loose)
        it.trace.step(node, it.file, shown, optimizer)
        if optimizer.kind == "clears itself":
            it.trace.escape(optimizer.owners, [optimizer])
        return NONE
    if name == "zero_grad":
        it.trace.optimizer_zero_grad(node, it.file, shown, optimizer)
        return NONE
    if name == "add_param_group":
        group = arguments.get(0)
        found = as_parameters(it, group) if group is not None else None
        if found is not None:
            optimizer.owners.extend(owner for owner in found.owners if owner not in optimizer.owners)
        else:
            optimizer.loose = True
        return NONE
    return Opaque(name)


def _module_method(it: Interpreter, module: Module, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    if name == "zero_grad":
        it.trace.zero_grad(node, it.file, _receiver_name(node), (module,))
        return NONE
    if name in _PARAMETERS:
        return Parameters((module,), pairs=name.startswith("named"))
    if name == "requires_grad_":
        tensors.set_requires_grad(it, module, tensors.flag(arguments.get(0, "requires_grad")), node)
        return module
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
        return submodules(module, name)
    if name.endswith("_hook"):
        return add_hook(it, module, name, arguments)
    if name in ("values", "items", "keys") and module.kind == "ModuleDict":
        if name == "items":
            keys = [Const(key) for key in module.names]
            return Seq([Seq([key, child], kind="tuple") for key, child in zip(keys, module.children, strict=False)])
        return Seq(list(module.children)) if name == "values" else Seq([Const(n) for n in module.names])
    if name in ("forward", "__call__"):
        return calls.call_module(it, module, arguments, node)
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
            it.trace.zero_grad(node, it.file, _receiver_name(node), (instance,))
            return NONE
        if name in _PARAMETERS:
            return Parameters((instance,), pairs=name.startswith("named"))
        if name == "requires_grad_":
            tensors.set_requires_grad(it, instance, tensors.flag(arguments.get(0, "requires_grad")), node)
            return instance
        if name in _SAME:
            return instance
        if name in ("register_buffer", "register_parameter", "add_module", "register_module"):
            key, value = arguments.get(0, "name"), arguments.get(1)
            if isinstance(key, Const) and isinstance(key.value, str) and value is not None:
                instance.attributes[key.value] = value
            return NONE
        if name in ("children", "modules", "named_children", "named_modules"):
            return submodules(instance, name)
        if name.endswith("_hook"):
            return add_hook(it, instance, name, arguments)
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
        return NONE
    return escape.unknown_call(it, name, arguments, node, receiver=instance)


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
        tensors.backward(it, loss, rest, node, name=name)


# --- methods of what is unknown --------------------------------------------------------------------------------------


def looks_like_optimizer(it: Interpreter, value: Opaque) -> bool:
    """By name, by where it came from, or because the file clears it as well."""
    if value.optimizer:
        return True
    name = value.hint or value.attribute or value.bound
    if value.bound and not value.stable and not _OPTIMIZER_NAME.search(name):
        name = value.bound
    if not name or _NOT_OPTIMIZER.search(name):
        return bool(name and name in it.file.zeroed and not re.search(r"sched|env|prof", name, re.IGNORECASE))
    return bool(_OPTIMIZER_NAME.search(name)) or name in it.file.zeroed


def optimizer_of(it: Interpreter, value: Opaque) -> Optimizer:
    """The optimizer that an unknown value is taken for: which parameters it owns is not known."""
    known = value.memo.get("optimizer ")
    if not isinstance(known, Optimizer):
        # What a wrapper (an engine's, a privacy guard's) makes of an optimizer steps for that optimizer.
        wrapped = {id(ref): ref for ref in walk(value.refs) if isinstance(ref, Optimizer)}
        if len(wrapped) == 1:
            known = value.memo["optimizer "] = next(iter(wrapped.values()))
            value.optimizer = True
            return known
        known = Optimizer("", [], ("unknown", _path(value)), loose=True)
        value.memo["optimizer "] = known
        value.optimizer = True
        it.trace.add_optimizer(known)
    return known


def _path(value: Opaque) -> str:
    """A name for something unknown that is the same in every execution."""
    names = [value.hint]
    while value.parent is not None and len(names) < 8:
        value = value.parent
        names.append(value.hint)
    return ".".join(reversed(names))


def is_optimizer(it: Interpreter, value: Value | None) -> bool:
    return isinstance(value, Optimizer) or (isinstance(value, Opaque) and looks_like_optimizer(it, value))


def _opaque_method(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if name in {"backward", "manual_backward"}:
        return _opaque_backward(it, value, name, arguments, node)
    if name == "step":
        return _opaque_step(it, value, arguments, node)
    if name == "zero_grad":
        if looks_like_optimizer(it, value) and not value.parameters:
            return optimizer_method(it, optimizer_of(it, value), name, arguments, node)
        if looks_like_optimizer(it, value):
            optimizer_method(it, optimizer_of(it, value), name, arguments, node)
        value.parameters = True
        if value.op is None:
            it.trace.zero_grad(node, it.file, _receiver_name(node), (value,))
        return NONE
    if name in _PARAMETERS:
        return parameters_of(it, value, pairs=name.startswith("named"))
    if name == "requires_grad_" and not tensors.in_graph(value):
        tensors.set_requires_grad(it, value, tensors.flag(arguments.get(0, "requires_grad")), node)
        return value
    if tensors.in_graph(value):
        if name in ("detach", "item", "tolist", "numpy", "detach_"):
            return Opaque(value.hint, detached=True)
        if name in ("float", "to", "cuda", "cpu", "half", "mean", "sum") or name in tensors.TENSOR_ONLY:
            return tensors.method(it, tensors.as_tensor(value), name, arguments, node)
        return Opaque(name, refs=(value, *arguments.all()), op=value.op, reach=value.reach)
    if name in ("scale", "unscale") and first is not None and tensors.in_graph(first):
        return tensors.apply(it, "mul", [first], {}, node, f".{name}()", size=_size(first))
    if name in _SAME:
        return value
    if name in tensors.TENSOR_ONLY:
        tensor = Tensor(
            requires_grad=False if name == "detach" else None, leaf=True if name == "detach" else None, name=value.hint
        )
        if name == "detach":
            return tensor
        return tensors.method(it, tensor, name, arguments, node)
    if name in ("items", "values", "keys", "copy", "get", "next", "__next__"):
        return Opaque(value.hint, refs=value.refs, op=value.op, reach=value.reach, attribute=name)
    if name in _REPEATABLE:
        return _repeatable(value, name)
    if name in _HANDS_BACK:
        given = list(arguments.positional)
        escape.note_elsewhere(it, name, given)
        return given[0] if len(given) == 1 else Seq(given, kind="tuple")
    return escape.unknown_call(it, name, arguments, node, receiver=value)


def _size(value: Value) -> Size:
    return value.size if isinstance(value, Tensor) else UNKNOWN


def _opaque_backward(it: Interpreter, value: Opaque, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0, "loss")
    # What takes the loss as an argument is an engine (accelerate, DeepSpeed, apex, …) and no tensor.
    shown = syntax.text(node.args[0].value) if isinstance(node, cst.Call) and node.args else ""
    wraps = isinstance(first, Opaque) and not re.search(
        r"grad|ones|cotangent|seed", f"{first.hint} {first.bound} {shown}"
    )
    wraps = wraps or (
        isinstance(first, Tensor) and first.size.many is not True and not re.search("ones|rand", first.operation)
    )
    wraps = wraps and (value.op is None or value.parameters or "loss" not in (value.hint + value.bound).lower())
    if wraps or name == "manual_backward":
        value.memo["wraps backward"] = Const(True)
        _wrapped_backward(it, arguments, node)
        return NONE
    tensors.backward(it, value, arguments, node)
    return NONE


def _opaque_step(it: Interpreter, value: Opaque, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if is_optimizer(it, first) and not looks_like_optimizer(it, value):
        optimizer = first if isinstance(first, Optimizer) else optimizer_of(it, first)  # type: ignore[arg-type]
        name = syntax.text(node.args[0].value) if type(node) is cst.Call and node.args else "optimizer"
        it.trace.step(node, it.file, name or "optimizer", optimizer)
        return NONE
    if "wraps backward" in value.memo:
        it.trace.escape_all()  # an engine that steps also clears
        return NONE
    if looks_like_optimizer(it, value):
        return optimizer_method(it, optimizer_of(it, value), "step", arguments, node)
    if any(isinstance(part, (Optimizer, Instance)) for part in value.refs) and "sched" not in value.hint.lower():
        it.trace.escape_all()
    return Opaque("step", refs=tuple(arguments.all()))


# --- containers ------------------------------------------------------------------------------------------------------


def _seq_method(it: Interpreter, seq: Seq, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if it.trace.guesses and isinstance(first, Tensor) and first.owners and first.owners != (first,):
        first.partial = True
    if name == "append" and first is not None:
        if len(seq.items) < 64:
            seq.items.append(first)
        else:
            seq.exact = False
    elif name in ("extend", "update", "add") and first is not None:
        spread = expressions.spread_out(consumed(it, first)) if name != "add" else [first]
        if spread is None:
            seq.exact = False
            spread = list(first.items) if isinstance(first, Seq) else [Opaque(refs=(first,))]
        seq.items.extend(spread)
    elif name == "insert" and len(arguments.positional) == 2:
        seq.items.insert(0, arguments.positional[1])
    elif name == "clear":
        seq.items.clear()
        seq.exact = True
    elif name in ("pop", "popleft") and seq.items:
        return seq.items.pop(0 if name == "popleft" else -1)
    elif name == "copy":
        return Seq(list(seq.items), seq.exact, seq.kind)
    elif name in ("remove", "sort", "reverse"):
        seq.exact = seq.exact and name != "remove"
    elif name in ("index", "count"):
        return Opaque(name)
    return NONE


def _table_method(it: Interpreter, table: Table, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if name == "values":
        return Seq(list(table.items.values()), table.exact)
    if name == "keys":
        return Seq([_key(key) for key in table.items], table.exact)
    if name == "items":
        return Seq([Seq([_key(key), value], kind="tuple") for key, value in table.items.items()], table.exact)
    if name in ("get", "pop", "setdefault") and isinstance(first, Const):
        try:
            found = table.items.get(first.value)
        except TypeError:
            found = None
        if found is not None:
            if name == "pop":
                del table.items[first.value]
            return found
        default = arguments.get(1)
        if name == "setdefault" and default is not None:
            table.items[first.value] = default
        if table.exact:
            return default if default is not None else NONE
        return Opaque(str(first.value))
    if name == "update" and isinstance(first, Table):
        table.items.update(first.items)
        table.exact = table.exact and first.exact
        return NONE
    if name == "copy":
        return Table(dict(table.items), table.exact)
    if name == "clear":
        table.items.clear()
    return Opaque(name, refs=tuple(table.items.values()))


def _key(key: object) -> Value:
    return Opaque("key") if isinstance(key, tuple) else Const(key)


def submodules(module: Module | Instance, how: str) -> Value:
    """`module.modules()` and its kin: the submodules that are known."""
    found: list[Value] = [] if "children" in how else [module]
    _descend(module, found, 0 if "children" in how else 6)
    if how.startswith("named"):
        return Seq([Seq([Opaque("name"), child], kind="tuple") for child in found], exact=False)
    return Seq(found, exact=False)


def _descend(module: Module | Instance, found: list[Value], depth: int) -> None:
    children = (
        [*module.children, *module.attributes.values()] if isinstance(module, Module) else module.attributes.values()
    )
    for child in walk(children):
        if isinstance(child, (Module, Instance)) and child not in found and len(found) < 24:
            found.append(child)
            if depth:
                _descend(child, found, depth - 1)


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


def held_optimizers(it: Interpreter, value: Value, depth: int = 3) -> Iterator[Optimizer]:
    """The optimizers that code which holds this value can reach."""
    if isinstance(value, Optimizer):
        yield value
    elif isinstance(value, Opaque):
        known = value.memo.get("optimizer ")
        if isinstance(known, Optimizer):
            yield known
        if depth:
            for child in (*value.memo.values(), *value.refs):
                if child is not known:
                    yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, (Seq, Table)) and depth:
        for child in value.items if isinstance(value, Seq) else value.items.values():
            yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, Instance) and depth:
        children = list(value.attributes.values())
        if value.unknown is not None:
            children.append(value.unknown)
        for child in children:
            yield from held_optimizers(it, child, depth - 1)
    elif isinstance(value, Bound) and depth:
        yield from held_optimizers(it, value.receiver, depth - 1)
