"""A step consumes a gradient that was added to after an earlier step had already used it."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import ManualUpdate, OptimizerStep, Site
from gradguard.ledger import Addition, Gradient, Ledger, Use
from gradguard.rule import Acquittal, Report, Rule


def _polluter(state: Gradient, use: Use, *, certain: bool) -> Addition:
    """The backward that is to blame: one that had fed the earlier use too, rather than a passing by-product.

    If it is not `certain` which backward passes reach the gradient, the one right before the step surely does.
    """
    fed = {addition.site for addition in state.added[: use.upto]}
    late = state.added[use.upto :]
    candidates = [addition for addition in late if addition.site in fed] or late[-1:]
    return candidates[0 if certain else -1]


def detect(event: OptimizerStep | ManualUpdate, ledger: Ledger) -> Iterator[Report | Acquittal]:
    reported: set[Site] = set()
    for gradient in event.gradients:
        state = ledger.gradient(gradient)
        use = state.uses.get(event.updater)
        if use is not None and state.is_stale(event.updater):
            polluter = _polluter(state, use, certain=isinstance(event, ManualUpdate) or event.complete)
            if polluter.site not in reported:
                reported.add(polluter.site)
                yield _report(event, state, use, polluter)
            continue
        if (state.left or state.first_sum is not None) and isinstance(event, OptimizerStep):
            late = _left(event, state, ledger)
            if late is not None and late.site not in reported:
                reported.add(late.site)
                yield late
        if state.added and event.updater in state.used_before:
            for addition in state.added:
                yield Acquittal(addition.site, key=event.updater)


def _left(event: OptimizerStep, state: Gradient, ledger: Ledger) -> Report | None:
    """A step that took more than later ones do: what was there before the optimizer had the parameter.

    It shows when the others of its parameters have been cleared since, or when its next steps do without.
    """
    first = state.first_sum
    if first is not None and first.updater == event.updater and state.added and not state.left:
        sites = {addition.site for addition in state.added}
        if sites <= {addition.site for addition in first.added} and sites.isdisjoint(a.site for a in first.left):
            return _left_report(event, first.left[-1], first.added[-1], first.step)
    if not state.left or len(state.added) == state.left:
        return None
    for gradient in event.gradients:
        other = ledger.gradient(gradient)
        if other.left or not other.known or event.updater in other.uses or other.clearing is None:
            continue
        fed = {addition.site for addition in other.added}
        for addition in state.added[: state.left]:
            if addition.site in fed and not any(addition is common for common in other.added):
                return _left_report(event, addition, state.added[-1], event.site)
    return None


def _left_report(event: OptimizerStep, left: Addition, polluter: Addition, step: Site) -> Report:
    return Report(
        polluter.site,
        f"this backward adds to a gradient that was there before `{event.name}` got its parameters; it was not cleared",
        (
            (left.site, "the old gradient was computed here"),
            (step, "the first update with these parameters uses the sum of the old gradient and the new one"),
        ),
        help=f"call `{event.name}.zero_grad()` also before the first backward that `{event.name}` is to use",
        key=event.updater,
        facts={"clearing": f"{event.name}.zero_grad()"},
    )


def _report(event: OptimizerStep | ManualUpdate, state: Gradient, use: Use, polluter: Addition) -> Report:
    by_hand = isinstance(event, ManualUpdate)
    what = f"the update of `{event.name}`" if by_hand else f"`{event.name}.step()`"
    notes = [(use.site, "the gradient is used here, and is not cleared before the next backward")]
    if event.site != use.site:
        notes.append((event.site, "the next update uses the sum of the old gradient and the new one"))
    if state.clearing is not None:
        notes.append((state.clearing.site, "cleared here, but not between that use and the next backward"))
    clearing = f"{event.name}.grad = None" if by_hand else f"{event.name}.zero_grad()"
    clear = f"clear with `{clearing}`" if by_hand else f"call `{clearing}`"
    return Report(
        polluter.site,
        f"this backward adds to a gradient that {what} has already used; it is never cleared in between",
        tuple(notes),
        help=f"{clear} once for each update, before the backward or right after the step",
        key=event.updater,
        facts={"updated": event.name} if by_hand else {"clearing": clearing},
    )


RULE = Rule(
    code="GG101",
    name="missing-zero-grad",
    summary="a gradient is used, added to, and used again without being cleared",
    why="""
        `backward()` adds to `.grad`; it does not replace it. If a step has used the gradient and nothing clears it, the
        next backward adds on top of the old value, and the next step moves along the sum of all gradients so far. The
        loss falls at first, then oscillates or becomes nan. PyTorch says nothing. Accumulating over several backward
        passes *before* a step is fine and is not reported.
    """,
    instead="""
        Clear once for each update: `optimizer.zero_grad()` before the backward, or right after the step. For an update
        by hand, `w.grad = None` (or `w.grad.zero_()`) after it.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    """,
    detect={OptimizerStep: detect, ManualUpdate: detect},
    story=("backward step backward step", "backward step clear backward step"),
)
