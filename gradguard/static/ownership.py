"""Who trains which parameters: what optimizers were given, what got gradients, and what escaped between the two."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import Ownership
from gradguard.static import syntax
from gradguard.static.records import Place
from gradguard.static.values import (
    Instance,
    Module,
    Op,
    Optimizer,
    Owner,
    Parameters,
    Seq,
    Table,
    Tensor,
    Value,
    walk,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["assigns_gradients", "changes_groups", "consume", "is_named_fixed", "judge", "lose", "made", "rest"]

# Normalization works with the parameters that it begins with; that they are not trained does little harm.
_NORMALIZES = re.compile(r"(Layer|Group|RMS|Instance)Norm")
# Networks that are there to be gone through, not to be trained.
_FIXED = re.compile(
    r"teacher|target|vgg|frozen|freeze|fixed|pre_?train|ema|percept|lpips|refer|ref_|old|anchor|momentum|static|random",
    re.IGNORECASE,
)
_CHANGES_GROUPS = re.compile(r"param_groups.{0,40}?(\.(append|extend|insert)\(|\[.params.\]\s*\+?=[^=])")
_ASSIGNS_GRADIENTS = re.compile(r"\._?grad\s*=(?!=)\s*(?!None)|\.grad\.(copy_|add_|data)")
_REGISTERS = re.compile(r"\._modules\b|\._parameters\b|__setattr__|__dict__")
_MOST_OPS = 6000


# --- iterators -------------------------------------------------------------------------------------------------------


def consume(it: Interpreter, value: Value, node: cst.CSTNode, consumer: str) -> None:
    """Run through the iterators over parameters in a value."""
    for part in walk([value]):
        if isinstance(part, Parameters) and part.stream is not None and not part.stream.lost:
            if part.stream.spent is not None:
                it.trace.exhausted(node, it.file, _shown(node), part.stream.spent, consumer)
            else:
                part.stream.spent = (it.file, node)
    if "optimizer" in consumer or consumer == "add_param_group":
        _listed_in_groups(value)


def _listed_in_groups(value: Value) -> None:
    """An optimizer puts lists into the groups that it is given, which so can be given to the next one."""
    for group in value.items if isinstance(value, Seq) else [value]:
        if isinstance(group, Table) and isinstance(held := group.items.get("params"), Parameters):
            group.items["params"] = Parameters(held.owners, held.pairs, held.partial)


def _shown(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Call):
        return syntax.text(node.args[0].value) if node.args else ""
    return syntax.text(node) if isinstance(node, (cst.Name, cst.Attribute)) else ""


def lose(given: Iterable[Value]) -> None:
    """Code that cannot be seen may or may not have run through these."""
    for value in given:
        if isinstance(value, Parameters) and value.stream is not None:
            value.stream.lost = True


# --- notes -----------------------------------------------------------------------------------------------------------


def made(it: Interpreter, value: Module | Tensor, node: cst.CSTNode) -> None:
    """A layer or a parameter has been made."""
    records = it.trace.ownership
    records.made_at[value.ident] = (it.file, node)
    if isinstance(value, Module) and (not value.has_parameters or _NORMALIZES.match(value.kind)):
        return
    place = _in_forward(it)
    if place is not None:
        records.made_at[value.ident] = place if place[1] is not None else (it.file, node)  # type: ignore[assignment]
        records.in_forward.add(value.ident)


def _in_forward(it: Interpreter) -> tuple[object, cst.CSTNode | None] | None:
    """The place in the `forward` of a module that is being executed, if one is; its node is None for this very one."""
    for above, frame in enumerate(reversed(it.frames)):
        function = frame.function
        if function is not None and function.name == "forward":
            if isinstance(frame.receiver, Instance) and frame.receiver.is_module:
                return frame.file, it.trace.calls[-above] if above else None
    return None


def rest(it: Interpreter, module: Module | Instance) -> None:
    """`module.eval()` or `module.load_state_dict(…)` before any training: it may be there to be used as it is."""
    cells = it.trace.registered([module])
    it.trace.ownership.resting.update(cell for cell in cells if not it.trace.generation.get(cell))


def is_named_fixed(name: str) -> bool:
    """Whether a network is named like one that is there to be gone through."""
    return _FIXED.search(name) is not None


def changes_groups(text: str) -> bool:
    """Whether source text changes what the groups of an optimizer hold."""
    return _CHANGES_GROUPS.search(text) is not None


def assigns_gradients(text: str) -> bool:
    """Whether source text puts gradients in place by hand."""
    return _ASSIGNS_GRADIENTS.search(text) is not None


# --- judgement -------------------------------------------------------------------------------------------------------


def judge(it: Interpreter) -> None:
    """At the end of an execution: which parameters got gradients and no optimizer?"""
    trace = it.trace
    records = trace.ownership
    if Ownership not in trace.detectors or trace.haunted or not records.roots:
        return
    if not trace.optimizers or any(optimizer.loose for optimizer in trace.optimizers):
        return
    if not any(optimizer.updater in trace.ledger.first_steps for optimizer in trace.optimizers):
        return
    if _CHANGES_GROUPS.search(it.project.main.source.text):
        return
    case = _Case(it)
    case.replacements()
    case.containers()
    case.tensors()
    case.computed()
    case.forward()
    case.added_later()
    case.strangers()
    case.left_out()


class _Case:
    """What is known at the end of one execution."""

    def __init__(self, it: Interpreter) -> None:
        self.it = it
        self.trace = it.trace
        self.records = it.trace.ownership
        self.optimizers = [o for o in self.trace.optimizers if o.updater in self.trace.ledger.first_steps]
        self.owned: set[int] = set().union(*(optimizer.given for optimizer in self.trace.optimizers))
        self.fed = self._fed()
        self.told: set[int] = set()

    def _fed(self) -> dict[int, Owner]:
        """The leaves at the ends of the graphs that backward passes went through."""
        found: dict[int, Owner] = {}
        for op in _below(self.records.roots.values()):
            for leaf in op.leaves:
                if isinstance(leaf, Tensor) and leaf.owners and leaf.owners != (leaf,):
                    found.update((owner.ident, owner) for owner in leaf.owners)
                else:
                    found[leaf.ident] = leaf
        return found

    def _is_trained(self, cell: int) -> bool:
        """Whether a known parameter surely got gradients that only an optimizer can have been meant to use."""
        owner = self.fed.get(cell)
        if owner is None or cell in self.trace.elsewhere or cell in self.told:
            return False
        if isinstance(owner, Tensor):
            return (
                owner.operation == "nn.Parameter" and owner.requires_grad is True and cell not in self.records.handled
            )
        return isinstance(owner, Module) and owner.has_parameters and owner.frozen is False

    def _tell(self, cell: int | None, site: Place, cause: str, optimizer: Optimizer, **facts: object) -> None:
        if cell is not None:
            self.told.add(cell)
        self._emit(site, cause, optimizer, owned=False, **facts)

    def _emit(self, site: Place, cause: str, optimizer: Optimizer, *, owned: bool, **facts: object) -> None:
        self.trace.owned(
            Ownership(site=site, cause=cause, owned=owned, optimizer=optimizer.name or "optimizer", **facts)  # type: ignore[arg-type]
        )

    def _shown(self, cell: int) -> str:
        """The variable that holds the layer, or the smallest module around it that no optimizer has; else its text."""
        around = [
            (len(cells), name)
            for name, value in self.records.names.values()
            if cell in (cells := self.trace.cells([value])) and cells.isdisjoint(self.owned)
        ]
        if around:
            return min(around)[1]
        place = self.records.made_at.get(cell)
        text = "" if place is None else place[0].module.code_for_node(place[1]).strip()
        return text if 0 < len(text) <= 50 and "\n" not in text else ""

    def _site(self, optimizer: Optimizer) -> Place | None:
        kind = optimizer.updater
        return (kind[1], kind[2]) if isinstance(kind, tuple) and kind[0] == "optimizer" else None

    def containers(self) -> None:
        """Layers in a plain list or dict of a module that an optimizer has."""
        if _REGISTERS.search(self.it.project.main.source.text):
            return
        trained_ones = {
            id(part) for optimizer in self.optimizers for owner in optimizer.owners for part in _parts(owner)
        }
        for container in self.records.containers:
            if container.instance.attributes.get(container.name) is not container.value:
                continue
            cells = self.trace.registered(_modules_in(container.value))
            fed = [cell for cell in cells if self._is_trained(cell)]
            if not fed:
                continue
            lost = [cell for cell in fed if cell not in self.owned]
            facts = {"name": f"self.{container.name}", "holds": _kind(container.value)}
            optimizer = self.optimizers[0]
            if not lost:
                self._emit(container.place, "container", optimizer, owned=True, **facts)
            elif id(container.instance) in trained_ones:
                self.told.update(lost)
                self._tell(None, container.place, "container", optimizer, **facts)

    def tensors(self) -> None:
        """Plain tensors that stand where a parameter should, in a module that an optimizer has."""
        text = self.it.project.main.source.text
        trained_ones = {
            id(part) for optimizer in self.optimizers for owner in optimizer.owners for part in _parts(owner)
        }
        for loose in self.records.loose:
            cell = loose.value.ident
            if loose.instance.attributes.get(loose.name) is not loose.value or cell not in self.fed:
                continue
            if not loose.value.requires_grad or cell in self.records.handled or cell in self.trace.elsewhere:
                continue
            facts = {"name": f"self.{loose.name}"}
            if cell in self.owned:
                self._emit(loose.place, "tensor", self.optimizers[0], owned=True, **facts)
            elif id(loose.instance) in trained_ones and not _is_handled(loose.name, text, loose.place):
                self._tell(cell, loose.place, "tensor", self.optimizers[0], **facts)

    def computed(self) -> None:
        """Attributes of a module that were computed from a parameter which nothing else holds."""
        text = self.it.project.main.source.text
        trained_ones = {
            id(part) for optimizer in self.optimizers for owner in optimizer.owners for part in _parts(owner)
        }
        for kept in self.records.computed:
            cell, op = kept.parameter.ident, kept.value.op
            if kept.instance.attributes.get(kept.name) is not kept.value or not self._is_trained(cell) or op is None:
                continue
            facts = {"name": f"self.{kept.name}"}
            if cell in self.owned:
                self._emit(kept.place, "computed", self.optimizers[0], owned=True, **facts)
            elif id(kept.instance) in trained_ones and not _is_handled(kept.name, text, kept.place):
                fails = tuple(
                    site
                    for (rule, site, _), report in self.trace.reports.items()
                    if rule == "backward-twice" and report.notes[0][0] == (op.file, op.node)
                )
                self._tell(cell, kept.place, "computed", self.optimizers[0], fails_at=fails, **facts)

    def forward(self) -> None:
        """Layers that are made anew in each forward."""
        for cell in sorted(self.records.in_forward):
            if cell in self.owned or not self._is_trained(cell):
                continue
            self._tell(cell, self.records.made_at[cell], "forward", self.optimizers[0], name=self._shown(cell))

    def added_later(self) -> None:
        """What belongs to a model now, and did not when the optimizer was made."""
        for optimizer in self.optimizers:
            site = self._site(optimizer)
            if site is None:
                continue
            for cell in self.trace.registered(optimizer.owners):
                if not self._is_trained(cell) or cell in self.records.in_forward:
                    continue
                facts = {"name": self._shown(cell), "made_at": self.records.made_at.get(cell)}
                if cell not in self.owned:
                    self._tell(cell, site, "replaced", optimizer, **facts)
                elif cell not in optimizer.given:
                    self._emit(site, "replaced", optimizer, owned=True, **facts)

    def replacements(self) -> None:
        """Parts of models that cannot be seen."""
        for replacement in self.records.replacements:
            cells = self.trace.registered([replacement.value])  # type: ignore[list-item]
            if not cells or replacement.model.ident not in self.fed:
                continue
            later = any(
                replacement.model in optimizer.owners and optimizer.ident not in replacement.optimizers
                for optimizer in self.trace.optimizers
            )
            for optimizer in self.optimizers:
                site = self._site(optimizer)
                if optimizer.ident not in replacement.optimizers or site is None:
                    continue
                owned = later or not self.owned.isdisjoint(cells)
                facts = {"name": replacement.name, "made_at": replacement.place}
                self._emit(site, "replaced", optimizer, owned=owned, **facts)

    def strangers(self) -> None:
        """Optimizers none of whose parameters any loss depends on, while the losses do depend on others."""
        if self.records.unknown_passes or not all(isinstance(owner, (Module, Tensor)) for owner in self.fed.values()):
            return
        for optimizer in self.optimizers:
            site = self._site(optimizer)
            mine = self.trace.registered(optimizer.owners)
            if site is None or not mine or not all(isinstance(owner, (Module, Tensor)) for owner in mine.values()):
                continue
            if not optimizer.given.isdisjoint(self.fed) or not optimizer.given.isdisjoint(self.trace.elsewhere):
                continue
            if mine.keys() - optimizer.given or not self._never_had_any(optimizer):
                continue
            others = [cell for cell in self.fed if self._is_trained(cell) and cell not in self.owned]
            if others:
                step = self.trace.ledger.first_steps[optimizer.updater]
                facts = {"name": self._shown(others[0]), "made_at": self.records.made_at.get(others[0])}
                self._tell(others[0], site, "strangers", optimizer, stepped_at=step, **facts)

    def _never_had_any(self, optimizer: Optimizer) -> bool:
        """Whether no gradient ever came to its parameters, by a backward or by hand."""
        if _ASSIGNS_GRADIENTS.search(self.it.project.main.source.text):
            return False
        states = [self.trace.ledger.gradient(cell) for cell in optimizer.given]
        return all(state.known and not state.added for state in states) and self.trace.is_seen_whole(optimizer)

    def left_out(self) -> None:
        """The last layers before the loss get gradients and no optimizer, and those below them are trained."""
        for name, value in self.records.names.values():
            if _FIXED.search(name):
                self.records.resting.update(self.trace.registered([value]))
        for root, op in self._last_layers():
            for leaf in op.leaves:
                cell = leaf.ident
                if not self._is_trained(cell) or cell in self.records.resting:
                    continue
                # A whole network beside the trained one may be a teacher; a single parameter of a loss is not.
                below = (root,) if isinstance(leaf, Tensor) else op.parents
                trainer = self._trainer_of(below) if cell not in self.owned else None
                if trainer is None:
                    for optimizer in self.optimizers:
                        site = self._site(optimizer)
                        if cell in self.owned and site is not None:
                            made_at = self.records.made_at.get(cell)
                            self._emit(site, "left out", optimizer, owned=True, made_at=made_at)
                    continue
                site = self._site(trainer)
                if site is not None and self._all_is_seen():
                    facts = {"name": self._shown(cell), "made_at": self.records.made_at.get(cell)}
                    self._tell(cell, site, "left out", trainer, **facts)

    def _all_is_seen(self) -> bool:
        """Whether no other function of the file could make another optimizer."""
        for known in self.it.project.main.index.functions:
            if known.node not in self.trace.executed and not known.names.isdisjoint(_MAKES_OPTIMIZER):
                return False
        return True

    def _last_layers(self) -> Iterator[tuple[Op, Op]]:
        """The operations with parameters that no other such operation separates from a root, with the root."""
        seen: set[int] = set()
        for root in self.records.roots.values():
            stack = [root]
            while stack and len(seen) < _MOST_OPS:
                op = stack.pop()
                if op.ident in seen:
                    continue
                seen.add(op.ident)
                if op.leaves:
                    yield root, op
                else:
                    stack.extend(op.parents)

    def _trainer_of(self, roots: Iterable[Op]) -> Optimizer | None:
        """An optimizer of layers that lie in the graph of these operations."""
        for below in _below(roots):
            for leaf in below.leaves:
                if isinstance(leaf, Module):
                    for optimizer in self.optimizers:
                        if leaf.ident in optimizer.given:
                            return optimizer
        return None


_MAKES_OPTIMIZER = frozenset({".parameters", ".named_parameters", ".optim", "Adam", "SGD", "AdamW", ".add_param_group"})


def _below(roots: Iterable[Op]) -> Iterator[Op]:
    seen: set[int] = set()
    stack = list(roots)
    while stack and len(seen) < _MOST_OPS:
        op = stack.pop()
        if op.ident not in seen:
            seen.add(op.ident)
            yield op
            stack.extend(op.parents)


def _parts(owner: Owner) -> Iterator[Owner]:
    """A module and the objects of module classes in it."""
    from gradguard.static.modules import descend

    yield owner
    if isinstance(owner, (Module, Instance)):
        found: list[Value] = []
        descend(owner, found, 6)
        yield from found  # type: ignore[misc]


def _kind(container: Value) -> str:
    """What a container holds, if it is of one kind."""
    kinds = {"parameters" if isinstance(part, Tensor) else "modules" for part in _modules_in(container)}
    return kinds.pop() if len(kinds) == 1 else ""


def _is_handled(name: str, text: str, place: Place) -> bool:
    """Whether the source changes the tensor of this name, or asks for its gradient, in a way of its own."""
    pattern = (
        rf"\.{re.escape(name)}\.(grad|data|\w+_)\b|\bgrad\([^\n]*\.{re.escape(name)}\b|['\"]{re.escape(name)}['\"]"
    )
    return any(re.search(pattern, source) for source in (text, place[0].source.text))


def _modules_in(value: Value) -> list[Owner]:
    return [
        part
        for part in walk([value])
        if isinstance(part, Module)
        or (isinstance(part, Instance) and part.is_module)
        or (isinstance(part, Tensor) and part.operation == "nn.Parameter")
    ]
