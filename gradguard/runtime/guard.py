"""The guard: tells the watchers what happens at the choke points, and lets the rules speak on the events they emit."""

from __future__ import annotations

import os
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from gradguard import catalogue
from gradguard.events import ClipGrad, Event, ManualUpdate, OptimizerStep, SchedulerStep, ZeroGrad
from gradguard.finding import CheckError, Finding, Location
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule
from gradguard.runtime.attention import Attention
from gradguard.runtime.comments import Comments
from gradguard.runtime.explain import add_note
from gradguard.runtime.offer import left_open
from gradguard.runtime.places import Places
from gradguard.runtime.report import RunReport
from gradguard.runtime.sites import Instruction, Sites
from gradguard.runtime.tracing import Tracer
from gradguard.runtime.watcher import BackwardCall, Watcher
from gradguard.runtime.watchers import all_watchers

if TYPE_CHECKING:
    from gradguard.runtime.patches import Patches

__all__ = ["IGNORED", "NOTED", "WATCHED", "Guard"]

IGNORED, NOTED, WATCHED = range(3)

# Of a backward pass: a weak reference to its root, the call, the next creation number, whether it keeps its graph.
_Past: TypeAlias = "tuple[Callable[[], Any], Instruction | tuple[int, int] | None, int, Any]"

TRACEBACK_VARIABLE = "GRADGUARD_TRACEBACK"

_REMEMBERED = 64

# What rules judge by the order of several places.
_ORDERED = (OptimizerStep, ManualUpdate, ZeroGrad, ClipGrad, SchedulerStep)

# Looked up once: these lines run in every backward.
_get_frame = sys._getframe
_get_ident = threading.get_ident
_weak = weakref.ref
_new = tuple.__new__
_TENSOR_BACKWARD = torch.Tensor.backward.__code__


_METHODS = {name: own for name, own in vars(Watcher).items() if callable(own) and not name.startswith("_")}


_overrides: dict[type, frozenset[str]] = {}


def _overridden(kind: type[Watcher]) -> frozenset[str]:
    found = _overrides.get(kind)
    if found is None:
        names = (name for name, default in _METHODS.items() if getattr(kind, name) is not default)
        found = _overrides[kind] = frozenset(names)
    return found


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

    def __init__(self, more: Iterable[Callable[[Guard], Watcher]] = ()) -> None:
        self.sites = Sites()
        self.places = Places()
        self.passes = 0  # backward passes, in every thread
        self.steps = 0  # of optimizers
        self._mine = self.sites.mine
        self.comments = Comments(self.sites.folder)
        self.ledger = Ledger()
        self.reports: list[RunReport] = []
        self.rules = list(catalogue.all_rules())
        self._by_kind: dict[type[Event], list[Rule]] = {}
        self.script = ""  # the file that is run, where it is known from the start
        self.depth = 0
        self.reached_nothing = False  # a backward has been told of that computes no gradient
        self.past: deque[_Past] = deque(maxlen=_REMEMBERED)  # the latest backward passes
        self.watchers: list[Watcher] = [*(make(self) for make in all_watchers()), *(make(self) for make in more)]
        self._told: dict[str, tuple[tuple[Watcher, Callable[..., Any]], ...]] = {}
        self._arrange()
        self._creation_number = getattr(getattr(torch._C, "_autograd", None), "_get_sequence_nr", _zero)
        self.attention = Attention(weakref.proxy(self))
        self._thread: int | None = None
        self._by_root: dict[int, _Past] = {}
        self._call: BackwardCall | None = None
        self._steps: list[_Step] = []
        self._failed: set[str] = set()
        self._again: tuple[_Past, Any] | None = None

    @property
    def attentive(self) -> bool:
        return self.attention.on

    # Events and rules

    def emit(self, event: Event) -> Finding | None:
        """Show the event to the rules, then record it."""
        first: Finding | None = None
        kind = type(event)
        for rule in self._rules_on(kind):
            try:
                for verdict in rule.detect[kind](event, self.ledger):
                    if isinstance(verdict, Acquittal):
                        for report in self.reports:
                            report.acquit(rule, verdict.site)
                    else:
                        first = self._report(rule, verdict, event) or first
            except Exception as error:
                self.rules = [other for other in self.rules if other is not rule]
                self._by_kind.clear()
                self.trouble(f"the rule {rule.name}", error)
        self.record(event)
        return first

    def record(self, event: Event) -> None:
        """Record an event that no rule speaks on: a backward of which nothing is known but the gradients."""
        self.ledger.record(event)
        if self._told["emitted"]:
            self.tell("emitted", event)

    def _rules_on(self, kind: type[Event]) -> list[Rule]:
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = [rule for rule in self.rules if kind in rule.detect]
        return found

    def explain(self, error: BaseException, event: Event) -> None:
        """Let the rules speak on the event, and add what they say to the exception."""
        finding = self.emit(event)
        if finding is not None:
            add_note(error, finding)

    def _report(self, rule: Rule, verdict: Report, event: Event) -> Finding | None:
        if isinstance(event, _ORDERED) and verdict.notes and all(site == verdict.site for site, _ in verdict.notes):
            return None  # one call of a library does all of it: its places cannot be told apart from here
        self.attention.alarm()
        extra = [note for notes in self.tell("notes", rule, verdict, event) for note in notes]
        idle = (
            event.site
            if isinstance(event, OptimizerStep)
            and not any(self.ledger.gradient(cell).added for cell in event.gradients)
            else None
        )
        if idle is not None and self.reached_nothing:
            return None
        first: Finding | None = None
        for report in self.reports:
            finding = report.add(rule, verdict, self.locate, extra, idle, self.comments.hide)
            if finding is not None and not self.places.traced and (question := left_open(event)):
                report.left_open[finding.code, finding.location] = question
            first = finding or first
        return first

    def locate(self, site: Hashable) -> Location | None:
        return self.sites.location(site) if site is None or isinstance(site, tuple) else None  # type: ignore[arg-type]

    # Watchers

    def _arrange(self) -> None:
        """For each method, the watchers that override it."""
        told: dict[str, list[tuple[Watcher, Callable[..., Any]]]] = {name: [] for name in _METHODS}
        for watcher in self.watchers:
            for name in _overridden(type(watcher)) | (_METHODS.keys() & vars(watcher).keys()):
                told[name].append((watcher, getattr(watcher, name)))
        self._told = {name: tuple(methods) for name, methods in told.items()}

    def tell(self, what: str, *facts: Any) -> list[Any]:
        """Tell the watchers, and return their answers. One that has an error of its own is switched off."""
        answers = []
        for watcher, method in self._told[what]:
            try:
                answers.append(method(*facts))
            except Exception as error:
                self.drop(watcher)
                self.trouble(watcher.what, error)
        return answers

    def drop(self, watcher: Watcher) -> None:
        self.watchers = [other for other in self.watchers if other is not watcher]
        self._arrange()

    def install(self, patches: Patches) -> None:
        self.tell("install", patches)
        if isinstance(self.places, Tracer):
            self.places.install(patches)

    def trace(self) -> None:
        """From the next `install` on, note where things are made, cut and changed."""
        self.places = Tracer(self)

    def trouble(self, what: str, error: BaseException) -> None:
        """An error of gradguard's own: told once, and that part stays off."""
        if what in self._failed:
            return
        self._failed.add(what)
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exception(error)
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        self._tell_user(
            f"internal error, {what} is no longer watched: {said} (set {TRACEBACK_VARIABLE}=1 for the traceback)"
        )

    def unavailable(self, what: str) -> None:
        self._tell_user(f"{what} is not watched: this version of torch lacks it")

    def _tell_user(self, message: str) -> None:
        for report in self.reports:
            report.errors.append(CheckError("gradguard", message))

    def elsewhere(self) -> bool:
        """Whether this is not the thread that is watched: the first one that ran a backward."""
        return self._thread is not None and _get_ident() != self._thread

    def _second_thread(self) -> None:
        """Reading `.grad` while another thread's backward runs can crash torch."""
        off = [watcher for watcher in self.watchers if watcher.reads_gradients]
        if off:
            for watcher in off:
                self.drop(watcher)
            what = ", ".join(watcher.what for watcher in off)
            self._tell_user(f"a second thread runs backward passes: from there on, {what} could not be watched")

    # Backward

    def passes_by(self, roots: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """A backward begins while the guard rests, at a place that is known. False if `enter` has to look at it.

        These lines are what a watch costs in the long run. The third frame from here is that of the user, or of
        `Tensor.backward`, which the user has called.
        """
        attention = self.attention
        if attention.left <= 0 or self.depth or _get_ident() != self._thread:
            return False
        frame = _get_frame(3)
        if frame.f_code is _TENSOR_BACKWARD:
            frame = frame.f_back  # type: ignore[assignment]
        here = id(frame.f_code), frame.f_lasti
        if here not in attention.places:
            return False
        reference = _weak(roots[0])
        attention.left -= 1
        self.past.append(
            (
                reference,
                here,
                self._creation_number(),
                args[1] if len(args) > 1 else kwargs.get("retain_graph"),
            )
        )
        return True

    def enter(self, roots: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> int:
        """A backward begins. Returns one of `IGNORED`, `NOTED` and `WATCHED`; only then is `leave` to be called."""
        thread = _get_ident()
        if thread != self._thread:
            if self._thread is not None:
                self._second_thread()
                return IGNORED
            self._thread = thread
        if self.depth:
            return IGNORED
        # The usual way here is short: from the user to `Tensor.backward` to `autograd.backward`.
        user = frame.f_back
        if user is not None and user.f_code is _TENSOR_BACKWARD:
            user = user.f_back
        if user is None or not self._mine.get(id(user.f_code)):
            user = self.sites.user_frame(frame)
        here = None if user is None else _new(Instruction, (id(user.f_code), user.f_lasti))
        root = roots[0]
        try:
            reference: Callable[[], Any] = _weak(root)
        except TypeError:  # a GradientEdge
            reference = _nothing
        keeps = args[1] if len(args) > 1 else kwargs.get("retain_graph")
        past = (reference, here, self._creation_number(), keeps)
        attentive = self.attention.backward(here)
        if attentive:
            self._attend(BackwardCall(self, roots, args, kwargs, user, here))
        self.past.append(past)
        return WATCHED if attentive else NOTED

    def _attend(self, call: BackwardCall) -> None:
        if self._steps and not self._steps[-1].has_closure:
            self._steps.clear()  # a step that has raised
        root = call.roots[0]
        before = self._by_root.get(id(root))
        self._again = None
        if before is not None and before[0]() is root and call.adds and root.grad_fn is not None:
            self._again = before, root.grad_fn
        self._call = call
        self.tell("entering", call)

    def leave(self) -> None:
        """The backward has succeeded."""
        past = self.past[-1]
        root = past[0]()
        if root is not None:
            self._by_root[id(root)] = past
            if len(self._by_root) > 2 * _REMEMBERED:
                self._prune()
        if self._again is not None:
            before, node = self._again
            self._again = None
            if not before[3]:
                self.tell("again", past[1], before, node)
        call, self._call = self._call, None
        if self.attentive and call is not None:
            self.tell("left", call)

    def _prune(self) -> None:
        alive = [(key, past) for key, past in self._by_root.items() if past[0]() is not None]
        self._by_root = dict(alive[-_REMEMBERED:])

    def refused(self, error: BaseException, roots: Sequence[Any], grads: Sequence[Any], frame: FrameType) -> None:
        """torch has refused to begin a backward."""
        self.tell("refused", error, roots, grads, frame)

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        """A backward has raised."""
        self._again = self._call = None
        if self.past:
            self.past.pop()
        user = self.sites.user_frame(frame)
        if user is not None and isinstance(error, RuntimeError):
            self.tell("failed", error, roots, user)

    # Optimizers

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        if not self.elsewhere():
            self.tell("optimizer_created", optimizer)
            if not self.depth:
                self.attention.optimizer_created(id(optimizer))

    def step_begins(
        self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """A step begins. LBFGS uses the gradient each time its closure returns, so its closure is wrapped."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        site = self.sites.instruction(frame)
        step = _Step(weakref.ref(optimizer), site, has_closure=closure is not None)
        self._steps.append(step)
        self.tell("stepping", optimizer, site, frame)
        if not isinstance(optimizer, torch.optim.LBFGS) or not self.attentive or not callable(closure):
            return None

        def watched() -> Any:
            value = closure()
            step.used = True
            self._stepped(optimizer, site, self.sites.user_frame(sys._getframe(1)))
            return value

        return (args[0], watched, *args[2:]), {name: value for name, value in kwargs.items() if name != "closure"}

    def step_ends(self, optimizer: torch.optim.Optimizer, frame: FrameType) -> None:
        used = self._steps.pop().used if self._steps else False
        if self._steps:
            self._steps[-1].used = True  # an optimizer that lets another one do the step
        if used or not self.attentive:
            return
        user = self.sites.user_frame(frame)
        self._stepped(optimizer, None if user is None else Instruction(id(user.f_code), user.f_lasti), user)

    def _stepped(self, optimizer: torch.optim.Optimizer, here: Instruction | None, user: FrameType | None) -> None:
        if self.attentive and not self.elsewhere():
            self.attention.stepped(id(optimizer))
            self.tell("stepped", optimizer, here, user, self.depth)

    def clearing(self, frame: FrameType) -> None:
        """A zero_grad begins. What happened before it was not done by it."""
        if self.elsewhere():
            return
        self.tell("clearing", frame, self.depth)
        # An optimizer that clears in its own step has used the gradients by then.
        step = self._steps[-1] if self._steps else None
        optimizer = None if step is None else step.optimizer()
        if step is not None and optimizer is not None and not step.used and not step.has_closure:
            step.used = True
            self._stepped(optimizer, step.site, self.sites.user_frame(frame))

    def cleared(self, frame: FrameType) -> None:
        if self.attentive and not self.elsewhere():
            self.tell("cleared", frame, self.depth)

    # Attention

    def rest(self) -> None:
        self._steps.clear()
        self._by_root.clear()
        self.tell("rest")

    def attend(self) -> None:
        self.tell("attend")

    # The end

    def refresh(self) -> None:
        """Full attention, as at the beginning."""
        if self.elsewhere():
            return
        self.attention.refresh()

    def interrupted(self) -> None:
        """For a while, nothing was seen."""
        self._steps.clear()
        if self.attentive and not self.elsewhere():
            self.tell("rest")
            self.tell("attend")

    def escaped(self, error: BaseException) -> None:
        """An exception leaves the watch."""
        self.tell("escaped", error)

    def finish(self) -> None:
        """A watch ends."""
        if not self.elsewhere():
            self.tell("finish")

    def close(self) -> None:
        """The last watch has ended. Without its watchers, the guard needs no collector to be freed."""
        self.watchers.clear()
        self._arrange()


def _nothing() -> None:
    return None


def _zero() -> int:
    return 0
