"""What happens to gradients and graphs, in the order in which it happens.

Both engines emit these events: the static one from an abstract execution of the source, the runtime one from the real
run. An event carries plain facts and no tensor and no syntax node. A fact that is not known is None.

A `Site` stands for a place in source code. It is opaque here, so that an engine may keep what is cheap (a number, or a
code object with an offset) and work out a `Location` only when there is a finding. Equal sites are the same place.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "AskedForGrad",
    "Backward",
    "ClipGrad",
    "Cut",
    "CutOff",
    "Escape",
    "Event",
    "FunctionGradient",
    "FunctionInstance",
    "FunctionReturn",
    "FunctionStore",
    "GradRead",
    "GradientId",
    "GraphKept",
    "GraphNode",
    "GraphRetained",
    "Joined",
    "LostParameter",
    "LostUpdate",
    "ManualUpdate",
    "ModeNotEntered",
    "NonFiniteGradient",
    "OptimizerStep",
    "SavedTensor",
    "SavedTensorsHooks",
    "Site",
    "TensorWrite",
    "UncalledMethod",
    "UnusedSuppression",
    "UpdaterId",
    "ZeroGrad",
]

Site: TypeAlias = Hashable
GradientId: TypeAlias = Hashable
UpdaterId: TypeAlias = Hashable
Gradients: TypeAlias = frozenset[GradientId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`conditional` is true when an engine had to guess whether this event happens in every turn of its loop.

    `calls` tells apart the ways in which one site is reached (the callers of a helper), where an engine knows them.
    """

    site: Site
    conditional: bool = False
    calls: Hashable = None


@dataclass(frozen=True, slots=True)
class SavedTensor:
    """A tensor whose value an operation keeps for backward, and how often it had been written to by then."""

    tensor: Hashable
    version: int
    name: str = ""
    is_parameter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """An operation in an autograd graph. `saves` says whether backward needs buffers that it frees afterwards.

    `name` is the variable that held the result, where one did.
    """

    id: Hashable
    operation: str
    site: Site
    saves: bool | None
    name: str = ""
    saved: tuple[SavedTensor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What keeps a value out of the graph: where it happened, the operation as the source has it, and the variable.

    `kind` is mode (`what` switches gradients off), detach, data, number (`.item()`), numpy, rewrap
    (`torch.tensor(t)`), discrete (argmax, comparisons, integers), sample (of a distribution), gradient
    (`autograd.grad` without a graph), frozen (parameters), made (nothing in it requires grad), rebound (a lost
    parameter), releaf (`requires_grad_()`), or "" where that is not known. `lost` says that what went in surely had a
    graph.
    """

    kind: str
    site: Site | None = None
    what: str = ""
    name: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backward(Event):
    """A backward pass: it adds to `gradients` and frees the buffers of `graph` unless `keeps_graph`.

    `graph` lists the operations that the pass surely runs through, the root first. `many` is true if the root surely
    has more than one element, false if it has exactly one; `seeded` if a gradient for the root was given.
    `accumulates` is false for `torch.autograd.grad`, which returns gradients instead of adding them up.

    `requires_grad` is false if the root surely has no graph, and `cut` tells why. `leaf` is set if the root is nothing
    but a leaf, and tells what made it one. `dead` are the terms of the root that surely have no graph and were computed
    from values that had one.
    """

    name: str
    gradients: Gradients = frozenset()
    graph: tuple[GraphNode, ...] = ()
    keeps_graph: bool | None = False
    accumulates: bool = True
    many: bool | None = None
    shape: str = ""
    unreduced: Site | None = None
    unreduced_by: str = ""
    seeded: bool | None = False
    requires_grad: bool | None = None
    cut: Cut | None = None
    leaf: Cut | None = None
    dead: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroGrad(Event):
    """`gradients` were surely cleared, those in `perhaps` possibly."""

    name: str
    gradients: Gradients = frozenset()
    perhaps: Gradients = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerStep(Event):
    """An optimizer consumed `gradients`. `complete` is true if it owns no other gradient than these."""

    updater: UpdaterId
    name: str
    gradients: Gradients
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualUpdate(Event):
    """Weights were moved along their own gradient by hand: `w.data -= lr * w.grad`."""

    updater: UpdaterId
    name: str
    gradients: Gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphKept(Event):
    """A statement of a loop adds a graph through which no backward can run any more to those that `holder` keeps.

    `kind` is "sum" for a variable that grows from its own value, "list" for a container. `grows` is false if what was
    kept was let go of in the same loop. `bound` is the most that the container takes; 0 if it has a bound that is not
    known. `evaluating` says that no backward was meant to run through these graphs in the first place.
    """

    holder: str
    value: str
    kind: str
    grows: bool = True
    bound: int | None = None
    evaluating: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRetained(Event):
    """A backward was told to keep its graph (`asks` is "retain") or to make one of the gradients ("create").

    `used` says whether a later pass went through that graph; None if that cannot be told. If what made it went through
    was an earlier turn's part that `carried` brought along, that is its name.
    """

    name: str
    asks: str
    used: bool | None
    carried: str = ""
    carried_at: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted(Event):
    """An iterator over parameters was run through although that had been done before, at `spent_at`: it is empty."""

    name: str
    spent_at: Site | None
    consumer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership(Event):
    """What became of parameters that got gradients in a training. `site` is the place that decided it.

    `cause` tells in which way an optimizer may have missed them: they lie in a plain "container" of a module; they are
    a plain "tensor" of a module that asks for a gradient and is no parameter; a module keeps only what was "computed"
    from them; they were made in "forward"; they took the place of others after the optimizer was made ("replaced");
    they were "left out"; or none of the parameters of the optimizer is in the graph of any loss ("strangers"). If they
    are `owned` by an optimizer all the same, nothing is wrong. `holds` says what is in a container: "modules" or
    "parameters". `fails_at` are backward passes that fail since what was computed from them was computed once.
    """

    cause: str
    owned: bool
    name: str = ""
    optimizer: str = ""
    made_at: Site | None = None
    stepped_at: Site | None = None
    holds: str = ""
    fails_at: tuple[Site, ...] = ()


__all__ += ["Exhausted", "Ownership"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradRead(Event):
    """`.grad` of a tensor was read.

    `operation` and `made_at` tell which operation made the tensor a non-leaf. If the name was rebound from a leaf to
    the result of an update, `rebound_at` is where.
    """

    name: str
    gradients: Gradients = frozenset()
    is_leaf: bool | None = None
    requires_grad: bool | None = None
    retains_grad: bool | None = False
    operation: str = ""
    made_at: Site | None = None
    leaf_at: Site | None = None
    rebound_at: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostUpdate(Event):
    """A name that stood for a parameter was bound to the result of its update, and nothing reads the name afterwards.

    `of_loop` says that it is the variable of a loop, else it is an argument of a function. `update` is the statement.
    """

    name: str
    of_loop: bool
    update: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostParameter(Event):
    """A name that stood for a parameter of `optimizer` was bound to a value computed from it.

    At `stepped_at` the optimizer steps again, and no gradient has come to the parameter that it still holds.
    """

    name: str
    optimizer: str
    stepped_at: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape(Event):
    """Code that the engine cannot see had its hands on `gradients`: anything may have happened to them.

    If `may_clear` is false, at most something was added to them.
    """

    gradients: Gradients
    may_clear: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Event):
    """An optimizer got the parameters of `gradients`, which no optimizer had before. They hold more than zeros."""

    gradients: Gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class UncalledMethod(Event):
    """A statement that names a method and does not call it. `receiver` is its source text."""

    receiver: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedSuppression(Event):
    """A comment silences nothing. `tokens` are those of its list that are of no use, `unknown` those that name no rule.

    `whole` is true if nothing of the comment is of use; `nearest` is the rule that an unknown token may have meant.
    """

    text: str
    tokens: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    whole: bool = True
    nearest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipGrad(Event):
    """The norm or the values of `gradients` were limited. `name` is the function that did it."""

    name: str
    gradients: Gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscale(Event):
    """A gradient scaler divided `gradients` by its scale: on demand, or as the first thing in its `step`."""

    name: str
    gradients: Gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStep(Event):
    """A learning rate scheduler went on by one, without being told the epoch.

    `early` is true if its optimizer had surely not stepped before, false if it surely had.
    """

    scheduler: Hashable
    name: str
    optimizer: str
    early: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionGradient(Event):
    """`backward` of a custom `autograd.Function` was found to differ from the derivative of its forward.

    For one and the same change of `input` it gives `given`; small steps of the input gave `measured`.
    """

    function: str
    input: str
    given: float
    measured: float
    forward_at: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionReturn(Event):
    """`backward` of a custom `autograd.Function` returns gradients, for `inputs` of its forward.

    `needed` is how many of the inputs every call of the function gives; the others have defaults. `spare` says that the
    gradients beyond the inputs are all None.
    """

    function: str
    inputs: int
    needed: int
    given: int
    spare: bool = False
    forward_at: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionStore(Event):
    """The forward of a custom `autograd.Function` keeps a tensor as an attribute of its context.

    `role` is "input" or "output": what autograd must know of. None is an intermediate result, or not known.
    """

    function: str
    context: str
    attribute: str
    name: str
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionInstance(Event):
    """A custom `autograd.Function` is used as an object, as torch before 1.3 wanted it.

    `method` is the one that is not static; "" if the methods are static and only the call is wrong.
    """

    function: str
    method: str = ""
    defined_at: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorWrite(Event):
    """The values of `tensors` (storages, so that a view counts as its base) were changed in place.

    `hidden` says that it went through `.data`, where autograd does not notice. `is_leaf` and `requires_grad` are facts
    about the tensor written to (`is_view`: about the one it is a view of), `recorded` whether grad mode was on.
    `optimizer` is the name of the optimizer whose step did it, where one did.
    """

    name: str
    operation: str
    tensors: frozenset[Hashable] = frozenset()
    hidden: bool = False
    is_leaf: bool | None = None
    requires_grad: bool | None = None
    recorded: bool | None = None
    is_view: bool = False
    optimizer: str = ""
    uses_gradient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTensorsHooks(Event):
    """Hooks that pack and unpack what operations save. `returns_input`: the pack hook hands back what it is given."""

    returns_input: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NonFiniteGradient(Event):
    """A backward pass made the first `inf` or `nan` out of finite gradients, in the backward of `operation`."""

    name: str
    operation: str
    value: str = "nan"
    made_at: Site | None = None
    finite_loss: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff(Event):
    """At the end of a run: parameters that are to be trained are cut off in the middle of the forward pass.

    The site is that of the cut. `reached` says that some backward did reach them; `backward` is one that did not.
    """

    cut: Cut
    backward: Site | None = None
    reached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverTrained(Event):
    """At the end of a run: an optimizer got the parameters of module `name` for themselves, and they get no gradient.

    The site is that of the cut that every way from them to a loss goes through; at `given_at` they were given to
    `optimizer`, which does train others. `backward` is a pass that stops at the cut. `trained` says that another way
    leads to them after all.
    """

    cut: Cut
    name: str
    optimizer: str
    given_at: Site | None = None
    backward: Site | None = None
    trained: bool = False


__all__ += ["NeverTrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedForGrad(Event):
    """A gradient was asked for, for a tensor of this dtype. `what` is how, as the source has it."""

    dtype: str
    what: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeNotEntered(Event):
    """`torch.no_grad` was written so that it has no effect: as a statement, or in a `with` without its call."""

    what: str
    in_with: bool
