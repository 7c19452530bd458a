"""What the libraries do, as far as gradients are concerned: torch, the builtins, and the frameworks around them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import escape, expressions, objects, syntax, tensors
from gradguard.static.shapes import UNKNOWN, Size
from gradguard.static.values import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    Bound,
    Class,
    Const,
    External,
    Function,
    Import,
    Instance,
    Module,
    Opaque,
    Optimizer,
    Owner,
    Parameters,
    Partial,
    Seq,
    Table,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

BUILTINS = frozenset(dir(builtins))
_LIBRARIES = frozenset(
    "torch torchvision torchaudio torchtext numpy scipy pandas matplotlib sklearn tqdm os sys math random "
    "time json re copy "
    "functools itertools collections contextlib typing dataclasses pathlib argparse logging abc enum pickle warnings "
    "transformers datasets accelerate lightning pytorch_lightning deepspeed wandb tensorboardX PIL cv2 "
    "einops gym gymnasium "
    "apex timm hydra omegaconf yaml rich click absl __future__ subprocess shutil glob string inspect "
    "multiprocessing".split()
)
_MODULE_NAME = re.compile(
    r"(^|_|\b)(model|net|network|nets|module|generator|discriminator|encoder|decoder|critic|actor|policy|backbone|head|"
    r"classifier|student|teacher|unet|vae|gan|bert|lstm|gru|rnn|mlp|cnn|transformer|embedder|"
    r"netG|netD|netE|G|D|E|F|G_\w|D_\w|gen|disc|value|qf\d?|(target_)?(q|v|vf|qf|value|policy)_?func(tion)?|q_net|"
    r"agent_net|ddp_model|learner|fc\d*|conv\d*|linear\d*|layer\d*|proj|projector)\d*$|"
    r"(net|model|encoder|decoder|generator|discriminator|critic|actor|network|backbone)(_?[A-Za-z0-9])?$",
)
_LOSS_NAME = re.compile(
    r"criterion|criteria|(^|_)loss(_?f(n|unc|unction)?)?\d*$|crit$|(^|_)(bce|mse|ce|l1|nll|kl)(_loss)?$|"
    r"loss_fn|lossfn|objective",
    re.IGNORECASE,
)
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


def is_library(dotted: str) -> bool:
    return dotted.split(".", 1)[0] in _LIBRARIES


def names_module(name: str) -> bool:
    return bool(_MODULE_NAME.search(name))


def names_loss(name: str) -> bool:
    return bool(_LOSS_NAME.search(name))


def import_module(it: Interpreter, dotted: str, level: int) -> Value:
    """`import dotted`."""
    if level == 0 and is_library(dotted):
        return External(dotted)
    path = it.project.find(it.file, dotted, level)
    if path is not None:
        return Import(path, "", dotted, level, it.file)
    return External(("." * level) + dotted)


def import_name(it: Interpreter, dotted: str, level: int, name: str) -> Value:
    """`from dotted import name`."""
    if level == 0 and is_library(dotted):
        return External(_canonical(f"{dotted}.{name}"))
    path = it.project.find(it.file, dotted, level)
    if path is not None:
        return Import(path, name, dotted, level, it.file)
    submodule = it.project.find(it.file, f"{dotted}.{name}" if dotted else name, level)
    if submodule is not None:
        return Import(submodule, "", dotted, level, it.file)
    return External(f"{'.' * level}{dotted}.{name}")


def resolve(it: Interpreter, value: Value, depth: int = 0) -> Value:
    """What an import of a file of the project stands for: its file is read now."""
    if not isinstance(value, Import):
        return value
    if value.target is None:
        value.target = _resolve(it, value, depth)
    return value.target


def _resolve(it: Interpreter, value: Import, depth: int) -> Value:
    file = it.project.load(value.path) if depth < 6 else None
    if file is None:
        return External(f"{'.' * value.level}{value.dotted}.{value.name}".rstrip("."))
    package = it.load(file)
    if not value.name:
        return package
    found = package.scope.variables.get(value.name)
    if found is not None:
        return resolve(it, found, depth + 1)
    submodule = it.project.find(
        value.importer, f"{value.dotted}.{value.name}" if value.dotted else value.name, value.level
    )
    if submodule is not None:
        return resolve(it, Import(submodule, "", value.dotted, value.level, value.importer), depth + 1)
    return External(f"{'.' * value.level}{value.dotted}.{value.name}")


_ALIASES = (
    ("torch.nn.modules.", "torch.nn."),
    ("torch.cuda.amp.", "torch.amp."),
)


def _canonical(path: str) -> str:
    for prefix, replacement in _ALIASES:
        if path.startswith(prefix):
            return replacement + path[len(prefix) :]
    return path


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


def leave(it: Interpreter, manager: Instance, node: cst.CSTNode) -> None:
    found = manager.cls.lookup("__exit__")
    if found is not None:
        it.call(Bound(found[0], manager, found[1]), Arguments([NONE, NONE, NONE]), node)


def grad_mode(manager: Value) -> bool | None:
    if isinstance(manager, Opaque) and manager.called in ("grad mode on", "grad mode off"):
        return manager.called == "grad mode on"
    return None


def is_grad_mode(manager: Value) -> bool:
    return isinstance(manager, Opaque) and manager.called.startswith("grad mode")


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
            return objects.looks_like_optimizer(it, receiver) or is_training_name(last, method)
        return isinstance(receiver, Optimizer) or is_training_name(last, method)
    return is_training_name(last, method)


def is_training_name(name: str, method: str) -> bool:
    """Whether a name alone makes clear that `name.method` is a training method."""
    if method in ("update", "unscale_"):
        return "scaler" in name.lower()
    return bool(re.search(r"optim|(^|_)opt(_|\d|$)|sched|scaler|(^|_)adam", name, re.IGNORECASE))


# --- calls of the library --------------------------------------------------------------------------------------------


def call(it: Interpreter, path: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`path(*arguments)` for a function or class of a library."""
    path = _canonical(path)
    last = path.rsplit(".", 1)[-1]
    handler = _CALLS.get(path)
    if handler is not None:
        return handler(it, arguments, node)
    if path in _SAME_OBJECT or last in ("tqdm", "trange", "progress_bar") or last.endswith("DistributedDataParallel"):
        first = arguments.get(0)
        return first if first is not None else Opaque(last)
    if path.startswith("torch.optim."):
        return _optim(it, path, last, arguments, node)
    if path.startswith(("torch.nn.functional.", "torch.nn.init.")):
        if last.endswith("_") and path.startswith("torch.nn.init."):
            return arguments.get(0) or NONE
        return _function(it, last, arguments, node, f"F.{last}")
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
        return Opaque(last, refs=tuple(arguments.all()), reach=tensors.reach_of(arguments.all()))
    if path.startswith("torch.") or is_library(path):
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
    if path.endswith("_optimizer_step") or last == "optimizer_step":
        return _optimizer_step(it, arguments, node)
    if last[:1].isupper():
        # A class of a library: it keeps its arguments, and nothing happens to them yet.
        return Opaque(last, refs=tuple(given), called=path, reach=tensors.reach_of(given))
    return escape.unknown_call(it, last, arguments, node, library=is_library(path))


def _looks_like_optimizer_class(name: str) -> bool:
    return bool(
        re.match(
            r"(Fused|Deep|Distributed|Bnb|PagedA|8bit)?\w*(Adam|AdamW|SGD|Adafactor|Lion|LAMB|Lamb|LARS|RAdam|Ranger|Adan|Shampoo|Muon|RMSprop|Adagrad)\w*$",
            name,
        )
    )


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
    return tensors.apply(it, name, given, arguments.keywords, node, f"{label}()")


def _create(it: Interpreter, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`torch.zeros(…)` and its kin: a leaf."""
    given = list(arguments.positional)
    if name in ("tensor", "as_tensor") and given and tensors.in_graph(given[0]):
        tensors.look(it, given, node)
    wants = arguments.get(-1, "requires_grad")
    flag = False if wants is None else (bool(wants.value) if isinstance(wants, Const) else None)
    size = tensors.size_of(
        "function", name, given, {k: v for k, v in arguments.keywords.items() if k != "requires_grad"}
    )
    device = arguments.get(-1, "device")
    dtype = arguments.get(-1, "dtype")
    kind = dtype.path.rsplit(".", 1)[-1] if isinstance(dtype, External) else ("?" if dtype is not None else "")
    if name in ("as_tensor", "from_numpy") and given and not isinstance(given[0], (Const, Seq)):
        kind = "?"
    if name in _INTEGER and not kind:
        kind = "int64"
    return tensors.leaf(
        it,
        node,
        size if isinstance(size, Size) else UNKNOWN,
        requires_grad=flag,
        operation=name,
        cpu=device is None,
        dtype="float32" if kind == "float" else "float64" if kind == "double" else kind,
    )


def _parameter(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    data = arguments.get(0, "data")
    flag = tensors.flag(arguments.get(1, "requires_grad"))
    size = data.size if isinstance(data, Tensor) else UNKNOWN
    return tensors.leaf(
        it, node, size, requires_grad=flag, operation="nn.Parameter", cpu=isinstance(data, Tensor) and data.cpu
    )


def _variable(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    data = arguments.get(0, "data")
    wants = arguments.get(1, "requires_grad")
    if isinstance(wants, Const) and wants.value:
        return tensors.leaf(
            it, node, data.size if isinstance(data, Tensor) else UNKNOWN, requires_grad=True, operation="Variable"
        )
    if isinstance(data, Tensor) and data.requires_grad is not False:
        return tensors.method(it, data, "detach", Arguments(), node)
    if isinstance(data, Opaque) and tensors.in_graph(data):
        return Opaque(data.hint, detached=True)
    return data if data is not None else Opaque()


def _module(it: Interpreter, kind: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """The constructor of a module of torch.nn."""
    trains = kind not in _PARAMETERLESS and not kind.endswith("Loss")
    module = Module(kind, tuple(arguments.positional), dict(arguments.keywords), has_parameters=trains)
    it.trace.ledger.born([module.ident])
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
        return Opaque("scheduler", called=path)
    given = arguments.get(0, "params")
    return _make_optimizer(it, last, given, node)


def _make_optimizer(it: Interpreter, kind: str, given: Value | None, node: cst.CSTNode) -> Value:
    found = objects.as_parameters(it, given) if given is not None else None
    owners: list[Owner] = []
    if found is not None:
        owners = list(objects.subset(found) if found.partial else found.owners)
    elif given is not None:
        objects.owners_in(it, given, owners, 0)
    optimizer = Optimizer(
        kind, list(dict.fromkeys(owners)), ("optimizer", it.file, node), loose=found is None, node=node
    )
    it.trace.add_optimizer(optimizer)
    return optimizer


def _foreign_optimizer(it: Interpreter, last: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0, "params")
    if isinstance(first, Optimizer):
        return first
    return _make_optimizer(it, last, first, node)


def _optimizer_step(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if isinstance(first, Optimizer) or (isinstance(first, Opaque) and objects.is_optimizer(it, first)):
        optimizer = first if isinstance(first, Optimizer) else objects.optimizer_of(it, first)
        it.trace.step(node, it.file, "optimizer", optimizer)
    return NONE


def _autograd_grad(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    outputs, inputs = arguments.get(0, "outputs"), arguments.get(1, "inputs")
    retain, create = arguments.get(3, "retain_graph"), arguments.get(4, "create_graph")
    if outputs is None:
        return Opaque("gradients")
    seed = arguments.get(2, "grad_outputs")
    batched = arguments.get(-1, "is_grads_batched")
    name = syntax.text(node.args[0].value) if type(node) is cst.Call and node.args else ""
    tensors.run_backward(
        it,
        [outputs],
        node,
        name=name,
        seeded=not tensors.absent(seed),
        keeps_graph=tensors.keeps_graph(retain, create) if batched is None else None,
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
    tensors.run_backward(
        it,
        [roots],
        node,
        name=name,
        seeded=not tensors.absent(seed),
        keeps_graph=None
        if several
        else tensors.keeps_graph(arguments.get(2, "retain_graph"), arguments.get(3, "create_graph")),
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
    known = expressions.known_truth(arguments.get(0, "mode") or NONE)
    called = {True: "grad mode on", False: "grad mode off", None: "grad mode unknown"}[known]
    it.mode_call = node  # as a statement it takes effect at once; as a context manager it is undone at the end
    return Opaque("set_grad_enabled", called=called)


def _deepcopy(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    return copied(it, value, {}) if value is not None else Opaque()


def copied(it: Interpreter, value: Value, memo: dict[int, Value]) -> Value:
    """A deep copy: the same structure with gradients of its own."""
    known = memo.get(id(value))
    if known is not None:
        return known
    if isinstance(value, Module):
        made = Module(
            value.kind, value.config, value.keywords, [], list(value.names), value.has_parameters, value.frozen
        )
        memo[id(value)] = made
        made.children = [copied(it, child, memo) for child in value.children]
        it.trace.ledger.born([made.ident])
        return made
    if isinstance(value, Instance):
        twin = Instance(value.cls, {}, value.is_module, value.whole, None, value.frozen)
        memo[id(value)] = twin
        twin.attributes = {name: copied(it, child, memo) for name, child in value.attributes.items()}
        return twin
    if isinstance(value, Tensor):
        if value.owners == (value,):
            return tensors.leaf(it, value.leaf_at, value.size, requires_grad=value.requires_grad, name=value.name)
        return value
    if isinstance(value, Seq):
        return Seq([copied(it, item, memo) for item in value.items], value.exact, value.kind)
    if isinstance(value, Table):
        return Table({key: copied(it, item, memo) for key, item in value.items.items()}, value.exact)
    if isinstance(value, Opaque):
        return Opaque(value.hint, stable=value.stable, parameters=value.parameters)
    return value


# --- builtins --------------------------------------------------------------------------------------------------------


def _range(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    given = arguments.positional
    memo: dict[object, Value] = {}
    if len(given) == 1:
        memo = {"stop": given[0]}
    elif len(given) >= 2:
        memo = {"start": given[0], "stop": given[1]}
        if len(given) == 3:
            memo["step"] = given[2]
    return Opaque("range", called="range", memo=memo)


def _lazily(name: str) -> Callable[[Interpreter, Arguments, cst.CSTNode], Value]:
    def make(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
        refs = tuple(objects.consumed(it, value) for value in arguments.positional)
        memo: dict[object, Value] = {}
        start = arguments.get(1, "start")
        if name == "enumerate" and start is not None:
            memo["start"], refs = start, refs[:1]
        if not refs or arguments.open:
            return Opaque(name, refs=refs)
        return Opaque(name, called=name, refs=refs, memo=memo)

    return make


def _listed(kind: str) -> Callable[[Interpreter, Arguments, cst.CSTNode], Value]:
    def make(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
        if not arguments.positional:
            return Seq([], kind=kind)
        value = objects.consumed(it, arguments.positional[0])
        if isinstance(value, Seq):
            return Seq(list(value.items), value.exact, kind)
        if isinstance(value, Parameters):
            return value
        if isinstance(value, Module) and value.children:
            return Seq(list(value.children), kind=kind)
        if isinstance(value, Table):
            return Seq([Const(key) for key in value.items], value.exact, kind)
        if isinstance(value, Opaque) and value.called in ("filter", "chain", "map", "zip", "enumerate"):
            joined = objects.as_parameters(it, value)
            if joined is not None and joined.owners:
                return joined
        if isinstance(value, Opaque) and value.called in ("range", "zip", "enumerate", "map"):
            from gradguard.static.interpreter import iterate

            items = iterate(it, value, "", node, hot=True)
            count = items.limit if items.limit <= 6 else items.turns
            return Seq([items.item(turn) for turn in range(count)], items.limit <= 6, kind)
        return Opaque(kind, refs=(value,), reach=tensors.reach_of([value]))

    return make


def _dict_call(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    table = Table(
        {key: value for key, value in arguments.keywords.items() if key not in ("*", "**")}, not arguments.open
    )
    first = arguments.get(0)
    if isinstance(first, Table):
        table.items = {**first.items, **table.items}
        table.exact = table.exact and first.exact
    elif isinstance(first, Seq) and all(isinstance(i, Seq) and len(i.items) == 2 for i in first.items):
        for pair in first.items:
            assert isinstance(pair, Seq)
            key = pair.items[0]
            table.items[key.value if isinstance(key, Const) else ("unknown", len(table.items))] = pair.items[1]
    elif first is not None:
        table.exact = False
    return table


def _defaultdict(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    factory = arguments.get(0)
    return Table({}, factory=factory)


def _sum(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = objects.consumed(it, arguments.positional[0]) if arguments.positional else NONE
    start = arguments.get(1, "start")
    items = value.items if isinstance(value, Seq) else list(value.items.values()) if isinstance(value, Table) else None
    if items is None:
        return Opaque("sum", refs=(value,), reach=tensors.reach_of([value]))
    total: Value = start if start is not None else Const(0)
    from gradguard.static.arithmetic import BINARY

    symbol, compute = BINARY[cst.Add]
    for item in items:
        total = expressions.binary(it, symbol, compute, total, item, node)
    return total


def _len(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    if isinstance(value, (Seq, Table)) and value.exact:
        return Const(len(value.items))
    if isinstance(value, Opaque):
        known = value.memo.get("len()")
        if known is None:
            known = value.memo["len()"] = Opaque("len", stable=value.stable)
        return known
    return Opaque("len")


def _isinstance(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, kind = arguments.get(0), arguments.get(1)
    names = [k.path.rsplit(".", 1)[-1] for k in walk([kind] if kind else []) if isinstance(k, External)]
    if isinstance(value, Tensor):
        return TRUE if {"Tensor", "Parameter"} & set(names) else FALSE
    if isinstance(value, Const) and value.value is not None:
        return TRUE if type(value.value).__name__ in names else FALSE
    if isinstance(value, Seq):
        return TRUE if value.kind in names or "Sequence" in names or "Iterable" in names else FALSE
    if isinstance(value, Table):
        return TRUE if {"dict", "Mapping"} & set(names) else FALSE
    if isinstance(value, Module):
        return TRUE if {"Module", value.kind} & set(names) else FALSE
    if isinstance(value, Instance):
        classes = [k for k in walk([kind] if kind else []) if isinstance(k, Class)]
        if any(cls in classes for cls in value.cls.lineage()):
            return TRUE
        return Opaque() if not value.whole else (TRUE if "Module" in names and value.is_module else FALSE)
    if isinstance(value, Opaque):
        if value.op is not None and "Tensor" in names:
            return Opaque("isinstance", stable=True, truth=True)
        key = ("isinstance", tuple(names))
        known = value.memo.get(key)
        if known is None:
            known = value.memo[key] = Opaque("isinstance", stable=value.stable)
        return known
    return Opaque()


def _getattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, name = arguments.get(0), arguments.get(1)
    if value is None or not isinstance(name, Const) or not isinstance(name.value, str):
        return Opaque(refs=(value,) if value is not None else ())
    return expressions.get_attribute(it, value, name.value, node)


def _setattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    from gradguard.static import assignment

    value, name, new = arguments.get(0), arguments.get(1), arguments.get(2)
    if value is not None and isinstance(name, Const) and isinstance(name.value, str) and new is not None:
        assignment.set_attribute(it, value, name.value, new, node, node)
    return NONE


def _hasattr(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value, name = arguments.get(0), arguments.get(1)
    if isinstance(value, Instance) and isinstance(name, Const) and value.whole:
        known = name.value in value.attributes or value.cls.lookup(str(name.value)) is not None
        return TRUE if known or (value.is_module and name.value in objects.MODULE_METHODS) else FALSE
    if isinstance(value, Opaque) and isinstance(name, Const):
        key = ("hasattr", name.value)
        known_value = value.memo.get(key)
        if known_value is None:
            known_value = value.memo[key] = Opaque("hasattr", stable=value.stable)
        return known_value
    return Opaque()


def _map(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    function = arguments.get(0)
    value = objects.consumed(it, arguments.positional[1]) if len(arguments.positional) > 1 else NONE
    if function is not None and isinstance(value, Seq) and len(arguments.positional) == 2:
        return Seq([it.call(function, Arguments([item]), node) for item in value.items], value.exact)
    return Opaque("map", refs=tuple(arguments.positional))


def _next(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(0)
    if isinstance(value, Seq) and value.items:
        return value.items[0]
    if isinstance(value, Parameters):
        return objects.parameter(it, value)
    if isinstance(value, Opaque):
        return Opaque(value.hint, refs=value.refs)
    return Opaque()


def _partial(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    if not arguments.positional:
        return Opaque()
    return Partial(arguments.positional[0], Arguments(arguments.positional[1:], arguments.keywords, arguments.open))


def _filter(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    value = arguments.get(1)
    if isinstance(value, (Parameters,)):
        return value
    if isinstance(value, Seq):
        return Seq(list(value.items), exact=False)
    return Opaque("filter", called="filter", refs=(value,) if value is not None else ())


def _chain(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    joined = objects.as_parameters(it, Seq(list(arguments.positional)))
    if joined is not None and joined.owners:
        return joined
    if all(isinstance(v, Seq) for v in arguments.positional):
        items = [item for v in arguments.positional if isinstance(v, Seq) for item in v.items]
        return Seq(items, all(v.exact for v in arguments.positional if isinstance(v, Seq)))
    return Opaque("chain", called="chain", refs=tuple(arguments.positional))


def _device(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    name = first.value if isinstance(first, Const) and isinstance(first.value, str) else "device"
    return Opaque("cpu" if name == "cpu" else "device", called="torch.device", stable=True)


def _looked(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    tensors.look(it, list(arguments.all()), node)
    return NONE


def _setup(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    given = list(arguments.positional)
    return given[0] if len(given) == 1 else Seq(given, kind="tuple")


def _number(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    tensors.look(it, list(arguments.all()), node)
    if isinstance(first, Const) and isinstance(first.value, (int, float)):
        return first
    return Opaque("number", stable=isinstance(first, Opaque) and first.stable and not tensors.in_graph(first))


def _scaler(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> Value:
    return Opaque("scaler", called="GradScaler", stable=True)


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


_CALLS: dict[str, Callable[[Interpreter, Arguments, cst.CSTNode], Value]] = {
    "torch.nn.Parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.autograd.Variable": _variable,
    "torch.autograd.grad": _autograd_grad,
    "torch.autograd.backward": _autograd_backward,
    "torch.no_grad": _mode("grad mode off"),
    "torch.autograd.no_grad": _mode("grad mode off"),
    "torch.inference_mode": _mode("grad mode off"),
    "torch.enable_grad": _mode("grad mode on"),
    "torch.autograd.enable_grad": _mode("grad mode on"),
    "torch.set_grad_enabled": _set_grad_enabled,
    "torch.autograd.set_grad_enabled": _set_grad_enabled,
    "torch.device": _device,
    "torch.amp.GradScaler": _scaler,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.cuda.is_available": _true,
    "torch.backends.mps.is_available": _true,
    "copy.deepcopy": _deepcopy,
    "copy.copy": _deepcopy,
    "functools.partial": _partial,
    "itertools.chain": _chain,
    "builtins.range": _range,
    "builtins.enumerate": _lazily("enumerate"),
    "builtins.zip": _lazily("zip"),
    "itertools.count": lambda it, arguments, node: Opaque("range", called="range", memo={}),
    "builtins.list": _listed("list"),
    "builtins.tuple": _listed("tuple"),
    "builtins.set": _listed("set"),
    "collections.deque": _listed("list"),
    "builtins.dict": _dict_call,
    "collections.OrderedDict": _dict_call,
    "collections.defaultdict": _defaultdict,
    "builtins.sum": _sum,
    "builtins.len": _len,
    "builtins.isinstance": _isinstance,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.print": _looked,
    "builtins.int": _number,
    "builtins.float": _number,
    "builtins.abs": lambda it, arguments, node: (
        tensors.apply(it, "abs", list(arguments.positional), {}, node, "abs()")
        if any(isinstance(v, Tensor) for v in arguments.positional)
        else Opaque("number", reach=tensors.reach_of(arguments.positional))
    ),
    "torch._foreach_zero_": _foreach_zero,
    "accelerate.Accelerator": lambda it, arguments, node: Opaque("accelerator", stable=True),
    "apex.amp.initialize": _setup,
    "apex.amp.scale_loss": lambda it, arguments, node: Opaque(
        "scaled", called="scale_loss", refs=tuple(arguments.positional)
    ),
}
