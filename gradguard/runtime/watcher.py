"""What a watcher is: one witness at the choke points, with a fence of its own.

A module in `gradguard/runtime/watchers/` that names a class `WATCHER` is found by itself. The guard makes one object of
it for each run that is watched, and calls those of its methods that it overrides; what it does not override costs
nothing. An exception in a method is told once, switches this watcher off for the rest of the run, and harms nobody.

All methods are called in the thread that is watched. They must not keep a tensor, a graph node, an optimizer or a frame
of the user beyond the call. What they see they tell as an event: `self.guard.emit(event)`, or
`self.guard.explain(error, event)` where an exception of the user is to carry the diagnosis as a note.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from gradguard.events import Event
from gradguard.rule import Report, Rule
from gradguard.runtime.sites import Instruction

if TYPE_CHECKING:
    import torch

    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["BackwardCall", "Watcher"]

_MOST_CALLS = 6


class BackwardCall:
    """A pass of the engine that has begun: `Tensor.backward`, `autograd.backward` or `autograd.grad`."""

    __slots__ = ("_frames", "arguments", "frame", "guard", "here", "keywords", "roots")

    def __init__(
        self,
        guard: Guard,
        roots: Sequence[Any],
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        frame: FrameType | None,
        here: Instruction | None,
    ) -> None:
        self.guard = guard
        self.roots = roots  # tensors, or graph edges
        self.arguments = arguments
        self.keywords = keywords
        self.frame = frame  # the user's
        self.here = here
        self._frames: tuple[FrameType, ...] | None = None

    @property
    def frames(self) -> tuple[FrameType, ...]:
        """The frames of the user's code, the innermost first."""
        if self._frames is None:
            self._frames = tuple(self.guard.sites.user_frames(self.frame))
        return self._frames

    @property
    def calls(self) -> tuple[Instruction, ...]:
        """The calls through which the user's code has come here."""
        return tuple([Instruction(id(frame.f_code), frame.f_lasti) for frame in self.frames[1 : _MOST_CALLS + 1]])

    def _argument(self, index: int, name: str) -> Any:
        return self.arguments[index] if len(self.arguments) > index else self.keywords.get(name)

    @property
    def gradients(self) -> Sequence[Any]:
        """The gradients of the roots; for a scalar root without one, torch has made it up by now."""
        return self._argument(0, "grad_tensors") or ()

    @property
    def keeps_graph(self) -> bool:
        return bool(self._argument(1, "retain_graph"))

    @property
    def creates_graph(self) -> bool:
        return bool(self._argument(2, "create_graph"))

    @property
    def inputs(self) -> Sequence[Any]:
        return self._argument(3, "inputs") or ()

    @property
    def adds(self) -> bool:
        """Whether it adds to `.grad`: false for `autograd.grad`."""
        return bool(self._argument(5, "accumulate_grad"))


class Watcher:
    """The methods that a watcher may override."""

    what = "something"  # that is no longer watched after an error of its own
    tireless = False  # whether attention must not rest while it is there
    reads_gradients = False  # then it is switched off once a second thread runs a backward

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def install(self, patches: Patches) -> None:
        """Patch further choke points with `patches.patch`, or undo something at the end with `patches.at_end`."""

    # Called only while the guard is attentive: for a while at the beginning, and in short windows later.

    def entering(self, call: BackwardCall) -> None:
        """A backward begins. One that begins inside of another is not told."""

    def left(self, call: BackwardCall) -> None:
        """It has succeeded."""

    def stepping(self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType) -> None:
        """A step begins. `here` is the user's call, `frame` that of the optimizer's own step."""

    def stepped(
        self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType | None, depth: int
    ) -> None:
        """Gradients were used by a step; with LBFGS each time that its closure returns.

        `frame` is the user's; `depth` is 1 in the middle of a backward, else 0.
        """

    def clearing(self, frame: FrameType, depth: int) -> None:
        """A `zero_grad` of an optimizer or of a module begins."""

    def cleared(self, frame: FrameType, depth: int) -> None:
        """It has run. `frame` is its caller's."""

    def emitted(self, event: Event) -> None:
        """An event has been shown to the rules, and recorded."""

    # Called at all times.

    def attend(self) -> None:
        """Attention begins again; until now things went unseen."""

    def rest(self) -> None:
        """Attention ends."""

    def busy(self) -> bool:
        """Whether attention had better go on a little, since something suspicious is open."""
        return False

    def unsettled(self) -> bool:
        """Whether the first passes were too few: it has begun to suspect something, or to follow something up."""
        return False

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        """A group of parameters was added, the first ones by the constructor."""

    def refused(self, error: BaseException, roots: Sequence[Any], grads: Sequence[Any], frame: FrameType) -> None:
        """torch has refused to begin a backward, since a root has more than one element. `frame` is torch's."""

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        """A backward has raised. `frame` is that of the user."""

    def again(self, call_site: Instruction | None, earlier: Any, node: Any) -> None:
        """A second backward from one root has succeeded, although the first one freed the graph."""

    def escaped(self, error: BaseException) -> None:
        """An exception leaves the watch."""

    def finish(self) -> None:
        """A watch ends."""

    # What only the real run can add to a report.

    def notes(self, rule: Rule, report: Report, event: Event) -> Sequence[tuple[Hashable, str]]:
        """Further notes for the report of a rule on this event: (site, text)."""
        return ()
