"""Who trains which parameters: what optimizers were given, and what gets gradients."""

from __future__ import annotations

import itertools
import re
import sys
import weakref
from collections.abc import Callable, Hashable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from gradguard.events import Ownership
from gradguard.runtime import names
from gradguard.runtime.gradients import is_as_before, values_of
from gradguard.runtime.graph import nodes_below, nodes_from
from gradguard.runtime.modules import (
    Found,
    computed_from,
    container_of,
    module_of,
    modules_in_sight,
    plain_attribute_of,
)
from gradguard.runtime.sites import Instruction
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["WATCHER"]

# Networks that are there to be gone through, not to be trained.
_FIXED = re.compile(
    r"teacher|target|vgg|frozen|freeze|fixed|pre_?train|ema|percept|lpips|refer|ref_|old|anchor|momentum|static|random",
    re.IGNORECASE,
)
_NORMALIZES = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.modules.instancenorm._InstanceNorm)
_VISITS = (2, 4, 8)
_MOST_NODES = 4000
_MOST_SUSPECTS = 64
_VIEWS = re.compile(
    r"^(T|Transpose|Permute|View|Reshape|Expand|Unsqueeze|Squeeze|ToCopy|Clone|Alias|Slice)Backward\d*$"
)


class _Made(NamedTuple):
    """A parameter was made: when, where, and in the forward of which call."""

    tensor: weakref.ref[Tensor]
    serial: int
    site: Instruction | None
    in_forward: bool


class _Suspect:
    """A parameter that gets gradients and has no optimizer so far."""

    __slots__ = ("event", "tensor", "values")

    def __init__(self, tensor: Tensor, event: Ownership) -> None:
        self.tensor = weakref.ref(tensor)
        self.event = event
        self.values = values_of(tensor)


class _Optimizer:
    """What is known of one optimizer."""

    __slots__ = ("at", "here", "name", "serial", "site", "steps", "useful")

    def __init__(self, serial: int, site: Instruction | None) -> None:
        self.serial = serial
        self.site = site
        self.steps = 0
        self.useful = False
        self.name = ""
        self.here: Instruction | None = None


class _Ownership(Watcher):
    what = "who trains which parameters"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._serials = itertools.count()
        self._made: dict[int, _Made] = {}
        self._owned: dict[int, weakref.ref[Tensor]] = {}
        self._loaded: dict[int, weakref.ref[Tensor]] = {}
        self._optimizers: weakref.WeakKeyDictionary[torch.optim.Optimizer, _Optimizer] = weakref.WeakKeyDictionary()
        self._ended: list[tuple[_Optimizer, bool]] = []
        self._visits: dict[Hashable, int] = {}
        self._suspects: dict[Hashable, _Suspect] = {}
        self._strange: str = ""
        self._strange_at: Instruction | None = None

    # What is made, loaded, and given to optimizers

    def install(self, patches: Patches) -> None:
        patches.patch(torch.nn.Module, "register_parameter", self._register_patch(patches), "the making of parameters")
        patches.patch(torch.nn.Module, "load_state_dict", self._load_patch(patches), "the loading of parameters")

    def _register_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def register_parameter(module: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(module, *args, **kwargs)
                if patches.active and not torch.compiler.is_compiling():
                    parameter = args[1] if len(args) > 1 else kwargs.get("param")
                    if isinstance(parameter, torch.Tensor):
                        self._try(self._note_made, module, parameter, sys._getframe(1))
                return result

            return register_parameter

        return make

    def _load_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def load_state_dict(module: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(module, *args, **kwargs)
                if patches.active and isinstance(module, torch.nn.Module):
                    self._try(self._note_loaded, module)
                return result

            return load_state_dict

        return make

    def _try(self, look: Callable[..., None], *facts: Any) -> None:
        if self not in self.guard.watchers or self.guard.elsewhere():
            return
        try:
            look(*facts)
        except Exception as error:
            self.guard.drop(self)
            self.guard.trouble(self.what, error)

    def _note_made(self, module: Any, parameter: Tensor, frame: FrameType | None) -> None:
        known = self._made.get(id(parameter))
        if known is not None and known.tensor() is parameter:
            return
        if len(self._made) > 4096:
            self._made = {key: made for key, made in self._made.items() if made.tensor() is not None}
        user = self.guard.sites.user_frame(frame)
        above, in_forward = user, False
        while above is not None:
            if above.f_code.co_name == "forward":
                in_forward = True
                user = self.guard.sites.user_frame(above)
                break
            above = above.f_back
        site = None if user is None else Instruction(id(user.f_code), user.f_lasti)
        in_forward = in_forward and not isinstance(module, _NORMALIZES)
        self._made[id(parameter)] = _Made(weakref.ref(parameter), next(self._serials), site, in_forward)

    def _note_loaded(self, module: torch.nn.Module) -> None:
        for parameter in module.parameters():
            self._loaded[id(parameter)] = weakref.ref(parameter)

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        if optimizer not in self._optimizers:
            site = self.guard.sites.instruction(sys._getframe(1))
            self._optimizers[optimizer] = _Optimizer(next(self._serials), site)
        for group in optimizer.param_groups:
            for tensor in group["params"]:
                self._owned[id(tensor)] = weakref.ref(tensor)
                self._suspects.pop(id(tensor), None)

    def _has(self, known: dict[int, weakref.ref[Tensor]], tensor: Tensor) -> bool:
        reference = known.get(id(tensor))
        return reference is not None and reference() is tensor

    # What happens in the training

    def stepped(
        self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType | None, depth: int
    ) -> None:
        known = self._optimizers.get(optimizer)
        if known is None:
            return
        known.steps += 1
        if known.useful and known.steps not in _VISITS:
            return
        known.here = here
        if not known.name:
            known.name = names.name_in_frames(optimizer, frame, self.guard.sites) or "optimizer"
        for group in optimizer.param_groups:
            for tensor in group["params"]:
                if known.steps <= 2:
                    self._owned[id(tensor)] = weakref.ref(tensor)  # put there by hand
                    self._suspects.pop(id(tensor), None)
                known.useful = known.useful or tensor.grad is not None

    def left(self, call: BackwardCall) -> None:
        if not call.adds or call.inputs:
            return
        visits = self._visits[call.here] = self._visits.get(call.here, 0) + 1
        if visits not in _VISITS:
            return
        lost: list[Tensor] = []
        plain: list[Tensor] = []
        owned = 0
        for tensor in _leaves(call.roots):
            if self._has(self._owned, tensor):
                owned += 1
            elif isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad and tensor.grad is not None:
                lost.append(tensor)
            elif type(tensor) is torch.Tensor and tensor.grad is not None:
                plain.append(tensor)
        if owned and 0 < len(plain) <= _MOST_SUSPECTS and any(known.steps for known in self._optimizers.values()):
            self._inspect_plain(plain, call)
        if lost and len(lost) <= _MOST_SUSPECTS and any(known.steps for known in self._optimizers.values()):
            self._inspect(lost, owned, call)

    def _inspect(self, lost: list[Tensor], owned: int, call: BackwardCall) -> None:
        found = modules_in_sight(call.frame, self.guard.sites)
        if not owned:
            self._strange = self._name(lost[0], call.frame)
            self._strange_at = self._made_at(lost[0])
        for tensor in lost:
            known = self._suspects.get(id(tensor))
            if known is not None and known.tensor() is tensor:
                if not is_as_before(known.values, tensor):
                    del self._suspects[id(tensor)]  # somebody changes it after all
                continue
            event = self._not_registered(tensor, found) or (self._added_later(tensor, found) if owned else None)
            if event is not None:
                self._suspects[id(tensor)] = _Suspect(tensor, event)
        if owned:
            self._left_out(lost, found, call)

    def _inspect_plain(self, plain: list[Tensor], call: BackwardCall) -> None:
        """Leaves that are no parameters and lie where one should: they were made in `__init__` of a trained module."""
        found = None
        for tensor in plain:
            known = self._suspects.get(id(tensor))
            if known is not None and known.tensor() is tensor:
                if not is_as_before(known.values, tensor):
                    del self._suspects[id(tensor)]
                continue
            found = modules_in_sight(call.frame, self.guard.sites) if found is None else found
            holder = plain_attribute_of(tensor, found)
            if holder is None or not any(self._has(self._owned, other) for other in holder.module.parameters()):
                continue
            trainer = self._a_trainer()
            event = Ownership(
                site=holder.place, cause="tensor", owned=False, name=f"self.{holder.attribute}",
                optimizer="" if trainer is None else trainer.name,
            )  # fmt: skip
            self._suspects[id(tensor)] = _Suspect(tensor, event)

    def _name(self, tensor: Tensor, frame: FrameType | None) -> str:
        return next(iter(names.parameter_names([tensor], frame, self.guard.sites)), "")

    def _made_at(self, tensor: Tensor) -> Instruction | None:
        made = self._made.get(id(tensor))
        return made.site if made is not None and made.tensor() is tensor else None

    def _a_trainer(self) -> _Optimizer | None:
        return next((known for known in self._optimizers.values() if known.steps), None)

    def _not_registered(self, tensor: Tensor, found: Found) -> Ownership | None:
        trainer = self._a_trainer()
        name = "" if trainer is None else trainer.name
        made = self._made.get(id(tensor))
        if made is not None and made.tensor() is tensor and made.in_forward:
            if trainer is not None and made.serial > trainer.serial:
                return Ownership(site=made.site, cause="forward", owned=False, optimizer=name)
            return None
        computed = computed_from(tensor, found)
        if computed is not None and self._is_trained(computed.module, found):
            return Ownership(
                site=computed.place, cause="computed", owned=False, name=f"self.{computed.attribute}", optimizer=name
            )
        holder = container_of(tensor, found)
        if holder is None or not self._is_trained(holder.module, found):
            return None
        return Ownership(
            site=holder.place, cause="container", owned=False, name=f"self.{holder.attribute}", optimizer=name
        )

    def _is_trained(self, module: torch.nn.Module, found: Found) -> bool:
        """Whether an optimizer has parameters of the module, or of a model that it is a part of."""
        around = [module, *(root for root in found.roots if any(part is module for part in root.modules()))]
        return any(self._has(self._owned, other) for model in around for other in model.parameters())

    def _added_later(self, tensor: Tensor, found: Found) -> Ownership | None:
        made = self._made.get(id(tensor))
        if made is None or made.tensor() is not tensor:
            return None
        for optimizer, known in list(self._optimizers.items()):
            if not known.steps or made.serial < known.serial or known.site is None:
                continue
            mine = {id(other) for group in optimizer.param_groups for other in group["params"]}
            for root in found.roots:
                parameters = list(root.parameters())
                if any(other is tensor for other in parameters) and any(id(other) in mine for other in parameters):
                    path = next((path for path, other in root.named_parameters() if other is tensor), "")
                    return Ownership(
                        site=known.site, cause="replaced", owned=False, name=path, optimizer=known.name,
                        made_at=made.site,
                    )  # fmt: skip
        return None

    def _left_out(self, lost: list[Tensor], found: Found, call: BackwardCall) -> None:
        """The last layers before the loss get gradients and no optimizer, and those below them are trained."""
        wanted = {id(tensor): tensor for tensor in lost if id(tensor) not in self._suspects}
        for node, direct in _last_layers(call.roots):
            for tensor in direct:
                if id(tensor) not in wanted or self._may_be_fixed(tensor, found):
                    continue
                # A whole network beside the trained one may be a teacher; a single parameter of a loss is not.
                holder = module_of(tensor, found)
                alone = holder is not None and not type(holder.module).__module__.startswith("torch.nn.")
                leaves = _leaves(call.roots) if alone else _leaves_below(node)
                below = [other for other in leaves if self._has(self._owned, other)]
                trained = [other for other in below if isinstance(other, torch.nn.Parameter)]
                if len(trained) < 2 or max(other.dim() for other in trained) < 2:
                    continue
                for optimizer, known in list(self._optimizers.items()):
                    mine = {id(other) for group in optimizer.param_groups for other in group["params"]}
                    if known.steps and known.site is not None and any(id(other) in mine for other in trained):
                        event = Ownership(
                            site=known.site, cause="left out", owned=False, name=self._name(tensor, call.frame),
                            optimizer=known.name, made_at=self._made_at(tensor),
                        )  # fmt: skip
                        self._suspects[id(tensor)] = _Suspect(tensor, event)
                        break

    def _may_be_fixed(self, tensor: Tensor, found: Found) -> bool:
        if self._has(self._loaded, tensor):
            return True
        holder = module_of(tensor, found)
        return holder is None or not holder.module.training or bool(_FIXED.search(holder.attribute))

    def unsettled(self) -> bool:
        return bool(self._suspects) or any(known.steps and not known.useful for known in self._optimizers.values())

    # The end

    def finish(self) -> None:
        for suspect in list(self._suspects.values()):
            tensor = suspect.tensor()
            if tensor is None or is_as_before(suspect.values, tensor):
                self.guard.emit(suspect.event)
        self._suspects.clear()
        for known in list(self._optimizers.values()):
            if self._strange and known.steps >= 2 and not known.useful and known.site is not None:
                event = Ownership(
                    site=known.site, cause="strangers", owned=False, name=self._strange, optimizer=known.name,
                    made_at=self._strange_at, stepped_at=known.here,
                )  # fmt: skip
                self.guard.emit(event)


# --- graphs ----------------------------------------------------------------------------------------------------------


def _leaf(node: Any) -> Tensor | None:
    leaf = getattr(node, "variable", None)
    return leaf if isinstance(leaf, torch.Tensor) else None


def _leaves(roots: Any) -> Iterator[Tensor]:
    for node in nodes_from(roots, _MOST_NODES):
        leaf = _leaf(node)
        if leaf is not None:
            yield leaf


def _leaves_below(node: Any) -> Iterator[Tensor]:
    for below in nodes_below((following for following, _ in node.next_functions), _MOST_NODES):
        leaf = _leaf(below)
        if leaf is not None:
            yield leaf


def _direct(node: Any) -> Tensor | None:
    """The parameter that an input of an operation is, perhaps transposed or cast."""
    for _ in range(4):
        leaf = _leaf(node)
        if leaf is not None:
            return leaf
        if not _VIEWS.match(type(node).__name__) or len(node.next_functions) != 1:
            return None
        node = node.next_functions[0][0]
        if node is None:
            return None
    return None


def _last_layers(roots: Any) -> Iterator[tuple[Any, list[Tensor]]]:
    """The operations with parameters that no other such operation separates from the roots."""
    stack = [root.grad_fn for root in roots if isinstance(root, torch.Tensor) and root.grad_fn is not None]
    seen: set[Any] = set()
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        inputs = [following for following, _ in node.next_functions if following is not None]
        direct = [leaf for leaf in map(_direct, inputs) if leaf is not None]
        if any(isinstance(leaf, torch.nn.Parameter) for leaf in direct):
            yield node, direct
        else:
            stack.extend(inputs)


WATCHER = _Ownership
