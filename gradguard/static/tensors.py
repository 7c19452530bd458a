"""Tensors in abstract execution: operations, views, in-place writes, `.grad` and `.data`, backward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import libcst as cst

from gradguard.events import AskedForGrad, GradRead
from gradguard.static import backprop, cuts, inplace, retaining, shapes, syntax
from gradguard.static.saved import VIEWS
from gradguard.static.shapes import ANY, INT, UNKNOWN, Size
from gradguard.static.values import (
    FALSE,
    MADE,
    NONE,
    TRUE,
    Arguments,
    Const,
    Cut,
    External,
    Instance,
    Method,
    Module,
    Op,
    Opaque,
    Owner,
    Parameters,
    Seq,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

# Operations whose backward needs no saved buffer, found by running backward twice through each.
FREE = frozenset(
    "add sub neg sum mean view reshape getitem t T mT H clone double float half to cuda cpu cat concat "
    "stack hstack vstack "
    "expand flatten squeeze unsqueeze permute transpose swapaxes movedim chunk split unbind diff cumsum "
    "tril triu repeat "
    "interpolate pad flip roll trace select narrow contiguous view_as reshape_as expand_as type type_as "
    "bfloat16 nansum "
    "diagonal diag unflatten ravel rot90 tile".split()
)
# Operations whose result has no graph, whatever goes in.
NO_GRAPH = frozenset(
    "argmax argmin argsort eq ne lt le gt ge isnan isinf isfinite any all sign_ bool long int nonzero bincount "
    "zeros_like ones_like empty_like rand_like randn_like full_like randint_like new_zeros new_ones new_empty new_full "
    "new new_tensor resize_as_ bernoulli multinomial one_hot equal allclose logical_and logical_or "
    "logical_not is_tensor numel".split()
)
# Operations whose second result, if they have two, are positions.
_WITH_POSITIONS = frozenset("max min topk sort kthvalue median mode cummax cummin".split())
# Operations that only add up and scale, so that a term without a graph adds nothing to the gradient.
_SUMS = frozenset("add sub + - stack cat concat hstack".split())
_SCALES = frozenset(
    "neg mean sum mul div nanmean view reshape squeeze unsqueeze flatten to cuda cpu float double".split()
)
_INTEGER_RESULTS = frozenset("argmax argmin argsort long int nonzero bincount one_hot multinomial".split())
_BOOLEAN_RESULTS = frozenset("eq ne lt le gt ge isnan isinf isfinite bool logical_and logical_or logical_not".split())
_DEAD_TERMS = frozenset({"discrete", "number", "numpy", "rewrap", "gradient"})
NUMBERS = frozenset(
    "item tolist numpy size dim ndimension numel element_size stride nelement data_ptr is_floating_point".split()
)
# Methods that only a tensor has, so that an unknown receiver must be one.
TENSOR_ONLY = frozenset(
    "clone detach unsqueeze squeeze view reshape permute transpose requires_grad_ retain_grad backward contiguous "
    "expand masked_fill index_select gather scatter softmax log_softmax sigmoid tanh relu argmax clamp".split()
)
SYMBOLS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floor_divide",
    "%": "remainder",
    "**": "pow",
    "@": "matmul",
    "&": "logical_and",
    "|": "logical_or",
}


def in_graph(value: Value) -> bool:
    """Whether a value carries an autograd graph, as far as is known."""
    if isinstance(value, Tensor):
        return value.requires_grad is not False or bool(value.grad_of)
    return isinstance(value, Opaque) and (value.op is not None or bool(value.reach))


def reach_of(values: Iterable[Value], depth: int = 1) -> frozenset[Owner]:
    """The leaves and modules that the gradients of these values may reach."""
    found: set[Owner] = set()
    for value in walk(values):
        if isinstance(value, Tensor):
            if value.requires_grad is not False:
                found.update(value.reach)
                found.update(value.owners)
        elif isinstance(value, Opaque):
            if value.detached:
                continue
            found.update(value.reach)
            if value.parameters and not value.frozen:
                found.add(value)
            if depth and value.refs and not value.reach:
                found.update(reach_of(value.refs, depth - 1))
        elif (isinstance(value, Module) and not value.frozen) or (isinstance(value, Instance) and value.is_module):
            found.add(value)
        elif isinstance(value, Parameters):
            found.update(value.owners)
    return frozenset(found)


def leaf(
    it: Interpreter, node: cst.CSTNode | None, size: Size = UNKNOWN, *, requires_grad: bool | None, **facts: Any
) -> Tensor:
    """A new leaf tensor."""
    if requires_grad is False:
        facts.setdefault("cut", MADE)
    tensor = Tensor(requires_grad=requires_grad, leaf=True, size=size, file=it.file, leaf_at=node, **facts)
    if requires_grad:
        tensor.owners = (tensor,)
        it.trace.ledger.born([tensor.ident])
    return tensor


def as_tensor(value: Opaque) -> Tensor:
    """An unknown value that turned out to be a tensor."""
    known = value.op is not None
    tensor = Tensor(
        requires_grad=True if known else None,
        leaf=False if known else None,
        op=value.op,
        reach=value.reach,
        name=value.hint,
    )
    if not known and not value.parameters and (cut := cuts.cut_of(value)) is not None:
        tensor.requires_grad, tensor.leaf, tensor.cut = False, True, cut
    if value.parameters:
        tensor.requires_grad, tensor.leaf, tensor.owners = True, None, (value,)
    return tensor


# --- sizes -----------------------------------------------------------------------------------------------------------


def argument(value: Value | None) -> Any:
    """A value as the algebra of sizes wants it."""
    if isinstance(value, Tensor):
        return value.size
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Seq) and value.exact:
        items = [argument(item) for item in value.items]
        return tuple(items) if value.kind == "tuple" else items
    if isinstance(value, Opaque) and value.op is not None:
        return UNKNOWN
    if isinstance(value, Opaque) and value.hint == "comparison":
        return compared_size(value)
    if isinstance(value, Opaque) and value.hint in ("extent", "size", "len", "numel", "dim"):
        return INT
    return ANY


def compared_size(value: Opaque) -> Size:
    """The size of what a comparison of tensors gives, such as `labels != pad`."""
    try:
        return shapes.binary(*(argument(part) for part in value.refs))
    except (TypeError, ValueError):
        return UNKNOWN


def size_of(kind: str, name: str, args: list[Value], kwargs: dict[str, Value]) -> Size | tuple[Size, ...]:
    """The size of a result; unknown if the algebra cannot tell."""
    try:
        words = {key: argument(value) for key, value in kwargs.items()}
        if kind == "method":
            receiver = argument(args[0])
            given = [argument(a) for a in args[1:]]
            return _flat(shapes.method(name, receiver if isinstance(receiver, Size) else UNKNOWN, given, words))
        return _flat(shapes.function(name, [argument(a) for a in args], words))
    except (TypeError, ValueError, IndexError, KeyError, AttributeError):
        return UNKNOWN


def _flat(result: object) -> Size | tuple[Size, ...]:
    if isinstance(result, tuple):
        return tuple(part if isinstance(part, Size) else UNKNOWN for part in result)
    return result if isinstance(result, Size) else UNKNOWN


# --- operations ------------------------------------------------------------------------------------------------------


def look(it: Interpreter, values: Iterable[Value], node: cst.CSTNode) -> None:
    """Gradients among these values are looked at, so clearing them afterwards loses nothing."""
    owners = [owner for value in walk(values) if isinstance(value, Tensor) for owner in value.handle]
    if owners:
        it.trace.grad_read(GradRead(site=(it.file, node), name="", gradients=it.trace.cells(owners)))


def apply(
    it: Interpreter,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    node: cst.CSTNode,
    label: str = "",
    *,
    kind: str = "function",
    size: Size | tuple[Size, ...] | None = None,
    module: Owner | None = None,
    saver: Owner | None = None,
    saves: bool | None = None,
    frozen: Cut | None = MADE,
) -> Value:
    """The result of an operation on tensors; a tuple of tensors where the operation returns several."""
    inputs = [v for v in walk([*args, *kwargs.values()]) if isinstance(v, Tensor) or in_graph(v)]
    look(it, inputs, node)
    if size is None:
        size = size_of(kind, name, args, kwargs)
        if name in _WITH_POSITIONS and not isinstance(size, tuple) and _has_positions(name, args, kwargs):
            size = (UNKNOWN, UNKNOWN)
    everything = [*args, *kwargs.values()]
    if name in NO_GRAPH:
        if name in cuts.DISCRETE:
            return _plain(it, node, size, label or name, cuts.made_by(it, "discrete", node, label or name, everything))
        return _plain(it, node, size, label or name, MADE)
    requires = _requires(it, inputs, module)
    grad_of = frozenset().union(*(v.grad_of for v in inputs if isinstance(v, Tensor)))
    op: Op | None = None
    reach: frozenset[Owner] = frozenset()
    if requires is not False:
        reach = reach_of(inputs) | frozenset((module,) if module is not None else ())
    if requires:
        parents = tuple(dict.fromkeys(v.op for v in inputs if isinstance(v, (Tensor, Opaque)) and v.op is not None))
        leaves = tuple(o for v in inputs if isinstance(v, Tensor) and v.requires_grad is not False for o in v.owners)
        if module is not None:
            leaves += (module,)
        op = Op(label or name, node, it.file, name not in FREE if saves is None else saves, parents, leaves)
        plain = [v.cut for v in inputs if isinstance(v, Tensor) and v.cut is not None and not v.requires_grad]
        op.fed = tuple(cut for cut in plain if cut.lost)
        if name in _SUMS:
            terms = [cut for value in walk(args) if (cut := cuts.cut_of(value)) is not None]
            op.linear, op.dead = True, tuple(cut for cut in terms if cut.lost and cut.kind in _DEAD_TERMS)
        elif name in _SCALES:
            op.linear = len(inputs) - sum(cuts.cut_of(value) is not None for value in inputs) == 1
        op.loose = retaining.is_loose(walk([*args, *kwargs.values()]))
    first = next((v for v in inputs if isinstance(v, Tensor)), None)
    sizes = size if isinstance(size, tuple) else (size,)
    cut = None
    if requires is False and (frozen is not None or it.grad_enabled is False):
        cut = cuts.of_operation(it, name, label or name, everything, node, frozen, module)
    results: list[Value] = []
    for one in sizes:
        if results and name in _WITH_POSITIONS:
            by = f"the positions that `{(label or name).strip('.')}` returns"
            made = cuts.made_by(it, "discrete", node, by, everything)
            results.append(_plain(it, node, one, label or name, made))
            continue
        tensor = Tensor(
            requires_grad=requires,
            leaf=None if requires is None else not requires,
            op=op,
            reach=reach,
            size=one,
            grad_of=grad_of,
            operation=label or name,
            made_at=node,
            leaf_at=next((v.leaf_at for v in inputs if isinstance(v, Tensor) and v.owners), None),
            file=it.file,
            cut=cut,
        )
        if one.many is not False:
            reduces = "loss" in name.lower() or "entropy" in name  # but for `reduction="none"`
            inherited = first.unreduced if first is not None and first.size.many and not reduces else None
            tensor.unreduced = inherited or ((node, label or name) if one.many else None)
        results.append(tensor)
    if op is not None and label != f"{name}()":  # not for what merely has the name of a function of torch
        inplace.save(it, op, name, args, results, module=saver, trains=module is not None)
    if name in VIEWS and args and not (name == "getitem" and saves):
        for result in results:
            inplace.share(it, result, args[0], view=True)
    return results[0] if not isinstance(size, tuple) else Seq(results, kind="tuple")


def _has_positions(name: str, args: list[Value], kwargs: dict[str, Value]) -> bool:
    if name in ("topk", "sort"):
        return True
    dim = kwargs.get("dim") or (args[1] if len(args) > 1 else None)
    return isinstance(dim, Const) and isinstance(dim.value, int)


def _plain(it: Interpreter, node: cst.CSTNode, size: Size | tuple[Size, ...], label: str, cut: Cut) -> Value:
    if isinstance(size, tuple):
        return Seq([_plain(it, node, one, label, cut) for one in size], kind="tuple")
    last = label.strip(".()").rsplit(".", 1)[-1]
    dtype = "int64" if last in _INTEGER_RESULTS else "bool" if last in _BOOLEAN_RESULTS else ""
    return Tensor(requires_grad=False, leaf=True, size=size, operation=label, file=it.file, cut=cut, dtype=dtype)


def _requires(it: Interpreter, inputs: list[Value], module: Owner | None) -> bool | None:
    if it.grad_enabled is False:
        return False
    known = [v.requires_grad if isinstance(v, Tensor) else (v.op is not None or None) for v in inputs]  # type: ignore[attr-defined]
    if module is not None:
        known.append(True)
    if True in known:
        return True if it.grad_enabled else None
    return None if None in known else False


def binary(it: Interpreter, symbol: str, left: Value, right: Value, node: cst.CSTNode) -> Value:
    """`left symbol right` where one of them is a tensor."""
    name = SYMBOLS.get(symbol, symbol)
    first, second = argument(left), argument(right)
    size: Size | tuple[Size, ...] = UNKNOWN
    try:
        if symbol == "@":
            size = shapes.matmul(first, second) if isinstance(first, Size) and isinstance(second, Size) else UNKNOWN
        else:
            size = shapes.binary(first, second)
    except (TypeError, ValueError):
        size = UNKNOWN
    return apply(it, name, [left, right], {}, node, symbol, size=size)


def index(it: Interpreter, tensor: Tensor, key: Value, node: cst.CSTNode) -> Value:
    """`tensor[key]`."""
    try:
        size = shapes.index(tensor.size, argument(key))
    except (TypeError, ValueError, IndexError):
        size = UNKNOWN
    masked = any(isinstance(part, (Tensor, Opaque)) for part in (key.items if isinstance(key, Seq) else [key]))
    result = apply(it, "getitem", [tensor], {}, node, "indexing", size=size, saves=masked)
    if isinstance(result, Tensor) and (tensor.handle or tensor.base is not None or tensor.owners) and not masked:
        result.handle = tensor.handle
        result.base = tensor.base or (tensor if tensor.owners and tensor.requires_grad else None)
        if tensor.handle:
            result.requires_grad, result.leaf = False, True
    return result


# --- attributes ------------------------------------------------------------------------------------------------------


def attribute(it: Interpreter, tensor: Tensor, name: str, node: cst.CSTNode) -> Value:
    if name == "grad":
        return read_grad(it, tensor, node)
    if name == "data":
        return _cut_off(it, tensor, _data(it, tensor), "data", ".data", node)
    if name in ("T", "mT", "H", "real", "imag"):
        return apply(it, name, [tensor], {}, node, f".{name}", kind="method")
    if name == "requires_grad":
        return Opaque("requires_grad") if tensor.requires_grad is None else (TRUE if tensor.requires_grad else FALSE)
    if name == "is_leaf":
        return Opaque() if tensor.leaf is None else (TRUE if tensor.leaf else FALSE)
    if name == "shape":
        dims = tensor.size.dims
        if dims is None:
            return Opaque("shape")
        return Seq([Opaque("extent") if d is None else Const(d) for d in dims], kind="tuple")
    if name == "ndim" and tensor.size.dims is not None:
        return Const(len(tensor.size.dims))
    if name in (
        "dtype",
        "device",
        "grad_fn",
        "layout",
        "itemsize",
        "nbytes",
        "name",
        "names",
        "is_cuda",
        "ndim",
        "_version",
    ):
        return Opaque(name)
    return Method(tensor, name)


def _data(it: Interpreter, tensor: Tensor) -> Tensor:
    base = tensor.base or (tensor if tensor.owners or tensor.leaf else None)
    return Tensor(
        requires_grad=False,
        leaf=True,
        size=tensor.size,
        handle=tensor.handle,
        base=None if tensor.handle else base,
        grad_of=tensor.grad_of,
        name=f"{tensor.name}.data" if tensor.name else "",
        storage=inplace.storages(it, tensor),
        hidden=True,
        stand_in=tensor.stand_in,
    )


def read_grad(it: Interpreter, tensor: Tensor, node: cst.CSTNode) -> Value:
    """`tensor.grad`."""
    name = syntax.text(node.value) if type(node) is cst.Attribute else tensor.name
    if not tensor.handle:
        it.trace.grad_read(
            GradRead(
                site=(it.file, node),
                name=name or tensor.name,
                is_leaf=tensor.leaf,
                requires_grad=tensor.requires_grad,
                retains_grad=tensor.retains,
                operation=tensor.operation,
                made_at=(tensor.file, tensor.made_at) if tensor.made_at is not None else None,
                leaf_at=(tensor.file, tensor.leaf_at) if tensor.leaf_at is not None else None,
                rebound_at=(tensor.rebound_file, tensor.rebound) if tensor.rebound is not None else None,
            )
        )
    owners = tensor.owners
    if not owners:
        return Opaque("grad", refs=(tensor,))
    return Tensor(
        requires_grad=False,
        leaf=True,
        size=tensor.size,
        handle=owners,
        grad_of=it.trace.generations(owners),
        name=f"{name}.grad" if name else "",
    )


def set_attribute(
    it: Interpreter, tensor: Tensor, name: str, value: Value, target: cst.CSTNode, node: cst.CSTNode
) -> None:
    if name in ("grad", "_grad"):
        if tensor.owners:
            assign_grad(it, tensor.owners, value, target, node)
    elif name == "data":
        if tensor.handle:
            _write_grad(it, tensor, value, node, zero=_is_zero(value))
        else:
            own = tensor.op is not None and any(s.tensor in inplace.storages(it, tensor) for s in tensor.op.saved)
            if not own:  # the result that an operation has saved is still the old one
                shown = syntax.text(target.value) if type(target) is cst.Attribute else ""
                inplace.note_write(it, tensor, node, ".data =", name=shown, hidden=True)
            write(it, tensor, value, node, operation="data")
    elif name == "requires_grad":
        wanted = value.value if isinstance(value, Const) else None
        set_requires_grad(it, tensor, wanted, node, f".requires_grad = {wanted}")


def assign_grad(
    it: Interpreter, owners: tuple[Owner, ...], value: Value, target: cst.CSTNode, node: cst.CSTNode
) -> None:
    """`w.grad = value`."""
    name = syntax.text(target.value) if type(target) is cst.Attribute else ""
    if isinstance(value, Const) and value.value is None:
        it.trace.zero_grad(node, it.file, name, owners)
        return
    cells = it.trace.cells(owners)
    if isinstance(value, Tensor) and {c for c, _ in value.grad_of} & cells:
        if any(it.trace.ledger.gradient(cell).added for cell in cells):
            return  # a gradient that was scaled, clipped or averaged is still that gradient
    it.trace.escape(owners)


def ask_for_grad(it: Interpreter, dtype: str, what: str, node: cst.CSTNode, name: str = "") -> None:
    """A gradient is asked for, for a tensor of a known dtype."""
    if dtype and dtype != "?" and not it.expected:
        guessed = it.trace.guesses > 0
        it.trace.emit(AskedForGrad(site=(it.file, node), conditional=guessed, dtype=dtype, what=what, name=name))


def set_requires_grad(
    it: Interpreter, value: Value, wanted: bool | None, node: cst.CSTNode, what: str = ".requires_grad_()"
) -> None:
    """`value.requires_grad_(wanted)`, for tensors, modules and whatever holds parameters."""
    if isinstance(value, (Module, Instance)):
        it.trace.frozen_at.pop(value.ident, None)
        if wanted is False and not it.trace.guesses:
            it.trace.frozen_at[value.ident] = Cut("frozen", node, it.file, what, lost=True)
    if isinstance(value, Tensor) and wanted:
        ask_for_grad(it, value.dtype, what, node, value.name)
    if isinstance(value, Tensor):
        if value.owners and value.owners != (value,):
            for owner in value.owners:
                one = value.partial or (isinstance(owner, Module) and value in owner.attributes.values())
                set_requires_grad(it, owner, None if one and not wanted else wanted, node, what)
            value.requires_grad = wanted
        elif value.leaf is not False or not value.requires_grad:
            if wanted and value.requires_grad is False and value.cut is not None:
                value.releaf = Cut("releaf", node, it.file, what), value.cut
            elif not wanted:
                known = wanted is False and value.owners == (value,) and not it.trace.guesses
                value.cut = Cut("frozen", node, it.file, what, lost=True) if known else value.cut
            value.requires_grad = wanted
            value.rebound = None
            if wanted:
                value.owners = (value,)
                value.grad_of = frozenset()
                value.leaf_at = value.leaf_at or node
                value.leaf = True if value.leaf is None and value.op is None and not value.reach else value.leaf
                it.trace.ledger.born([value.ident])
    elif isinstance(value, Module):
        value.frozen = None if wanted is None else not wanted
        for child in value.children:
            set_requires_grad(it, child, wanted, node, what)
    elif isinstance(value, Instance):
        value.frozen = None if wanted is None else not wanted
        for child in list(value.attributes.values()):
            if isinstance(child, (Module, Instance)) or (isinstance(child, Tensor) and child.owners):
                set_requires_grad(it, child, wanted, node, what)
    elif isinstance(value, Opaque):
        value.frozen = None if wanted is None else not wanted
        if wanted:
            value.parameters = True
    elif isinstance(value, Parameters):
        for owner in value.owners:
            set_requires_grad(it, owner, wanted, node, what)


# --- writing in place ------------------------------------------------------------------------------------------------


def _is_zero(value: Value) -> bool:
    if isinstance(value, Tensor):
        return value.operation in ("zeros", "zeros_like", "new_zeros")
    return isinstance(value, Const) and not isinstance(value.value, bool) and value.value == 0


def write(
    it: Interpreter, target: Tensor, value: Value, node: cst.CSTNode, *, operation: str, augmented: str = ""
) -> None:
    """`target` is overwritten in place by `value`, or combined with it."""
    if target.handle:
        zero = _is_zero(value) and augmented in ("", "*")
        _write_grad(it, target, value, node, zero=zero)
        return
    if cuts.cut_of(value) is None and it.grad_enabled is not False:
        target.cut = None
    base = target.base or target
    grad_of = value.grad_of if isinstance(value, Tensor) else frozenset()
    owners = base.owners
    if owners and grad_of:
        name = base.name or (syntax.text(node.target) if type(node) is cst.AugAssign else "") or "w"
        it.trace.manual_update(node, it.file, name, owners, grad_of)
        return
    if owners and in_graph(value):  # torch refuses that; what was meant is a sum that reaches both
        target.reach |= reach_of([value])
    if in_graph(value) and not owners and it.grad_enabled is not False:
        combined = apply(it, operation, [target, value], {}, node, operation, size=target.size)
        if isinstance(combined, Tensor) and target.base is None:
            target.requires_grad, target.leaf, target.op = combined.requires_grad, combined.leaf, combined.op
            target.reach, target.operation, target.made_at = combined.reach, operation, node
            target.file, target.leaf_at = combined.file, combined.leaf_at


def _write_grad(it: Interpreter, target: Tensor, value: Value, node: cst.CSTNode, *, zero: bool) -> None:
    if zero:
        it.trace.zero_grad(node, it.file, target.name, target.handle)
    elif isinstance(value, Tensor) and not value.grad_of and value.operation:
        it.trace.escape(target.handle)


# --- methods ---------------------------------------------------------------------------------------------------------


def method(it: Interpreter, tensor: Tensor, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`tensor.name(*arguments)`."""
    args: list[Value] = [tensor, *arguments.positional]
    if name == "backward":
        backprop.backward(it, tensor, arguments, node)
        return NONE
    if name == "detach":
        return _cut_off(it, tensor, _detached(it, tensor), "detach", ".detach()", node)
    if name == "detach_":
        if tensor.owners and tensor.owners != (tensor,):
            # Parameters of a module: a way to freeze them.
            set_requires_grad(it, tensor, wanted=False, node=node, what=".detach_()")
            return tensor
        _cut_off(it, tensor, tensor, "detach", ".detach_()", node)
        tensor.requires_grad, tensor.leaf, tensor.op, tensor.reach, tensor.owners = False, True, None, frozenset(), ()
        return tensor
    if name == "requires_grad_":
        set_requires_grad(it, tensor, flag(arguments.get(0, "requires_grad")), node)
        return tensor
    if name == "retain_grad":
        tensor.retains = True
        return NONE
    if name in NUMBERS:
        look(it, [tensor], node)
        if name in ("size", "dim", "ndimension", "numel") and tensor.size.dims is not None:
            return _size_method(tensor, name, arguments)
        if name == "is_floating_point" and tensor.dtype not in ("", "?"):
            return FALSE if tensor.dtype.startswith(("int", "uint", "bool")) else TRUE
        cut = MADE
        if name in ("item", "tolist", "numpy"):
            cut = cuts.made_by(it, "numpy" if name == "numpy" else "number", node, f".{name}()", [tensor])
        return Opaque(name, detached=True, cut=cut)
    if name in ("to", "type", "byte", "short") and (name in ("byte", "short") or _to_integers(arguments)):
        return _plain(it, node, tensor.size, f".{name}()", cuts.made_by(it, "discrete", node, f".{name}()", [tensor]))
    if name == "new_tensor" and arguments.positional:
        return _plain(it, node, UNKNOWN, name, cuts.made_by(it, "rewrap", node, ".new_tensor(…)", arguments.positional))
    if name in _CONVERSIONS and tensor.leaf is not False:
        return _convert(it, tensor, name, arguments, node)
    if name.endswith("_") and not name.endswith("__"):
        return _in_place(it, tensor, name, arguments, node)
    if name in ("register_hook", "register_post_accumulate_grad_hook"):
        from gradguard.static.escape import runs_our_code

        it.trace.backward_hooked = it.trace.backward_hooked or runs_our_code(list(arguments.all()))
        return Opaque("handle")
    if name in ("share_memory_", "is_contiguous"):
        return Opaque(name)
    return apply(it, name, args, arguments.keywords, node, f".{name}()", kind="method")


def _to_integers(arguments: Arguments) -> bool:
    return any(
        isinstance(value, External) and cuts.is_integer(value.path.rsplit(".", 1)[-1].lower().removesuffix("tensor"))
        for value in arguments.all()
    )


def _cut_off(it: Interpreter, tensor: Tensor, result: Tensor, kind: str, what: str, node: cst.CSTNode) -> Tensor:
    result.cut = cuts.made_by(it, kind, node, what, [tensor])
    result.file = it.file
    return result


def _detached(it: Interpreter, tensor: Tensor) -> Tensor:
    result = _data(it, tensor)
    result.hidden = tensor.hidden
    result.name, result.grad_of = "", tensor.grad_of
    return result


def _size_method(tensor: Tensor, name: str, arguments: Arguments) -> Value:
    dims = tensor.size.dims or ()
    if name in ("dim", "ndimension"):
        return Const(len(dims))
    which = arguments.get(0, "dim")
    if name == "size" and which is None:
        return Seq([Opaque("extent") if d is None else Const(d) for d in dims], kind="tuple")
    if (
        name == "size"
        and isinstance(which, Const)
        and isinstance(which.value, int)
        and -len(dims) <= which.value < len(dims)
    ):
        extent = dims[which.value]
        return Opaque("extent") if extent is None else Const(extent)
    return Opaque(name)


_CONVERSIONS = frozenset("to cuda cpu float double half bfloat16 type type_as contiguous".split())
_DTYPES = {"float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16"}


def _convert(it: Interpreter, tensor: Tensor, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A conversion of a leaf. It is an operation, and its result a non-leaf, unless there is nothing to convert."""
    same = _changes_nothing(tensor, name, arguments)
    if same:
        return tensor
    result = apply(it, name, [tensor], {}, node, f".{name}()", size=tensor.size)
    if isinstance(result, Tensor):
        result.dtype = _dtype_after(tensor, name, arguments)
        if same is None and result.requires_grad:
            result.leaf = None
            result.owners = tensor.owners
        if same is None and result.cut is not None and result.cut.kind == "mode":
            result.cut = tensor.cut  # it may be the leaf itself
        if not result.requires_grad:
            result.leaf = True
    return result


def _dtype_after(tensor: Tensor, name: str, arguments: Arguments) -> str:
    if name in _DTYPES:
        return _DTYPES[name]
    given = list(arguments.all())
    for value in given:
        if isinstance(value, External):
            kind = value.path.rsplit(".", 1)[-1]
            return {"float": "float32", "double": "float64"}.get(kind, kind)
    is_device = all(
        isinstance(v, Const) or (isinstance(v, Opaque) and "device" in f"{v.called} {v.hint} {v.attribute}")
        for v in given
    )
    return tensor.dtype if is_device and name != "type_as" else ""


def _changes_nothing(tensor: Tensor, name: str, arguments: Arguments) -> bool | None:
    if name == "contiguous":
        return True
    if name in _DTYPES:
        return (tensor.dtype or "float32") == _DTYPES[name] if tensor.leaf_at is not None else None
    if name == "cpu":
        return True if tensor.cpu else None
    if name == "cuda":
        return False
    if name == "to":
        wanted = list(arguments.all())
        verdicts = [_to_changes_nothing(tensor, value) for value in wanted]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else True
    return None


def _to_changes_nothing(tensor: Tensor, wanted: Value) -> bool | None:
    if isinstance(wanted, Const):
        if isinstance(wanted.value, str):
            return (True if tensor.cpu else None) if wanted.value == "cpu" else False
        return True if isinstance(wanted.value, bool) else None
    if isinstance(wanted, External):
        kind = wanted.path.rsplit(".", 1)[-1]
        return (tensor.dtype or "float32") == {"float": "float32", "double": "float64"}.get(kind, kind)
    if isinstance(wanted, Opaque):
        if wanted.called == "torch.device":
            return True if wanted.hint == "cpu" and tensor.cpu else (None if wanted.hint == "cpu" else False)
        if ("device" in wanted.hint.lower() and wanted.hint != "device") or wanted.attribute == "device":
            return None if wanted.attribute == "device" and not _is_config(wanted) else False
        if wanted.hint == "device":
            return None if wanted.parent is None and not wanted.stable else False
    return None


def _is_config(value: Opaque) -> bool:
    parent = value.parent
    return parent is not None and any(
        word in parent.hint.lower() for word in ("arg", "opt", "cfg", "conf", "self", "param")
    )


def _receiver(node: cst.CSTNode) -> str:
    return syntax.text(node.func.value) if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else ""


def _in_place(it: Interpreter, tensor: Tensor, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if tensor.handle:
        zero = name == "zero_" or (name in ("fill_", "mul_", "copy_") and first is not None and _is_zero(first))
        value = first if first is not None else NONE
        if tensor.is_view:
            it.trace.escape(tensor.handle)  # a part of the gradient
        elif zero:
            it.trace.zero_grad(node, it.file, tensor.name, tensor.handle)
        elif name in ("copy_", "set_"):
            _write_grad(it, tensor, value, node, zero=False)
        return tensor
    if name not in inplace.HARMLESS:
        inplace.note_write(it, tensor, node, f".{name}()", name=_receiver(node), given=list(arguments.all()))
    if name == "zero_":
        tensor.operation, tensor.grad_of = "zeros", frozenset()
    if it.grad_enabled is not False and cuts.joined(arguments.all()) is None:
        tensor.cut = None
    tensors = [v for v in arguments.all() if isinstance(v, Tensor)]
    if (tensor.base or tensor).owners:
        with_gradient = next((v for v in tensors if v.grad_of), None)
        if with_gradient is not None:
            write(it, tensor, with_gradient, node, operation=name)
        return tensor
    carried = next((v for v in arguments.all() if in_graph(v)), None)
    if carried is not None or tensor.requires_grad:
        before = tensor.op
        write(it, tensor, carried if carried is not None else tensor, node, operation=f".{name}()")
        if tensor.op is not before:
            inplace.saved_by_update(it, tensor.op, name[:-1], tensor, [tensor, *arguments.positional])
    return tensor


# --- backward --------------------------------------------------------------------------------------------------------


def absent(value: Value | None) -> bool:
    """Whether an optional argument is left out, or given as None."""
    return value is None or (isinstance(value, Const) and value.value is None)


def flag(value: Value | None) -> bool | None:
    """`requires_grad` as an argument: True if it is left out, None if it is not known."""
    if value is None:
        return True
    return bool(value.value) if isinstance(value, Const) else None
