"""Changes in place: what they change, and which values were saved for backward before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import SavedTensor, TensorWrite
from gradguard.static import syntax
from gradguard.static.saved import IN_PLACE_RESULT, SAVED
from gradguard.static.values import Arguments, Const, Instance, Module, Op, Opaque, Owner, Seq, Tensor, Value

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter
    from gradguard.static.project import SourceFile

__all__ = ["note_write", "save", "saved_by_update", "share", "storages"]

# Methods with a trailing underscore that change no value, or that torch allows on a leaf.
HARMLESS = frozenset(
    "requires_grad_ detach_ retain_grad_ share_memory_ rename_ unsqueeze_ squeeze_ t_ transpose_ swapaxes_ "
    "zero_grad_ is_shared_ pin_memory_ register_hook_ to_ cuda_ cpu_".split()
)
_MANY = 64


def storages(it: Interpreter, value: Value) -> frozenset[int]:
    """What the value of a tensor is kept in; nothing if that is not known for sure."""
    if isinstance(value, Tensor):
        if value.handle or value.stand_in:
            return frozenset()
        if value.storage:
            return value.storage
        if value.owners and value.owners != (value,):
            return _cells(it, value)
        return frozenset((value.ident,))
    if isinstance(value, Opaque):
        return frozenset((value.ident,))
    return frozenset()


def _cells(it: Interpreter, tensor: Tensor) -> frozenset[int]:
    """A parameter of a module counts as the module, of which only the weight is saved."""
    if tensor.name == "bias" or (tensor.partial and len(tensor.owners) == 1):
        return frozenset()
    cells = it.trace.cells(tensor.owners)
    return cells if len(cells) <= _MANY else frozenset()


def share(it: Interpreter, result: Value, source: Value, *, view: bool = False) -> None:
    """The result lies in the storage of the source: a view of it, or the same tensor changed in place."""
    for part in result.items if isinstance(result, Seq) else (result,):
        if isinstance(part, Tensor):
            part.storage = storages(it, source)
            part.is_view = part.is_view or view
            if isinstance(source, Tensor):
                part.hidden, part.stand_in = source.hidden, source.stand_in
                part.view_of = source.view_of or (source if source.leaf and source.requires_grad else None)


# --- what is saved ---------------------------------------------------------------------------------------------------


def save(
    it: Interpreter,
    op: Op,
    name: str,
    operands: Sequence[Value],
    results: Iterable[Value] = (),
    *,
    module: Owner | None = None,
    trains: bool = False,
) -> None:
    """Note what an operation saves."""
    row = SAVED.get(name)
    if row is None and name != "pow":
        return
    found: dict[int, SavedTensor] = {}
    if name == "pow":
        row = _saved_by_power(operands)
    elif name == "div" and operands and isinstance(operands[0], Const):
        return  # `1 / t` is `t.reciprocal()`, whose result nobody holds
    for what, condition in row or ():
        if condition and not _requires(operands, condition, trains=trains):
            continue
        if what == "w":
            if module is not None:
                _save_weights(it, module, op, found)
        elif what == "r":
            for result in results:
                _save(it, result, found)
        elif int(what) < len(operands):
            operand = operands[int(what)]
            if not _may_be_copied(name, operand):
                _save(it, operand, found)
    op.saved = tuple(found.values())


def _saved_by_power(operands: Sequence[Value]) -> tuple[tuple[str, str], ...]:
    base, exponent = operands[0], operands[1] if len(operands) > 1 else None
    if isinstance(exponent, Const):
        return () if exponent.value in (0, 1) else (("0", ""),)
    return (("r", ""),) if isinstance(base, Const) else ()


def _requires(operands: Sequence[Value], condition: str, *, trains: bool) -> bool:
    if condition == "w":
        return trains
    position = int(condition)
    if position >= len(operands):
        return False
    operand = operands[position]
    if isinstance(operand, Tensor):
        return operand.requires_grad is True
    return isinstance(operand, Opaque) and operand.op is not None


def _may_be_copied(name: str, operand: Value) -> bool:
    """A product of more than two dimensions, or a layer, may work on a contiguous copy of a view."""
    if name not in ("matmul", "Linear", "linear", "LazyLinear"):
        return False
    if not isinstance(operand, Tensor) or not operand.is_view:
        return False
    dims = operand.size.dims
    return dims is None or len(dims) > 2


def _save(it: Interpreter, value: Value, found: dict[int, SavedTensor]) -> None:
    ledger = it.trace.ledger
    name = value.name if isinstance(value, Tensor) else value.hint if isinstance(value, Opaque) else ""
    parameter = isinstance(value, Tensor) and bool(value.owners)
    for storage in storages(it, value):
        found.setdefault(storage, SavedTensor(storage, ledger.version(storage), name, parameter))


def _save_weights(it: Interpreter, module: Owner, op: Op, found: dict[int, SavedTensor]) -> None:
    name = _module_name(op.node)
    for cell in it.trace.cells((module,)) if isinstance(module, (Module, Opaque, Instance)) else ():
        shown = f"the parameters of `{name}`" if name else ""
        found.setdefault(cell, SavedTensor(cell, it.trace.ledger.version(cell), shown, is_parameter=True))


def _module_name(node: cst.CSTNode) -> str:
    name = syntax.text(node.func) if isinstance(node, cst.Call) else ""
    return name if len(name) <= 40 else ""


def save_unknown_module(it: Interpreter, op: Op, module: Opaque | Instance) -> None:
    """A network with more than one layer needs its weights for the backward."""
    found: dict[int, SavedTensor] = {}
    _save_weights(it, module, op, found)
    op.saved = tuple(found.values())


def saved_by_update(it: Interpreter, op: Op | None, name: str, target: Value, operands: Sequence[Value]) -> None:
    """What an operation in place saves: the new value of its target; of the old one torch keeps a copy."""
    if op is None:
        return
    save(it, op, name, operands, ())
    own = storages(it, target)
    op.saved = tuple(saved for saved in op.saved if saved.tensor not in own)
    if name in IN_PLACE_RESULT:
        found: dict[int, SavedTensor] = {}
        _save(it, target, found)
        op.saved += tuple(found.values())


# --- `inplace=True` --------------------------------------------------------------------------------------------------

_POSITION = {
    **dict.fromkeys("ReLU ReLU6 SELU SiLU Hardswish Hardsigmoid Mish".split(), 0),
    **dict.fromkeys("LeakyReLU ELU CELU Dropout Dropout1d Dropout2d Dropout3d AlphaDropout".split(), 1),
    **dict.fromkeys("Hardtanh Threshold RReLU".split(), 2),
}
_FUNCTION_POSITION = {
    **dict.fromkeys("relu relu6 selu silu hardswish hardsigmoid mish".split(), 1),
    **dict.fromkeys("leaky_relu elu celu".split(), 2),
    **dict.fromkeys("dropout dropout1d dropout2d dropout3d alpha_dropout hardtanh threshold".split(), 3),
}


def of_module(module: Module) -> bool:
    """Whether a layer changes its input: `nn.ReLU(inplace=True)`."""
    position = _POSITION.get(module.kind)
    if position is None:
        return False
    flag = module.keywords.get("inplace")
    if flag is None and position < len(module.config):
        flag = module.config[position]
    if "Dropout" in module.kind:
        share = module.keywords.get("p") or (module.config[0] if module.config else None)
        if isinstance(share, Const) and not share.value:
            return False
    return isinstance(flag, Const) and flag.value is True


def of_function(name: str, arguments: Arguments) -> str:
    """The operation that a function does in place on its first argument: `relu` for `F.relu(x, inplace=True)`."""
    if name.endswith("_") and not name.endswith("__"):
        return name[:-1]
    position = _FUNCTION_POSITION.get(name)
    if position is None:
        return ""
    flag = arguments.get(position, "inplace")
    if not (isinstance(flag, Const) and flag.value is True):
        return ""
    if "dropout" in name:
        share, training = arguments.get(1, "p"), arguments.get(2, "training")
        if any(isinstance(value, Const) and not value.value for value in (share, training)):
            return ""
    return name


def first_argument(node: cst.CSTNode) -> str:
    return syntax.text(node.args[0].value) if isinstance(node, cst.Call) and node.args else ""


# --- what is written -------------------------------------------------------------------------------------------------


def note_write(
    it: Interpreter,
    value: Value,
    node: cst.CSTNode,
    operation: str,
    *,
    name: str = "",
    hidden: bool = False,
    no_grad: bool = False,
    layer: tuple[SourceFile, cst.CSTNode] | None = None,
    given: Iterable[Value] = (),
) -> None:
    """A tensor is changed in place, perhaps by a layer in a sequence of them, which stands elsewhere."""
    if not isinstance(value, (Tensor, Opaque)) or it.expects_error or it.expected:
        return
    tensors = storages(it, value)
    if len(tensors) > 1 and it.trace.guesses:
        tensors = frozenset()  # a condition may have picked some of the parameters
    hidden = hidden or (isinstance(value, Tensor) and value.hidden)
    root = (value.view_of or value) if isinstance(value, Tensor) else None
    leaf = requires = None
    if root is not None:
        leaf, requires = _leaf_facts(it, root, given)
    if not tensors and not leaf:
        return
    it.trace.write(
        TensorWrite(
            site=(it.file, node) if layer is None or leaf else layer,
            name=name,
            operation=operation,
            tensors=frozenset(tensors),
            hidden=hidden,
            is_leaf=leaf,
            requires_grad=requires,
            recorded=False if no_grad else _is_recorded(it),
            is_view=root is not value,
            uses_gradient=any(isinstance(v, Tensor) and bool(v.grad_of) for v in given),
        )
    )


def _is_recorded(it: Interpreter) -> bool | None:
    # Whoever calls a function of this file may have switched the grad mode off.
    if it.mode_doubt and it.grad_enabled is not False:
        return None
    return it.grad_enabled if it.mode_known or it.explicit_mode or it.grad_enabled is False else None


def _leaf_facts(it: Interpreter, tensor: Tensor, given: Iterable[Value]) -> tuple[bool | None, bool | None]:
    """Whether a tensor surely is a leaf, and surely requires grad."""
    if tensor.handle or tensor.leaf is False or tensor.requires_grad is False:
        return tensor.leaf, False if tensor.handle else tensor.requires_grad
    if not tensor.leaf or not tensor.requires_grad or not tensor.owners:
        return None, None
    if tensor.owners == (tensor,):
        return True, True
    if any(isinstance(v, Tensor) and v.grad_of for v in given):
        return True, True
    if all(isinstance(owner, Module) and owner.frozen is False for owner in tensor.owners):
        return True, True
    cells = it.trace.cells(tensor.owners)
    reached = bool(cells) and all(it.trace.ledger.gradient(cell).added for cell in cells)
    return (True, True) if reached else (None, None)
