"""The guard: turns what happens at the choke points into events, and lets the rules speak on them."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from gradguard import catalogue
from gradguard.events import Backward, Event, GradRead, GraphNode, OptimizerStep
from gradguard.finding import CheckError, Finding, Location
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule
from gradguard.runtime import names, text
from gradguard.runtime.diagnosis import Past, shared_graph
from gradguard.runtime.gradients import Gradients
from gradguard.runtime.report import RunReport
from gradguard.runtime.sites import Between, Instruction, Sites, expression_at, locals_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Guard", "add_note", "strip_own_frames"]

_Past: TypeAlias = "tuple[Callable[[], Any], Instruction | None, int, bool]"

TRACEBACK_VARIABLE = "GRADGUARD_TRACEBACK"

# Full attention for the first backwards, then for a few out of each period. Primes, so that no accumulation period
# hides in the gaps.
_WARM_UP = 48
_WINDOW = 8
_EXTENSION = 64
_PERIODS = (*(61,) * 8, *(127,) * 8, *(251,) * 8, 509)
_REMEMBERED = 64
_FREED = "backward through the graph a second time"
_NO_GRAPH = "does not require grad and does not have a grad_fn"
_NOT_SCALAR = "grad can be implicitly created only for scalar outputs"

_GRADIENTS = "the gradients"

# Looked up once: these lines run in every backward.
_get_ident = threading.get_ident
_weak = weakref.ref
_new = tuple.__new__


class _Step:
    """A call of `step` that has not returned yet. `used` says that the use has been told already."""

    __slots__ = ("has_closure", "optimizer", "site", "used")

    def __init__(self, optimizer: weakref.ref[Any], site: Instruction | None, has_closure: bool) -> None:
        self.optimizer = optimizer
        self.site = site
        self.has_closure = has_closure
        self.used = False


class Guard:
    """One for the process while any watch is open. It holds no tensor of the user."""

    def __init__(self) -> None:
        self.sites = Sites()
        self.ledger = Ledger()
        self.reports: list[RunReport] = []
        self.rules = list(catalogue.all_rules())
        self.each_look: Callable[[], object] = _nothing
        self.gradients: Gradients | None = Gradients(self.ledger, self.emit)
        self.attentive = True
        self.depth = 0
        self._creation_number = getattr(getattr(torch._C, "_autograd", None), "_get_sequence_nr", _zero)
        self._left = _WARM_UP
        self._windows = 0
        self._extended = False
        self._thread: int | None = None
        self._past: deque[_Past] = deque(maxlen=_REMEMBERED)
        self._by_root: dict[int, _Past] = {}
        self._here: Instruction | None = None
        self._frame: FrameType | None = None
        self._calls: tuple[Instruction, ...] = ()
        self._latest: Instruction | None = None
        self._visits: dict[Instruction | None, int] = {}
        self._steps: list[_Step] = []
        self._failed: set[str] = set()
        self._again: tuple[_Past, Any] | None = None
        self._pending_past: _Past = (_nothing, None, 0, True)

    # Events and rules

    def emit(self, event: Event) -> Finding | None:
        """Show the event to the rules, then record it."""
        first: Finding | None = None
        for rule in list(self.rules):
            detect = rule.detect.get(type(event))
            if detect is None:
                continue
            try:
                for verdict in detect(event, self.ledger):
                    if isinstance(verdict, Acquittal):
                        for report in self.reports:
                            report.acquit(rule, verdict.site)
                    else:
                        first = self._report(rule, verdict, event) or first
            except Exception as error:
                self.rules.remove(rule)
                self.trouble(f"the rule {rule.name}", error)
        self.ledger.record(event)
        return first

    def _report(self, rule: Rule, verdict: Report, event: Event) -> Finding | None:
        extra: tuple[tuple[Hashable, str], ...] = ()
        if rule.name == "missing-zero-grad":
            extra = self._stale_names(verdict, event)
        idle = (
            event.site
            if isinstance(event, OptimizerStep)
            and not any(self.ledger.gradient(cell).added for cell in event.gradients)
            else None
        )
        first: Finding | None = None
        for report in self.reports:
            first = report.add(rule, verdict, self.locate, extra, idle) or first
        return first

    def _stale_names(self, verdict: Report, event: Event) -> tuple[tuple[Hashable, str], ...]:
        if self.gradients is None or not isinstance(event, OptimizerStep):
            return ()
        states = {cell: self.ledger.gradient(cell) for cell in event.gradients}
        stale = [
            cell
            for cell, state in states.items()
            if (use := state.uses.get(event.updater)) is not None and len(state.added) > use.upto
        ]
        tensors = self.gradients.by_cells(stale)
        found = names.list_of(names.parameter_names(tensors, self._frame or sys._getframe(1), self.sites), len(tensors))
        many = "1 gradient is" if len(tensors) == 1 else f"{len(tensors)} gradients are"
        return ((verdict.site, f"{many} stale{': ' if found else ''}{found}"),)

    def locate(self, site: Hashable) -> Location | None:
        return self.sites.location(site) if site is None or isinstance(site, tuple) else None  # type: ignore[arg-type]

    def trouble(self, what: str, error: BaseException) -> None:
        """An error of gradguard's own: told once, and that part stays off."""
        if what in self._failed:
            return
        self._failed.add(what)
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exception(error)
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        message = f"internal error, {what} is no longer watched: {said} (set {TRACEBACK_VARIABLE}=1 for the traceback)"
        for report in self.reports:
            report.errors.append(CheckError("gradguard", message))

    def unavailable(self, what: str) -> None:
        for report in self.reports:
            report.errors.append(CheckError("gradguard", f"{what} is not watched: this version of torch lacks it"))

    def _gradients_off(self, error: BaseException) -> None:
        self.gradients = None
        self.trouble(_GRADIENTS, error)

    def elsewhere(self) -> bool:
        """Whether this is not the thread that is watched: the first one that ran a backward."""
        return self._thread is not None and _get_ident() != self._thread

    # Backward

    def enter(self, roots: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> bool:
        """A backward begins. Returns whether `leave` is to be called."""
        thread = _get_ident()
        if thread != self._thread:
            if self._thread is not None:
                # Reading `.grad` while another thread's backward runs can crash torch.
                self.gradients = None
                return False
            self._thread = thread
        if self.depth:
            return False
        if self._steps and not self._steps[-1].has_closure:
            self._steps.clear()  # a step that has raised
        mine = self.sites.mine
        user: FrameType | None = frame
        while user is not None and not mine.get(id(user.f_code)):
            if id(user.f_code) not in mine and self.sites.is_user(user.f_code):
                break
            user = user.f_back
        here = self._here = None if user is None else _new(Instruction, (id(user.f_code), user.f_lasti))
        adds = args[5] if len(args) > 5 else kwargs.get("accumulate_grad")
        root = roots[0]
        reference: Callable[[], Any]
        try:
            reference = _weak(root)
        except TypeError:  # a GradientEdge
            reference = _nothing
        before = self._by_root.get(id(root))
        self._again = None
        if before is not None and before[0]() is root and adds and root.grad_fn is not None:
            self._again = before, root.grad_fn
        keeps = args[1] if len(args) > 1 else kwargs.get("retain_graph")
        self._pending_past = (reference, here, self._creation_number(), bool(keeps))
        self._left -= 1
        if self._left < 0:
            self._turn()
        if self.attentive and adds and self.gradients is not None:
            self._enter_attentive(roots, user, here)
        return True

    def _enter_attentive(self, roots: Sequence[Any], user: FrameType | None, here: Instruction | None) -> None:
        gradients = self.gradients
        assert gradients is not None
        try:
            self.each_look()
            self._frame = user
            self._calls = self.sites.calls(user)
            gradients.enter(self._between(self._latest, here, "clear"), self._by_hand)
            visits = self._visits[here] = self._visits.get(here, 0) + 1
            if visits & (visits - 1) == 0:
                gradients.walk(roots)
        except Exception as error:
            self._gradients_off(error)

    def leave(self) -> None:
        """The backward has succeeded."""
        past = self._pending_past
        self._past.append(past)
        root = past[0]()
        if root is not None:
            self._by_root[id(root)] = past
            if len(self._by_root) > 2 * _REMEMBERED:
                self._prune()
        if self._again is not None:
            before, node = self._again
            self._again = None
            if not before[3]:
                try:
                    self._doubled(before, node, past)
                except Exception as error:
                    self.trouble("a repeated backward", error)
        if self.attentive and self.gradients is not None:
            try:
                self.gradients.leave(self._backward_event)
            except Exception as error:
                self._gradients_off(error)
            self._latest = self._here
            self._frame = None

    def _prune(self) -> None:
        alive = [(key, past) for key, past in self._by_root.items() if past[0]() is not None]
        self._by_root = dict(alive[-_REMEMBERED:])

    def _backward_event(self, cells: frozenset[Hashable]) -> Backward:
        return Backward(site=self._here, calls=self._calls, name="", gradients=cells)

    def _turn(self) -> None:
        """Attention ends or begins."""
        if self.attentive:
            gradients = self.gradients
            if gradients is not None and not self._extended and gradients.pending():
                self._extended, self._left = True, _EXTENSION
                return
            self.attentive = self._extended = False
            self._steps.clear()
            if gradients is not None:
                gradients.forget()
            self._left = _PERIODS[min(self._windows, len(_PERIODS) - 1)] - _WINDOW
            self._windows += 1
        else:
            self.attentive = True
            self._left = _WINDOW
            if self.gradients is not None:
                self.gradients.resume()

    def _between(self, before: Instruction | None, after: Instruction | None, what: str) -> Hashable:
        return None if before is None or after is None else Between(before, after, what)

    def _by_hand(self, tensors: Sequence[Tensor]) -> tuple[Hashable, str]:
        site = self._between(self._latest, self._here, "update")
        found = names.parameter_names(tensors[:1], self._frame, self.sites) if tensors else []
        return site, found[0] if found else "w"

    # Optimizers

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        """Know its parameters before the first backward, so that their whole history is known."""
        gradients = self.gradients
        if gradients is None or self.elsewhere():
            return
        try:
            gradients.know(tensor for group in optimizer.param_groups for tensor in group["params"])
        except Exception as error:
            self._gradients_off(error)

    def step_begins(
        self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """A step begins. LBFGS uses the gradient each time its closure returns, so its closure is wrapped."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        site = self.sites.instruction(frame)
        step = _Step(weakref.ref(optimizer), site, has_closure=closure is not None)
        self._steps.append(step)
        if not isinstance(optimizer, torch.optim.LBFGS) or not self.attentive or not callable(closure):
            return None

        def watched() -> Any:
            value = closure()
            step.used = True
            self._step(optimizer, site, self.sites.user_frame(sys._getframe(1)))
            return value

        return (args[0], watched, *args[2:]), {name: value for name, value in kwargs.items() if name != "closure"}

    def stepped(self, optimizer: torch.optim.Optimizer, frame: FrameType) -> None:
        used = self._steps.pop().used if self._steps else False
        if self._steps:
            self._steps[-1].used = True  # an optimizer that lets another one do the step
        if used or not self.attentive:
            return
        user = self.sites.user_frame(frame)
        self._step(optimizer, None if user is None else Instruction(id(user.f_code), user.f_lasti), user)

    def _step(self, optimizer: torch.optim.Optimizer, here: Instruction | None, user: FrameType | None) -> None:
        gradients = self.gradients
        if gradients is None or not self.attentive or self.elsewhere():
            return
        try:
            updater = gradients.updater(optimizer, lambda: self._optimizer_name(optimizer, user))
            if self.depth:
                gradients.leave(self._backward_event, updater.parameters)
            else:
                self._frame = user

            def event(gradients: frozenset[Hashable]) -> OptimizerStep:
                self._note_use(here, gradients)
                return OptimizerStep(site=here, updater=updater.key, name=updater.name, gradients=gradients)

            gradients.step(updater, event, self._between(self._latest, here, "clear"))
            self._frame = None
            self._latest = here
        except Exception as error:
            self._gradients_off(error)

    def _note_use(self, site: Instruction | None, cells: frozenset[Hashable]) -> None:
        found = any(self.ledger.gradient(cell).added for cell in cells)
        for report in self.reports:
            report.stepped(site, found)

    def _optimizer_name(self, optimizer: torch.optim.Optimizer, frame: FrameType | None) -> str:
        return names.name_in_frames(optimizer, frame, self.sites) or "optimizer"

    def before_clearing(self) -> None:
        """What happened before a zero_grad was not done by it."""
        gradients = self.gradients
        if not self.attentive or gradients is None or self.elsewhere():
            return
        try:
            if self.depth:
                gradients.leave(self._backward_event)
            self._clears_itself()
        except Exception as error:
            self._gradients_off(error)

    def _clears_itself(self) -> None:
        """An optimizer that clears in its own step has used the gradients by then."""
        step = self._steps[-1] if self._steps else None
        optimizer = None if step is None else step.optimizer()
        if step is None or optimizer is None or step.used or step.has_closure:
            return
        step.used = True
        self._step(optimizer, step.site, self.sites.user_frame(sys._getframe(1)))

    def cleared(self, frame: FrameType) -> None:
        """A zero_grad has run."""
        gradients = self.gradients
        if not self.attentive or gradients is None or self.elsewhere():
            return
        try:
            here = self.sites.instruction(frame)
            gradients.cleared(here)
            if not self.depth:
                self._latest = here
        except Exception as error:
            self._gradients_off(error)

    # Errors

    def not_scalar(self, error: BaseException, roots: Sequence[Any], grads: Sequence[Any], frame: FrameType) -> None:
        """torch has refused to begin a backward."""
        if _NOT_SCALAR not in str(error):
            return
        user = self.sites.user_frame(frame)
        if user is None:
            return
        here = Instruction(id(user.f_code), user.f_lasti)
        root = next(
            (
                root
                for root, grad in zip(roots, grads, strict=False)
                if isinstance(root, torch.Tensor) and grad is None and root.numel() != 1
            ),
            None,
        )
        if root is None:
            return
        name = text.receiver(user.f_code, user.f_lasti, "backward") or text.tensor_name(root, user)
        event = Backward(
            site=here,
            name=name,
            many=True,
            seeded=False,
            shape=str(tuple(root.shape)),
            unreduced=text.assignment(user.f_code, name, user.f_lineno),
            unreduced_by=f"`{names.operation(root.grad_fn)}`" if root.grad_fn is not None else "",
        )
        self._explain(error, event)

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        """A backward has raised."""
        self._again = None
        if not isinstance(error, RuntimeError):
            return
        said = str(error)
        user = self.sites.user_frame(frame)
        if user is None:
            return
        if _FREED in said:
            self._twice(error, roots, user)
        elif _NO_GRAPH in said:
            self._lost_parameter(error, user)

    def _twice(self, error: BaseException, roots: Sequence[Any], user: FrameType) -> None:
        here = Instruction(id(user.f_code), user.f_lasti)
        shared = shared_graph(roots, [Past(*past) for past in self._past], self.sites, user)
        if shared is None or shared.first.site is None:
            return
        name = text.receiver(user.f_code, user.f_lasti, "backward")
        carried = shared.name or name
        first_code = self.sites.codes[shared.first.site.code]
        first_name = text.receiver(first_code, shared.first.site.offset, "backward")
        line = user.f_lineno
        made = self._made_at(carried, user, line)
        node = GraphNode(
            id=("shared", self.ledger),
            operation=names.operation(shared.node),
            site=made,
            saves=True,
            name=carried if carried.isidentifier() or shared.name else "",
        )
        self.ledger.freed.pop(node.id, None)
        self.ledger.record(
            Backward(site=shared.first.site, name=first_name, graph=(node,), keeps_graph=False, accumulates=False)
        )
        root = node if shared.is_root else GraphNode(id=("root", self.ledger), operation="", site=here, saves=True)
        self._explain(error, Backward(site=here, name=name, graph=(root, node), accumulates=False))

    def _made_at(self, name: str, user: FrameType, line: int) -> Hashable:
        """The assignment of the variable that a name begins with, in the frames of the user."""
        head = name.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
        if not head.isidentifier():
            return None
        for frame in names.user_frames(user, self.sites):
            if head in locals_of(frame):
                before = line if frame is user and head == name and frame.f_code.co_name != "<module>" else None
                return text.assignment(frame.f_code, head, before)
        return None

    def _doubled(self, earlier: _Past, node: Any, this: _Past) -> None:
        """A second backward from one root that torch did not refuse, since nothing had been saved."""
        before, past = Past(*earlier), Past(*this)
        if past.site is None or before.site is None:
            return
        code = self.sites.codes[past.site.code]
        name = text.receiver(code, past.site.offset, "backward")
        line = text.instruction_line(self.sites, past.site)
        made = text.assignment(code, name, line)
        root = GraphNode(id=("shared", self.ledger), operation=names.operation(node), site=made, saves=None, name=name)
        self.ledger.freed.pop(root.id, None)
        self.ledger.record(Backward(site=before.site, name=name, graph=(root,), keeps_graph=False, accumulates=False))
        self.emit(Backward(site=past.site, name=name, graph=(root,), accumulates=False))

    def _lost_parameter(self, error: BaseException, user: FrameType) -> None:
        """A backward that once had a graph has none now: a parameter may have been rebound."""
        here = Instruction(id(user.f_code), user.f_lasti)
        if not any(past[1] == here for past in self._past):
            return
        codes = [user.f_code, *(code for code in self.sites.codes.values() if self.sites.is_user(code))]
        for code in {code.co_filename: code for code in reversed(codes)}.values():
            found = text.rebinding(code, None, anywhere=True)
            if found is not None:
                place, name = found
                self._explain(
                    error, GradRead(site=here, name=name, is_leaf=True, requires_grad=False, rebound_at=place)
                )
                return

    def escaped(self, error: BaseException) -> None:
        """An exception leaves the watch. One that is about a missing gradient is explained."""
        try:
            if isinstance(error, (AttributeError, TypeError)) and "NoneType" in str(error):
                self._missing_gradient(error)
            elif isinstance(error, TypeError) and "as parameter" in str(error):
                self._refused_parameter(error)
            elif isinstance(error, AssertionError) and "No inf checks were recorded" in str(error):
                self._scaler_found_nothing(error)
        except Exception as own:
            self.trouble("a missing gradient", own)

    def _scaler_found_nothing(self, error: BaseException) -> None:
        """`scaler.step(optimizer)` refuses to step because no gradient is there."""
        entry, user, optimizer = error.__traceback__, None, None
        while entry is not None:
            if self.sites.is_user(entry.tb_frame.f_code):
                user = entry
            optimizer = locals_of(entry.tb_frame).get("optimizer", optimizer)
            entry = entry.tb_next
        if user is None or not isinstance(optimizer, torch.optim.Optimizer):
            return
        site = Instruction(id(user.tb_frame.f_code), user.tb_lasti)
        for report in self.reports:
            report.stepped(site, found=False)
        self._step(optimizer, site, user.tb_frame)

    def _last_user_entry(self, error: BaseException) -> TracebackType | None:
        entry, last = error.__traceback__, None
        while entry is not None:
            if self.sites.is_user(entry.tb_frame.f_code):
                last = entry
            entry = entry.tb_next
        return last

    def _refused_parameter(self, error: BaseException) -> None:
        """A module does not let a plain tensor take the place of its parameter."""
        last = self._last_user_entry(error)
        found = None if last is None else text.rebinding(last.tb_frame.f_code, None)
        if last is None or found is None or not found[0].line <= last.tb_lineno <= found[0].end_line:
            return
        site = Instruction(id(last.tb_frame.f_code), last.tb_lasti)
        read = GradRead(site=site, name=found[1], is_leaf=False, requires_grad=True, rebound_at=found[0])
        self._explain(error, read)

    def _missing_gradient(self, error: BaseException) -> None:
        last = self._last_user_entry(error)
        if last is None:
            return
        code = last.tb_frame.f_code
        owner = text.grad_owner(code, last.tb_lasti)
        tensor = None if owner is None else text.evaluate(owner, last.tb_frame)
        if owner is None or not isinstance(tensor, torch.Tensor) or (tensor.is_leaf and tensor.requires_grad):
            return
        site = Instruction(id(code), last.tb_lasti)
        self._read(site, last.tb_frame, owner, tensor, error)

    def finish(self) -> None:
        """A watch ends."""
        if self.gradients is not None and self.attentive and not self.elsewhere():
            try:
                self.gradients.finish(self._by_hand)
            except Exception as error:
                self._gradients_off(error)

    # Reads of .grad

    def non_leaf_read(self, frame: FrameType) -> None:
        """torch has warned of a read of `.grad` of a non-leaf in this frame."""
        code = frame.f_code
        if not self.sites.is_user(code):
            return
        node = expression_at(code, frame.f_lasti)
        owner = text.grad_owner(code, frame.f_lasti)
        if owner is None and node is not None:
            return  # `hasattr(t, "grad")` and its kin
        self._read(Instruction(id(code), frame.f_lasti), frame, owner, None, None)

    def _read(
        self, site: Instruction, frame: FrameType, owner: Any, tensor: Tensor | None, error: BaseException | None
    ) -> None:
        code = frame.f_code
        value: Any = tensor if tensor is not None else (None if owner is None else text.evaluate(owner, frame))
        name = "" if owner is None else text.source_of(owner)
        line = text.instruction_line(self.sites, site)
        rebound = text.rebinding(code, name) if name else None
        if rebound is None and name and line is not None:
            rebound = text.rebound_later_in_loop(code, name, line)
        is_tensor = isinstance(value, torch.Tensor)
        event = GradRead(
            site=site,
            name=name,
            is_leaf=value.is_leaf if is_tensor and error is not None else False,
            requires_grad=value.requires_grad if is_tensor and error is not None else True,
            retains_grad=False,
            operation=names.operation(value.grad_fn) if is_tensor and value.grad_fn is not None else "",
            made_at=text.assignment(code, name, line) if name.isidentifier() else None,
            rebound_at=None if rebound is None else rebound[0],
        )
        if error is None:
            self.emit(event)
        elif rebound is not None:
            self._explain(error, event)

    def _explain(self, error: BaseException, event: Event) -> None:
        """Let the rules speak on the event, and add what they say to the exception."""
        finding = self.emit(event)
        if finding is not None:
            add_note(error, finding)


def add_note(error: BaseException, finding: Finding) -> None:
    place = finding.location
    lines = [f"gradguard: {finding.code} {finding.rule}: {finding.message}", f"  at {place.path}:{place.line}"]
    lines += [f"  {note.location.path}:{note.location.line}: {note.message}" for note in finding.notes]
    lines += [f"  instead: {finding.help}"] if finding.help else []
    note = "\n".join(lines)
    held = getattr(error, "__notes__", None)
    if isinstance(held, list):
        if note not in held:
            held.append(note)
    else:
        error.__notes__ = [note]  # type: ignore[attr-defined, unused-ignore]


def strip_own_frames(error: BaseException, folder: str) -> None:
    """Take gradguard's own frames out of the traceback."""
    entry = error.__traceback__
    kept: list[TracebackType] = []
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(folder):
            kept.append(entry)
        entry = entry.tb_next
    if not kept:
        return
    for this, following in itertools.pairwise([*kept, None]):
        assert this is not None
        this.tb_next = following
    error.__traceback__ = kept[0]


def _nothing() -> None:
    return None


def _zero() -> int:
    return 0
