"""One execution: the decisions it takes, the events it emits, and what the rules say of them.

An execution follows one path. Where the source does not tell which way a condition goes, the execution decides, by a
plan or by a preference, and notes that it did. `explore` runs several executions and compares what they say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import libcst as cst

from gradguard import events
from gradguard.events import (
    Backward,
    ClipGrad,
    CutOff,
    Escape,
    Event,
    Exhausted,
    GradRead,
    GraphNode,
    ManualUpdate,
    OptimizerStep,
    Ownership,
    SchedulerStep,
    Site,
    TensorWrite,
    UncalledMethod,
    Unscale,
    ZeroGrad,
)
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Detector, Report, Rule
from gradguard.static import cuts, lost, records
from gradguard.static.keeping import Keeping
from gradguard.static.project import SourceFile
from gradguard.static.retaining import Retaining
from gradguard.static.values import (
    Cut,
    Instance,
    Module,
    Op,
    Opaque,
    Optimizer,
    Owner,
    Seq,
    Table,
    Tensor,
    Value,
    fresh,
)

__all__ = ["OutOfFuel", "Trace", "Verdict"]

MAX_GRAPH = 4000


class OutOfFuel(Exception):
    """The execution has become too long; nothing that it said counts."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said about one place in one execution."""

    rule: Rule
    guilty: Report | None


@dataclass(slots=True, eq=False)
class Trace:
    """The state of one execution that is not a variable of the program."""

    detectors: Mapping[type[Event], Sequence[tuple[Rule, Detector]]]
    plan: Mapping[cst.CSTNode, bool]
    fuel: int
    ledger: Ledger = field(default_factory=Ledger)
    decided: dict[cst.CSTNode, bool] = field(default_factory=dict)
    decided_in: dict[cst.CSTNode, SourceFile] = field(default_factory=dict)
    governs: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    reports: dict[tuple[str, Site, Hashable], Report] = field(default_factory=dict)
    acquitted: set[tuple[str, Site, Hashable]] = field(default_factory=set)
    sides: set[tuple[cst.CSTNode, bool]] = field(default_factory=set)
    partial: bool = False
    guesses: int = 0
    decisions: int = 0
    calls: tuple[cst.CSTNode, ...] = ()
    cleared_at: set[cst.CSTNode] = field(default_factory=set)
    executed: set[cst.CSTNode] = field(default_factory=set)
    optimizers: list[Optimizer] = field(default_factory=list)
    owners: dict[int, Owner] = field(default_factory=dict)
    generation: dict[int, int] = field(default_factory=dict)
    stepped: set[str] = field(default_factory=set)
    haunted: bool = False
    passes: int = 0
    elsewhere: set[int] = field(default_factory=set)
    frozen_at: dict[int, Cut] = field(default_factory=dict)
    fed: dict[Cut, Site] = field(default_factory=dict)
    reached: set[int] = field(default_factory=set)
    imagined: bool = False  # other methods may have run before, so that attributes may have changed
    backward_hooked: bool = False
    keeping: Keeping = field(default_factory=Keeping)
    retaining: Retaining = field(default_factory=Retaining)
    stepped_at: dict[Hashable, int] = field(default_factory=dict)
    schedules: dict[int, Optimizer] = field(default_factory=dict)
    perhaps_stepped: set[Hashable] = field(default_factory=set)
    ownership: records.Records = field(default_factory=records.Records)
    rebound: dict[int, tuple[str, SourceFile, cst.CSTNode]] = field(default_factory=dict)

    # --- decisions ---------------------------------------------------------------------------------------------------

    def burn(self, amount: int = 1) -> None:
        self.fuel -= amount
        if self.fuel < 0:
            raise OutOfFuel

    def decide(self, node: cst.CSTNode, file: SourceFile, preferred: bool) -> bool:
        """Which way an unknown condition goes: as planned, else as preferred."""
        self.decisions += 1
        choice = self.plan.get(node)
        if choice is None:
            choice = preferred
        if node not in self.decided:
            self.decided[node] = choice
            self.decided_in[node] = file
        return choice

    # --- gradients ---------------------------------------------------------------------------------------------------

    def cells(self, owners: Iterable[Owner]) -> frozenset[int]:
        """The gradients of leaves and modules, as numbers."""
        found: dict[int, Owner] = {}
        for owner in owners:
            _collect(owner, found, 0)
        self.owners.update(found)
        return frozenset(found)

    def managed(self) -> frozenset[int]:
        return self.cells(owner for optimizer in self.optimizers if not optimizer.loose for owner in optimizer.owners)

    def stepped_by(self, optimizer: Optimizer) -> frozenset[int]:
        cells = self.cells(optimizer.owners)
        return cells | {optimizer.ident} if optimizer.loose else cells

    def add_optimizer(self, optimizer: Optimizer) -> None:
        self.optimizers.append(optimizer)
        if optimizer.loose:
            self.ledger.alias(optimizer.ident, "loose")

    def give(self, optimizer: Optimizer, owners: Iterable[Owner]) -> None:
        """The optimizer gets the parameters that these owners have now."""
        found: dict[int, Owner] = {}
        for owner in owners:
            _collect(owner, found, 0, registered=True)
        optimizer.given.update(found)

    def registered(self, owners: Iterable[Owner]) -> dict[int, Owner]:
        """The parameters that `owner.parameters()` would give: without those in plain lists and dicts."""
        found: dict[int, Owner] = {}
        for owner in owners:
            _collect(owner, found, 0, registered=True)
        return found

    def generations(self, owners: Iterable[Owner]) -> frozenset[tuple[int, int]]:
        return frozenset((cell, self.generation.get(cell, 0)) for cell in self.cells(owners))

    # --- events ------------------------------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        for rule, detector in self.detectors.get(type(event), ()):
            for said in detector(event, self.ledger):
                key = (rule.name, said.site, said.key)
                if isinstance(said, Acquittal):
                    self.acquitted.add(key)
                else:
                    self.reports.setdefault(key, said)
        self.ledger.record(event)

    def backward(
        self,
        node: cst.CSTNode,
        file: SourceFile,
        *,
        name: str,
        op: Op | None,
        reach: frozenset[Owner],
        only: frozenset[int] | None = None,
        keeps_graph: bool | None = False,
        accumulates: bool = True,
        many: bool | None = None,
        shape: str = "",
        unreduced: tuple[Site, str] | None = None,
        seeded: bool | None = False,
        wild: bool = False,
        through: frozenset[int] | None = None,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        cells = self.cells(reach)
        loose = cells - self.managed()
        if only is not None:
            cells = only
            loose = only - self.managed()
        elif wild or not cells:
            cells = cells | self.cells(owner for optimizer in self.optimizers for owner in optimizer.owners)
            loose = frozenset({0})
        if accumulates:
            for cell in cells:
                self.generation[cell] = self.generation.get(cell, 0) + 1
        self.passes += 1
        self.reached |= cells
        if op is not None and accumulates:
            self._note_cuts(op, (file, node))
        graph = tuple(self._graph(op, through)) if op is not None else ()
        self.keeping.ran.update((node.id, self.passes) for node in graph)
        if op is not None and accumulates and only is None:
            self.ownership.roots.setdefault(op.ident, op)
        if op is None or wild:
            self.ownership.unknown_passes += 1
        gradients: frozenset[Hashable] = cells
        if loose:
            gradients = gradients | {o.ident for o in self.optimizers if o.loose} | {"loose"}
        self.emit(
            Backward(
                site=(file, node),
                conditional=self.guesses > 0,
                calls=self.calls,
                name=name,
                gradients=gradients,
                graph=graph,
                keeps_graph=keeps_graph,
                accumulates=accumulates,
                many=many,
                shape=shape,
                unreduced=unreduced[0] if unreduced else None,
                unreduced_by=unreduced[1] if unreduced else "",
                seeded=seeded,
                **facts,
            )
        )
        if self.backward_hooked:
            self.escape_all()

    def _graph(self, root: Op, through: frozenset[int] | None) -> Iterator[GraphNode]:
        """The operations below a root that surely have a graph, the root first."""
        trained: dict[int, bool] = {}
        seen: set[int] = set()
        queue: list[Op] = [root]
        for op in queue:
            if op.ident in seen or (through is not None and op.ident not in through):
                continue
            seen.add(op.ident)
            if len(seen) > MAX_GRAPH:
                return
            queue.extend(op.parents)
            if op.unsure is not None and op is not root:
                known = trained.get(op.unsure.ident)
                if known is None:
                    known = trained[op.unsure.ident] = bool(self.cells((op.unsure,)) & self.managed())
                if not known:
                    continue
            yield GraphNode(
                id=op.ident,
                operation=op.operation,
                site=(op.file, op.node),
                saves=op.saves,
                name=op.name,
                saved=op.saved,
            )

    def _note_cuts(self, root: Op, site: Site) -> None:
        """The cuts at which a backward pass stops."""
        seen = {root.ident}
        queue = [root]
        for op in queue:
            for cut in op.fed:
                self.fed.setdefault(cut, site)
            unseen = [parent for parent in op.parents if parent.ident not in seen]
            if len(seen) < MAX_GRAPH:
                queue.extend(unseen)
                seen.update(parent.ident for parent in unseen)

    def finish(self) -> None:
        """The program has run to its end: tell of parameters that an optimizer owns and no backward has reached."""
        managed = self.managed()
        for cut, site in self.fed.items():
            cells = self.cells(cut.of) & managed
            if cells and cut.node is not None and self.stepped and cuts.is_hidden(cut):
                reached = not self.reached.isdisjoint(cells) or not self.elsewhere.isdisjoint(cells)
                what = events.Cut(kind=cut.kind, what=cut.what, lost=cut.lost)
                self.emit(CutOff(site=(cut.file, cut.node), cut=what, backward=site, reached=reached))

    def zero_grad(self, node: cst.CSTNode, file: SourceFile, name: str, owners: Iterable[Owner]) -> None:
        self.cleared_at.add(node)
        cells = self.cells(owners)
        perhaps: frozenset[Hashable] = frozenset()
        if not cells or cells - self.managed():
            perhaps = frozenset({o.ident for o in self.optimizers if o.loose} | {"loose"})
        for cell in cells:
            self.generation[cell] = self.generation.get(cell, 0) + 1
        self._zero(node, file, name, cells, perhaps)

    def optimizer_zero_grad(self, node: cst.CSTNode, file: SourceFile, name: str, optimizer: Optimizer) -> None:
        self.cleared_at.add(node)
        cells = self.stepped_by(optimizer)
        perhaps: frozenset[Hashable] = frozenset()
        if optimizer.loose:
            perhaps = self.cells(self.owners.values()) - self.managed() | {"loose"}
        for cell in cells:
            self.generation[cell] = self.generation.get(cell, 0) + 1
        self._zero(node, file, name, cells, perhaps)

    def _zero(
        self,
        node: cst.CSTNode,
        file: SourceFile,
        name: str,
        cells: frozenset[int],
        perhaps: frozenset[Hashable],
    ) -> None:
        self.emit(
            ZeroGrad(
                site=(file, node),
                conditional=self.guesses > 0,
                calls=self.calls,
                name=name,
                gradients=cells,
                perhaps=perhaps,
            )
        )

    def step(self, node: cst.CSTNode, file: SourceFile, name: str, optimizer: Optimizer) -> None:
        self.stepped.add(name.rsplit(".", 1)[-1])
        self.stepped_at.update(dict.fromkeys(self.cells(optimizer.owners), fresh()))
        optimizer.name = optimizer.name or name
        if self.rebound:
            lost.tell(self, optimizer, file, node)
        if optimizer.loose:
            self.ledger.gradient("loose").look()  # what was added so far may well have been for this one
        self.emit(
            OptimizerStep(
                site=(file, node),
                conditional=self.guesses > 0,
                calls=self.calls,
                updater=optimizer.updater,
                name=name,
                gradients=self.stepped_by(optimizer),
                complete=self.is_seen_whole(optimizer),
            )
        )

    def scheduler_step(
        self, node: cst.CSTNode, file: SourceFile, name: str, scheduler: Hashable, optimizer: Optimizer
    ) -> None:
        stepped = optimizer.updater in self.ledger.first_steps
        unknown = self.haunted or optimizer.updater in self.perhaps_stepped
        self.emit(
            SchedulerStep(
                site=(file, node),
                conditional=self.guesses > 0,
                calls=self.calls,
                scheduler=scheduler,
                name=name,
                optimizer=optimizer.name or "optimizer",
                early=False if stepped else (None if unknown else True),
            )
        )

    def clip(self, node: cst.CSTNode, file: SourceFile, name: str, owners: Iterable[Owner]) -> None:
        cells: frozenset[Hashable] = self.cells(owners)
        loose = [optimizer.ident for optimizer in self.optimizers if optimizer.loose]
        if cells - self.managed() and len(loose) == 1:
            cells = cells | {loose[0]}
        if cells:
            self.emit(
                ClipGrad(site=(file, node), conditional=self.guesses > 0, calls=self.calls, name=name, gradients=cells)
            )

    def unscale(self, node: cst.CSTNode, file: SourceFile, name: str, optimizer: Optimizer) -> None:
        self.emit(
            Unscale(
                site=(file, node),
                conditional=self.guesses > 0,
                calls=self.calls,
                name=name,
                gradients=self.stepped_by(optimizer),
            )
        )

    def is_seen_whole(self, optimizer: Optimizer) -> bool:
        """Whether every way in which a backward could reach the optimizer's parameters has been seen."""
        if optimizer.loose or not self.elsewhere.isdisjoint(self.stepped_by(optimizer)):
            return False
        return not (self.passes and any(isinstance(owner, Opaque) for owner in optimizer.owners))

    def exhausted(self, node: cst.CSTNode, file: SourceFile, name: str, spent_at: Site, consumer: str) -> None:
        self.emit(Exhausted(site=(file, node), name=name, spent_at=spent_at, consumer=consumer))

    def owned(self, event: Ownership) -> None:
        self.emit(event)

    def manual_update(
        self,
        node: cst.CSTNode,
        file: SourceFile,
        name: str,
        target: Iterable[Owner],
        grad_of: frozenset[tuple[int, int]],
    ) -> None:
        current = {cell for cell, generation in grad_of if self.generation.get(cell, 0) == generation}
        cells = self.cells(target) & current
        self.ownership.handled |= cells
        if cells:
            self.emit(
                ManualUpdate(
                    site=(file, node),
                    conditional=self.guesses > 0,
                    calls=self.calls,
                    updater=("by hand", file, node),
                    name=name,
                    gradients=cells,
                )
            )

    def escape(self, owners: Iterable[Owner], optimizers: Iterable[Optimizer] = ()) -> None:
        """Code that cannot be seen may have cleared these gradients, or added to them."""
        cells: frozenset[Hashable] = self.cells(owners)
        for optimizer in optimizers:
            cells = cells | self.stepped_by(optimizer)
            self.perhaps_stepped.add(optimizer.updater)
        if cells and (cells - self.managed()):
            cells = cells | {o.ident for o in self.optimizers if o.loose} | {"loose"}
        if cells:
            self.emit(Escape(site=None, gradients=cells))

    def may_add(self, owners: Iterable[Owner], *, loose: bool) -> None:
        """Code that cannot be seen may have run a backward pass."""
        cells: frozenset[Hashable] = self.cells(owners)
        if loose:
            cells = cells | {o.ident for o in self.optimizers if o.loose} | {"loose"}
        if cells:
            self.emit(Escape(site=None, gradients=cells, may_clear=False))

    def escape_all(self) -> None:
        cells: set[Hashable] = set(self.cells(self.owners.values())) | {"loose"}
        cells.update(o.ident for o in self.optimizers if o.loose)
        self.perhaps_stepped.update(o.updater for o in self.optimizers)
        self.emit(Escape(site=None, gradients=frozenset(cells)))

    def write(self, event: TensorWrite) -> None:
        self.emit(replace(event, conditional=self.guesses > 0, calls=self.calls))

    def grad_read(self, event: GradRead) -> None:
        self.ownership.handled |= {cell for cell in event.gradients if isinstance(cell, int)}
        self.emit(replace(event, conditional=self.guesses > 0, calls=self.calls))

    def uncalled(self, node: cst.CSTNode, file: SourceFile, receiver: str, method: str) -> None:
        self.emit(UncalledMethod(site=(file, node), receiver=receiver, method=method))


def _collect(owner: Value, found: dict[int, Owner], depth: int, *, registered: bool = False) -> None:
    if depth > 12:
        return
    if isinstance(owner, Tensor):
        if owner.owners and owner.owners != (owner,):
            for other in owner.owners:
                _collect(other, found, depth + 1, registered=registered)
        elif owner.leaf is not False:
            found[owner.ident] = owner
    elif isinstance(owner, Module):
        if owner.ident in found:
            return
        if owner.has_parameters and not owner.children:
            found[owner.ident] = owner
        for child in (*owner.children, *owner.attributes.values()):
            if isinstance(child, (Module, Instance, Opaque, Tensor)):
                _collect(child, found, depth + 1, registered=registered)
    elif isinstance(owner, Opaque):
        if owner.ident in found:
            return
        found[owner.ident] = owner
        if owner.memo:
            for child in list(owner.memo.values()):
                if isinstance(child, Opaque) and child.parameters:
                    _collect(child, found, depth + 1, registered=registered)
    elif isinstance(owner, Instance):
        if owner.ident in found:
            return
        if not owner.whole:
            found[owner.ident] = owner
        for child in instance_parts(owner, registered=registered):
            _collect(child, found, depth + 1, registered=registered)


def instance_parts(instance: Instance, *, registered: bool = False) -> Iterator[Owner]:
    """The modules and parameters that an object of a module class holds, those in plain lists only if asked for."""
    values: list[Value] = list(instance.attributes.values())
    if instance.unknown is not None:
        values.extend(v for v in instance.unknown.memo.values() if isinstance(v, Opaque) and v.parameters)
    for value in values:
        if isinstance(value, (Module, Instance)) or (
            isinstance(value, Opaque) and (value.parameters or not value.stable)
        ):
            if isinstance(value, Instance) and not value.is_module:
                continue
            if isinstance(value, Opaque) and not value.parameters:
                continue
            yield value
        elif isinstance(value, Tensor) and value.leaf and value.requires_grad is not False:
            if not registered or not records.is_plain(value):
                yield value
        elif isinstance(value, (Seq, Table)) and not registered:
            items = value.items if isinstance(value, Seq) else value.items.values()
            yield from (item for item in items if isinstance(item, Module))
