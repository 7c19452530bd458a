"""What the libraries do, as far as gradients are concerned: torch, the builtins, and the frameworks around them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import SavedTensorsHooks
from gradguard.static import (
    backprop,
    conditions,
    cuts,
    escape,
    imports,
    inplace,
    objects,
    optimizers,
    ownership,
    protocol,
    syntax,
    tensors,
)
from gradguard.static.shapes import UNKNOWN, Size
from gradguard.static.standard import STANDARD
from gradguard.static.values import (
    MADE,
    NONE,
    TRUE,
    Arguments,
    Bound,
    Class,
    Const,
    Cut,
    External,
    Function,
    Instance,
    Module,
    Opaque,
    Optimizer,
    Owner,
    Parameters,
    Seq,
    Table,
    Tensor,
    Value,
    walk,
)
from gradguard.static.words import Words

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

BUILTINS = frozenset(dir(builtins))
_MODULE_NAME = Words(
    r"(^|_|\b)(model|net|network|nets|module|generator|discriminator|encoder|decoder|critic|actor|policy|backbone|head|"
    r"classifier|student|teacher|unet|vae|gan|bert|lstm|gru|rnn|mlp|cnn|transformer|embedder|"
    r"netG|netD|netE|G|D|E|F|G_\w|D_\w|gen|disc|value|qf\d?|(target_)?(q|v|vf|qf|value|policy)_?func(tion)?|q_net|"
    r"agent_net|ddp_model|learner|fc\d*|conv\d*|linear\d*|layer\d*|proj|projector)\d*$|"
    r"(net|model|encoder|decoder|generator|discriminator|critic|actor|network|backbone)(_?[A-Za-z0-9])?$",
)
_LOSS_NAME = Words(
    r"criterion|criteria|(^|_)loss(_?f(n|unc|unction)?)?\d*$|crit$|(^|_)(bce|mse|ce|l1|nll|kl)(_loss)?$|"
    r"loss_fn|lossfn|objective",
    re.IGNORECASE,
)
_SCHEDULE = re.compile(r"get_\w*schedule(_|$)")
_PARAMETERLESS = frozenset(
    "ReLU LeakyReLU ELU SELU GELU SiLU Mish Sigmoid Tanh Softmax LogSoftmax Softplus Softsign Hardtanh "
    "Hardswish Hardsigmoid "
    "ReLU6 CELU GLU LogSigmoid Threshold Tanhshrink Dropout Dropout1d Dropout2d Dropout3d AlphaDropout "
    "FeatureAlphaDropout "
    "Flatten Unflatten Identity MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d "
    "AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d LPPool2d Upsample PixelShuffle ZeroPad2d "
    "ReflectionPad1d ReflectionPad2d ReplicationPad2d ConstantPad2d CosineSimilarity PairwiseDistance "
    "Fold Unfold".split()
)
_CREATE = frozenset(
    "tensor rand randn zeros ones full empty arange linspace logspace eye randint randperm normal as_tensor from_numpy "
    "zeros_like ones_like rand_like randn_like full_like empty_like randint_like complex".split()
)
_INTEGER = frozenset({"randint", "randperm", "randint_like"})
_SAME_OBJECT = frozenset(
    "torch.nn.DataParallel torch.nn.parallel.DistributedDataParallel torch.nn.parallel.DataParallel torch.compile "
    "torch.jit.script torch.nn.utils.spectral_norm torch.nn.utils.weight_norm "
    "torch.nn.utils.parametrizations.weight_norm "
    "torch.nn.utils.parametrizations.spectral_norm torch.nn.SyncBatchNorm.convert_sync_batchnorm "
    "tqdm.tqdm tqdm tqdm.auto.tqdm "
    "tqdm.notebook.tqdm tqdm.trange builtins.iter builtins.reversed builtins.sorted builtins.aiter rich.progress.track "
    "torch.distributed.fsdp.FullyShardedDataParallel torch.nn.Parameter.data tqdm.tqdm_notebook typing.cast".split()
)


def names_module(name: str) -> bool:
    return _MODULE_NAME.search(name)


def names_loss(name: str) -> bool:
    return _LOSS_NAME.search(name)


def kind_of_class(base: Value) -> str:
    """What a base class that is not in the source makes of a class: module, optimizer, plain, or unknown."""
    if not isinstance(base, External):
        return "unknown"
    path = base.path
    if path in ("torch.nn.Module", "torch.nn.modules.Module", "torch.jit.ScriptModule") or (
        path.startswith("torch.nn.") and not path.startswith("torch.nn.parallel")
    ):
        return "module"
    if path.startswith("torch.optim.") and "lr_scheduler" not in path:
        return "optimizer"
    if path.startswith(
        ("builtins.", "abc.", "typing.", "enum.", "torch.utils.data", "torch.autograd", "dataclasses.", "collections.")
    ):
        return "plain"
    return "unknown"


# --- context managers ------------------------------------------------------------------------------------------------


def enter(it: Interpreter, manager: Value, node: cst.CSTNode) -> Value:
    """The effect and the value of `with manager`."""
    mode = grad_mode(manager)
    if mode is not None:
        it.grad_enabled = mode
        it.mode_site = (it.file, node, _mode_text(node))
        return NONE
    if isinstance(manager, Opaque) and manager.called == "grad mode unknown":
        it.grad_enabled = None
        return NONE
    if isinstance(manager, Instance):
        found = manager.cls.lookup("__enter__")
        if found is not None:
            return it.call(Bound(found[0], manager, found[1]), Arguments(), node)
        return manager
    if isinstance(manager, Opaque) and manager.called.endswith("scale_loss") and manager.refs:
        return manager.refs[0]
    return manager


def _mode_text(node: cst.CSTNode) -> str:
    if type(node) is cst.Call and syntax.dotted(node.func).endswith("set_grad_enabled"):
        return f"{syntax.dotted(node.func)}(False)"
    return cuts.shown(node, "the grad mode")


def leave(it: Interpreter, manager: Instance, node: cst.CSTNode) -> None:
    found = manager.cls.lookup("__exit__")
    if found is not None:
        it.call(Bound(found[0], manager, found[1]), Arguments([NONE, NONE, NONE]), node)


_MODES = {
    "grad mode on": True,
    "grad mode off": False,
    "enable_grad": True,
    "no_grad": False,
    "inference_mode": False,
}
_LEAVES_MODE_ALONE = Words(
    r"open|autocast|tqdm|bar$|progress|profil|time|device|lock|writer|detect_anomaly|no_sync|accumulate|scale_loss|record|"
    r"catch_warnings|fork_rng|join|stream|graph|raises|suppress|Pool|Executor|amp|sync|strategy|scope|tmp|temp|dir",
    re.IGNORECASE,
)


def may_set_mode(manager: Value) -> bool:
    """Whether a context manager that cannot be seen may switch the grad mode."""
    if isinstance(manager, Instance):
        return not manager.whole
    if not isinstance(manager, Opaque) or is_grad_mode(manager):
        return False
    return not _LEAVES_MODE_ALONE.search(manager.called or manager.hint)


def grad_mode(manager: Value) -> bool | None:
    """What a context manager sets the grad mode to; by its name, where nobody imported torch by name."""
    return _MODES.get(manager.called) if isinstance(manager, Opaque) else None


def is_grad_mode(manager: Value) -> bool:
    return isinstance(manager, Opaque) and (manager.called in _MODES or manager.called == "grad mode unknown")


# --- methods that are named but not called ---------------------------------------------------------------------------

_UNCALLED = frozenset("step zero_grad backward update unscale_ retain_grad zero_ detach_ requires_grad_".split())


def is_uncalled(it: Interpreter, node: cst.Attribute) -> bool:
    """Whether a bare `receiver.method` names a training method that should have been called."""
    method = node.attr.value
    if method not in _UNCALLED:
        return False
    receiver = it.eval(node.value)
    if method not in ("step", "update", "unscale_"):
        # An object of the source may well have an attribute of that name.
        return not isinstance(receiver, Instance) or receiver.is_module or receiver.cls.lookup(method) is not None
    return _should_be_called(it, receiver, syntax.text(node.value), method)


def _should_be_called(it: Interpreter, receiver: Value, name: str, method: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    if method == "step":
        if isinstance(receiver, Opaque):
            return optimizers.looks_like_optimizer(it, receiver) or is_training_name(last, method)
        return isinstance(receiver, Optimizer) or is_training_name(last, method)
    return is_training_name(last, method)


_TRAINING_NAME = Words(r"optim|(^|_)opt(_|\d|$)|sched|scaler|(^|_)adam", re.IGNORECASE)


def is_training_name(name: str, method: str) -> bool:
    """Whether a name alone makes clear that `name.method` is a training method."""
    if method in ("update", "unscale_"):
        return "scaler" in name.lower()
    return _TRAINING_NAME.search(name)


# --- calls of the library --------------------------------------------------------------------------------------------


def call(it: Interpreter, path: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`path(*arguments)` for a function or class of a library."""
    path = imports.canonical(path)
    last = path.rsplit(".", 1)[-1]
    handler = _CALLS.get(path)
    if handler is not None:
        return handler(it, arguments, node)
    if path in ("builtins.sorted", "builtins.reversed") and isinstance(arguments.get(0), Parameters):
        return STANDARD["builtins.list"](it, Arguments(arguments.positional[:1]), node)
    if path in _SAME_OBJECT or last in ("tqdm", "trange", "progress_bar") or last.endswith("DistributedDataParallel"):
        first = arguments.get(0)
        return first if first is not None else Opaque(last)
    if path.startswith("torch.optim."):
        return _optim(it, path, last, arguments, node)
    if path.startswith(("torch.nn.functional.", "torch.nn.init.")):
        if last.endswith("_") and path.startswith("torch.nn.init."):
            if (first := arguments.get(0, "tensor")) is not None:
                inplace.note_write(it, first, node, f"nn.init.{last}()", no_grad=True)
            return arguments.get(0) or NONE
        return _function(it, last, arguments, node, f"F.{last}")
    if path.startswith("torch.nn.utils.") and last in protocol.CLIPS:
        return protocol.clip(it, last, arguments, node)
    if path.startswith("torch.nn.utils.") and arguments.positional:
        ownership.consume(it, arguments.positional[0], node, f"`{last}`")
    if path.startswith("torch.nn.utils."):
        return arguments.get(0) if last in ("spectral_norm", "weight_norm") and arguments.get(0) else Opaque(last)  # type: ignore[return-value]
    if path.startswith("torch.nn."):
        return _module(it, last, arguments, node)
    if path.startswith("torch.") and path.count(".") == 1:
        if last in _CREATE:
            return _create(it, last, arguments, node)
        if last[:1].islower() and last not in ("save", "load", "device", "manual_seed", "no_grad", "set_default_dtype"):
            return _function(it, last, arguments, node, f"torch.{last}")
    if path.startswith(("torch.linalg.", "torch.special.", "torch.fft.")):
        return _function(it, last, arguments, node, last)
    if path.startswith("builtins."):
        made = Opaque(last, refs=tuple(arguments.all()), reach=tensors.reach_of(arguments.all()))
        made.cut = cuts.joined(arguments.all()) if arguments.positional else None
        made.detached = made.cut is not None
        return made
    if path.startswith("torch.") or imports.is_library(path):
        return _other(it, path, last, arguments, node)
    if _looks_like_optimizer_class(last) and arguments.positional:
        return _foreign_optimizer(it, last, arguments, node)
    return _other(it, path, last, arguments, node)


def _other(it: Interpreter, path: str, last: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    given = list(arguments.all())
    if last in ("print", "info", "debug", "warning", "log", "append", "add_scalar", "isclose", "exit"):
        tensors.look(it, given, node)
        return Opaque(last)
    if names_loss(last) and any(tensors.in_graph(v) for v in given):
        return _function(it, last, arguments, node, last)
    if _SCHEDULE.match(last) and isinstance(arguments.get(0, "optimizer"), Optimizer):
        return protocol.make_schedule(it, last, arguments, path)
    if path.endswith("_optimizer_step") or last == "optimizer_step":
        return _optimizer_step(it, arguments, node)
    if last[:1].isupper():
        # A class of a library: it keeps its arguments, and nothing happens to them yet.
        made = Opaque(last, refs=tuple(given), called=path, reach=tensors.reach_of(given))
        if last == "DataLoader":
            made.cut = MADE
        return made
    result = escape.unknown_call(it, last, arguments, node, library=imports.is_library(path))
    if path.startswith(("numpy.", "math.", "random.", "statistics.", "time.", "torchvision.datasets.")):
        # Neither arrays nor numbers have a graph.
        assert isinstance(result, Opaque)
        result.cut, result.detached = cuts.made_by(it, "numpy", node, f"{path}(…)", given), True
    return result


_OPTIMIZER_CLASS = Words(
    r"^(Fused|Deep|Distributed|Bnb|PagedA|8bit)?\w*(Adam|AdamW|SGD|Adafactor|Lion|LAMB|Lamb|LARS|RAdam|Ranger|Adan|Shampoo|Muon|RMSprop|Adagrad)\w*$",
)


def _looks_like_optimizer_class(name: str) -> bool:
    return _OPTIMIZER_CLASS.search(name)


def _function(it: Interpreter, name: str, arguments: Arguments, node: cst.CSTNode, label: str) -> Value:
    """A function on tensors."""
    given = list(arguments.positional)
    everything = list(arguments.all())
    if not any(isinstance(v, Tensor) or tensors.in_graph(v) for v in walk(everything)):
        if any(isinstance(v, (Seq, Table)) and v.items for v in everything) or everything:
            size = tensors.size_of("function", name, given, arguments.keywords)
            if isinstance(size, Size) and size.many is not None:
                return Tensor(
                    requires_grad=None,
                    leaf=None,
                    size=size,
                    reach=tensors.reach_of(everything),
                    unreduced=(node, label) if size.many else None,
                    file=it.file,
                )
            return Opaque(name, refs=tuple(everything), reach=tensors.reach_of(everything))
    changes = inplace.of_function(name, arguments)
    if changes and given:
        inplace.note_write(it, given[0], node, f"{label}()", name=inplace.first_argument(node), given=given[1:])
        keywords = {key: value for key, value in arguments.keywords.items() if key != "inplace"}
        result = tensors.apply(it, changes, given, keywords, node, f"{label}()")
        if isinstance(result, Tensor):
            inplace.share(it, result, given[0])
            inplace.saved_by_update(it, result.op, changes, given[0], given)
        return result
    return tensors.apply(it, name, given, arguments.keywords, node, f"{label}()")


def _create(it: Interpreter, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`torch.zeros(…)` and its kin: a leaf."""
    given = list(arguments.positional)
    if name in ("tensor", "as_tensor") and given and tensors.in_graph(given[0]):
        tensors.look(it, given, node)
    wants = arguments.get(-1, "requires_grad")
    flag = False if wants is None else (bool(wants.value) if isinstance(wants, Const) else None)
    if name in ("as_tensor", "asarray") and given and isinstance(given[0], Tensor):
        return given[0]  # the tensor itself
    size = tensors.size_of(
        "function", name, given, {k: v for k, v in arguments.keywords.items() if k != "requires_grad"}
    )
    device = arguments.get(-1, "device")
    dtype = arguments.get(-1, "dtype")
    kind = dtype.path.rsplit(".", 1)[-1] if isinstance(dtype, External) else ("?" if dtype is not None else "")
    if name in ("as_tensor", "from_numpy") and given and not isinstance(given[0], (Const, Seq)):
        kind = "?"
    if not kind and (name in _INTEGER or (name in ("tensor", "arange", "full") and _all_integers(given))):
        kind = "int64"
    kind = {"float": "float32", "double": "float64", "long": "int64", "int": "int32"}.get(kind, kind)
    if flag:
        tensors.ask_for_grad(it, kind, f"torch.{name}(…, requires_grad=True)", node)
    return tensors.leaf(
        it,
        node,
        size if isinstance(size, Size) else UNKNOWN,
        requires_grad=flag,
        operation=name,
        cpu=device is None,
        dtype=kind,
        **_rewrapped(it, name, given, node, flag),
    )


def _all_integers(given: list[Value]) -> bool:
    """Whether a tensor of these numbers holds integers."""
    found = list(walk(given))
    return bool(found) and all(type(v) is Const and type(v.value) is int for v in found)


def _rewrapped(
    it: Interpreter, name: str, given: list[Value], node: cst.CSTNode, flag: bool | None
) -> dict[str, Cut | tuple[Cut, Cut | None]]:
    """What becomes of a graph when its values are put into a new tensor."""
    if name not in ("tensor", "as_tensor", "asarray", "from_numpy", "full", "Tensor") or not given:
        return {}
    if name == "as_tensor" and not isinstance(given[0], Seq) and cuts.cut_of(given[0]) is None:
        return {"cut": None} if flag is False else {}  # type: ignore[dict-item]
    cut = cuts.made_by(it, "rewrap", node, cuts.shown(node, f"torch.{name}(…)"), given[:2])
    if flag:
        return {"releaf": (Cut("releaf", node, it.file, cuts.shown(node, f"torch.{name}(…)")), cut)}
    return {"cut": cut} if flag is False else {}


def _legacy_tensor(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`torch.Tensor(values)`: a tensor that is given comes back as it is, numbers make a new one."""
    first = arguments.get(0)
    if isinstance(first, Tensor):
        return first
    if isinstance(first, Opaque) and cuts.cut_of(first) is None:
        return Opaque("Tensor", refs=(first,), reach=tensors.reach_of([first]))
    given: list[Value] = [first] if isinstance(first, Seq) else []
    return tensors.leaf(
        it,
        node,
        UNKNOWN,
        requires_grad=False,
        operation="Tensor",
        cpu=True,
        **_rewrapped(it, "Tensor", given, node, False),
    )


def _parameter(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    data = arguments.get(0, "data")
    flag = tensors.flag(arguments.get(1, "requires_grad"))
    size = data.size if isinstance(data, Tensor) else UNKNOWN
    if flag and isinstance(data, Tensor):
        tensors.ask_for_grad(it, data.dtype, "nn.Parameter(…)", node)
    parameter = tensors.leaf(
        it, node, size, requires_grad=flag, operation="nn.Parameter", cpu=isinstance(data, Tensor) and data.cpu
    )
    ownership.made(it, parameter, node)
    return parameter


def _variable(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    data = arguments.get(0, "data")
    wants = arguments.get(1, "requires_grad")
    if isinstance(wants, Const) and wants.value:
        if isinstance(data, Tensor):
            tensors.ask_for_grad(it, data.dtype, "Variable(…, requires_grad=True)", node)
        cut = cuts.made_by(it, "rewrap", node, "Variable(…)", [data] if data is not None else [])
        return tensors.leaf(
            it,
            node,
            data.size if isinstance(data, Tensor) else UNKNOWN,
            requires_grad=True,
            operation="Variable",
            releaf=(Cut("releaf", node, it.file, "Variable(…, requires_grad=True)"), cut),
        )
    if isinstance(data, Tensor) and data.requires_grad is not False:
        # Since PyTorch 0.4 a Variable is the tensor itself; what old code meant is not known.
        made = tensors.method(it, data, "detach", Arguments(), node)
        if isinstance(made, Tensor):
            made.cut = None
        return made
    if isinstance(data, Opaque) and tensors.in_graph(data):
        return Opaque(data.hint, detached=True)
    return data if data is not None else Opaque()


def _module(it: Interpreter, kind: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """The constructor of a module of torch.nn."""
    trains = kind not in _PARAMETERLESS and (not kind.endswith("Loss") or kind.startswith("Adaptive"))
    module = Module(kind, tuple(arguments.positional), dict(arguments.keywords), has_parameters=trains)
    module.made_at = (it.file, node)
    it.trace.ledger.born([module.ident])
    ownership.made(it, module, node)
    if kind in ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        _fill_container(it, module, arguments)
    elif kind.startswith("Transformer"):
        module.children = []
    affine = arguments.get(-1, "affine") or arguments.get(-1, "elementwise_affine")
    if (kind.startswith("InstanceNorm") and affine is None) or (isinstance(affine, Const) and affine.value is False):
        module.has_parameters = False
    return module


def _fill_container(it: Interpreter, module: Module, arguments: Arguments) -> None:
    values: list[Value] = []
    for value in arguments.positional:
        value = objects.consumed(it, value)  # noqa: PLW2901 - a generator stands for what it yields
        if isinstance(value, Seq):
            values.extend(value.items)
        elif isinstance(value, Table):
            values.extend(value.items.values())
            module.names.extend(str(key) for key in value.items)
        elif isinstance(value, Opaque) and value.called == "OrderedDict":
            values.extend(value.refs)
        else:
            values.append(value)
    module.children = [v for v in values if isinstance(v, (Module, Instance, Tensor, Opaque, Function, Class))]
    module.has_parameters = not module.children


def _optim(it: Interpreter, path: str, last: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    if "lr_scheduler" in path or "swa_utils" in path:
        return protocol.make_schedule(it, last, arguments, path)
    given = arguments.get(0, "params")
    return _make_optimizer(it, last, given, node)


def _make_optimizer(it: Interpreter, kind: str, given: Value | None, node: cst.CSTNode) -> Value:
    found = optimizers.as_parameters(it, given) if given is not None else None
    owners: list[Owner] = []
    if found is not None:
        owners = list(optimizers.subset(found) if found.partial else found.owners)
    elif given is not None:
        optimizers.owners_in(it, given, owners, 0)
    optimizer = Optimizer(
        kind, list(dict.fromkeys(owners)), ("optimizer", it.file, node), loose=found is None, node=node
    )
    if given is not None:
        ownership.consume(it, given, node, "the optimizer")
    it.trace.give(optimizer, owners if found is None else found.owners)
    it.trace.add_optimizer(optimizer)
    return optimizer


def _foreign_optimizer(it: Interpreter, last: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0, "params")
    if isinstance(first, Optimizer):
        return first
    return _make_optimizer(it, last, first, node)


def _optimizer_step(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if isinstance(first, Optimizer) or (isinstance(first, Opaque) and optimizers.is_optimizer(it, first)):
        optimizer = first if isinstance(first, Optimizer) else optimizers.optimizer_of(it, first)
        it.trace.step(node, it.file, "optimizer", optimizer)
    return NONE


def _autograd_grad(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    outputs, inputs = arguments.get(0, "outputs"), arguments.get(1, "inputs")
    if inputs is not None:
        ownership.consume(it, inputs, node, "`autograd.grad`")
    retain, create = arguments.get(3, "retain_graph"), arguments.get(4, "create_graph")
    if outputs is None:
        return Opaque("gradients")
    seed = arguments.get(2, "grad_outputs")
    batched = arguments.get(-1, "is_grads_batched")
    name = syntax.text(node.args[0].value) if type(node) is cst.Call and node.args else ""
    backprop.run_backward(
        it,
        [outputs],
        node,
        name=name,
        seeded=not tensors.absent(seed),
        keeps_graph=backprop.keeps_graph(retain, create) if batched is None else None,
        inputs=inputs if inputs is not None else Opaque(),
        accumulates=False,
    )
    keeps = isinstance(create, Const) and create.value is True
    count = (
        len(inputs.items) if isinstance(inputs, Seq) and inputs.exact else (1 if isinstance(inputs, Tensor) else None)
    )
    results: list[Value] = []
    for position in range(count or 0):
        target = inputs.items[position] if isinstance(inputs, Seq) else inputs
        size = target.size if isinstance(target, Tensor) else UNKNOWN
        if keeps:
            made = tensors.apply(it, "autograd.grad", [outputs], {}, node, "autograd.grad()", size=size, saves=True)
        else:
            made = Tensor(requires_grad=False, leaf=True, size=size, operation="autograd.grad")
            if tensors.absent(create) or (isinstance(create, Const) and create.value is False):
                sources = tensors.reach_of([outputs])
                made.cut = Cut("gradient", node, it.file, cuts.shown(node, "torch.autograd.grad(…)"), True, sources)
        results.append(made)
    if count is None:
        if keeps:
            return Opaque("gradients", reach=tensors.reach_of([outputs]), refs=(outputs,))
        return Opaque("gradients", detached=True)
    return Seq(results, kind="tuple")


def _autograd_backward(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    roots = arguments.get(0, "tensors")
    if roots is None:
        return NONE
    seed = arguments.get(1, "grad_tensors")
    inputs = arguments.get(5, "inputs")
    name = syntax.text(node.args[0].value) if type(node) is cst.Call and node.args else ""
    several = isinstance(roots, Seq) and len(roots.items) > 1
    backprop.run_backward(
        it,
        [roots],
        node,
        name=name,
        seeded=not tensors.absent(seed),
        keeps_graph=None
        if several
        else backprop.keeps_graph(arguments.get(2, "retain_graph"), arguments.get(3, "create_graph")),
        inputs=inputs,
    )
    return NONE


def _mode(name: str) -> Callable[[Interpreter, Arguments, cst.CSTNode], Value]:
    def make(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
        first = arguments.get(0)
        if isinstance(first, Function):  # torch.no_grad()(function), or @torch.no_grad
            flags = first.flags | {"no_grad" if name == "grad mode off" else "enable_grad"}
            return Function(first.node, first.scope, first.file, first.defaults, first.owner, flags)
        if name == "grad mode off" and isinstance(first, Const) and first.value is False:
            return Opaque("inference_mode", called="grad mode on")
        return Opaque("no_grad", called=name)

    return make


def _set_grad_enabled(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    known = conditions.known_truth(arguments.get(0, "mode") or NONE)
    called = {True: "grad mode on", False: "grad mode off", None: "grad mode unknown"}[known]
    it.mode_call = node  # as a statement it takes effect at once; as a context manager it is undone at the end
    return Opaque("set_grad_enabled", called=called)


def _device(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    name = first.value if isinstance(first, Const) and isinstance(first.value, str) else "device"
    return Opaque("cpu" if name == "cpu" else "device", called="torch.device", stable=True)


def _setup(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    given = list(arguments.positional)
    return given[0] if len(given) == 1 else Seq(given, kind="tuple")


def _scaler(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    enabled = arguments.get(-1, "enabled")
    off = isinstance(enabled, Const) and not enabled.value
    return Opaque("scaler", called="GradScaler off" if off else "GradScaler", stable=True)


def _checkpoint(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    if not arguments.positional:
        return Opaque()
    keep = {
        k: v
        for k, v in arguments.keywords.items()
        if k not in ("use_reentrant", "preserve_rng_state", "determinism_check")
    }
    return it.call(arguments.positional[0], Arguments(arguments.positional[1:], keep), node)


def _foreach_zero(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    for value in walk(arguments.positional):
        if isinstance(value, Tensor) and value.handle:
            it.trace.zero_grad(node, it.file, value.name, value.handle)
    return NONE


def _true(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    return TRUE


def _saved_tensors_hooks(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    pack = arguments.get(0, "pack_hook")
    it.trace.emit(SavedTensorsHooks(site=(it.file, node), calls=it.trace.calls, returns_input=_is_identity(pack)))
    return Opaque("hooks", refs=tuple(arguments.all()))


def _is_identity(function: Value | None) -> bool | None:
    """Whether a function of one argument does nothing but return it."""
    if not isinstance(function, Function):
        return None
    params, body = function.node.params.params, function.node.body
    result: cst.CSTNode | None = body
    if isinstance(body, cst.IndentedBlock):
        line = body.body[0] if len(body.body) == 1 else None
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        result = small.value if isinstance(small, cst.Return) else None
    return len(params) == 1 and isinstance(result, cst.Name) and result.value == params[0].name.value


_CALLS: dict[str, Callable[[Interpreter, Arguments, cst.CSTNode], Value]] = {
    **STANDARD,
    "torch.nn.Parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.autograd.Variable": _variable,
    "torch.autograd.grad": _autograd_grad,
    "torch.autograd.backward": _autograd_backward,
    "torch.autograd.graph.saved_tensors_hooks": _saved_tensors_hooks,
    "torch.no_grad": _mode("grad mode off"),
    "torch.autograd.no_grad": _mode("grad mode off"),
    "torch.inference_mode": _mode("grad mode off"),
    "torch.enable_grad": _mode("grad mode on"),
    "torch.autograd.enable_grad": _mode("grad mode on"),
    "torch.set_grad_enabled": _set_grad_enabled,
    "torch.autograd.set_grad_enabled": _set_grad_enabled,
    "torch.device": _device,
    **dict.fromkeys(
        (
            "torch.Tensor",
            "torch.FloatTensor",
            "torch.DoubleTensor",
            "torch.cuda.FloatTensor",
            "torch.cuda.DoubleTensor",
        ),
        _legacy_tensor,
    ),
    "torch.amp.GradScaler": _scaler,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.cuda.is_available": _true,
    "torch.backends.mps.is_available": _true,
    "torch._foreach_zero_": _foreach_zero,
    "accelerate.Accelerator": lambda it, arguments, node: Opaque("accelerator", stable=True),
    "apex.amp.initialize": _setup,
    "apex.amp.scale_loss": lambda it, arguments, node: Opaque(
        "scaled", called="scale_loss", refs=tuple(arguments.positional)
    ),
}
