"""The gradient state machine, with made-up events: no torch, no source code."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard.events import (
    Backward,
    ClipGrad,
    Escape,
    GraphNode,
    Joined,
    OptimizerStep,
    SchedulerStep,
    Unscale,
    ZeroGrad,
)
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report
from gradguard.rules import (
    backward_twice,
    clip_after_step,
    clip_before_backward,
    clip_scaled_gradients,
    missing_zero_grad,
    scheduler_before_optimizer,
    step_without_backward,
    zero_grad_before_step,
)

W = frozenset({"w"})


def backward(site="backward", gradients=W, **facts):
    return Backward(site=site, name="loss", gradients=gradients, **facts)


def step(updater="opt", site="step", gradients=W):
    return OptimizerStep(site=site, updater=updater, name=updater, gradients=gradients)


def clear(site="clear", gradients=W, **facts):
    return ZeroGrad(site=site, name="opt", gradients=gradients, **facts)


def said(rule, *events):
    """What a rule reports of a history, by site."""
    ledger = Ledger()
    ledger.born(W)
    found = []
    for event in events:
        detector = rule.RULE.detect.get(type(event))
        if detector is not None:
            found += [verdict.site for verdict in detector(event, ledger) if isinstance(verdict, Report)]
        ledger.record(event)
    return found


def test_a_step_on_a_polluted_gradient_blames_the_backward() -> None:
    assert said(missing_zero_grad, backward(), step(), backward(), step()) == ["backward"]


@pytest.mark.parametrize(
    "events",
    [
        (backward(), step(), clear(), backward(), step()),
        (clear(), backward(), step(), clear(), backward(), step()),
        (backward(), backward(), step()),
        (backward(), step(), backward("generator"), clear(), backward(), step()),
        (backward(), step(), clear(gradients=frozenset(), perhaps=W), backward(), step()),
        (backward(), step(), Escape(site=None, gradients=W), backward(), step()),
    ],
    ids=["cleared after", "cleared before", "accumulated", "polluted, then cleared", "perhaps cleared", "escaped"],
)
def test_no_report_where_nothing_stale_is_consumed(events) -> None:
    assert said(missing_zero_grad, *events) == []


def test_another_updater_may_use_the_sum() -> None:
    """An adversarial perturbation uses the gradient, a second backward adds to it, and the optimizer takes the sum."""
    assert said(missing_zero_grad, backward(), step("perturbation"), backward("second"), step("opt")) == []


JOIN = Joined(site=None, gradients=W)
HEAD, BOTH = frozenset({"head"}), W | {"head"}


def test_what_was_there_before_the_optimizer_is_told_when_the_next_step_does_without() -> None:
    history = (backward("check"), JOIN, backward(), step(), clear(), backward(), step(), clear(), backward(), step())
    assert said(missing_zero_grad, *history) == ["backward"]


def test_gradients_that_piled_up_outside_of_an_optimizer_that_clears_its_own() -> None:
    turn = (backward(gradients=BOTH), step(gradients=HEAD), clear(gradients=HEAD))
    born = (clear(gradients=BOTH),)
    assert said(missing_zero_grad, *born, *turn, *turn, JOIN, backward(gradients=BOTH), step(gradients=BOTH)) == [
        "backward"
    ]


@pytest.mark.parametrize(
    "events",
    [
        (backward("check"), JOIN, clear(), backward(), step(), clear(), backward(), step()),
        (backward("a"), JOIN, backward("b"), step(), clear(), backward("a"), backward("b"), step()),
        (backward(), JOIN, backward(), step(), clear(), backward(), step()),
        (backward("a"), JOIN, backward("b"), step()),
        (backward("a"), JOIN, step(), clear(), backward("b"), step()),
        (backward("check"), JOIN, backward(), step(), Escape(site=None, gradients=W), backward(), step()),
        (clear(gradients=BOTH), backward(gradients=BOTH), JOIN, backward(gradients=BOTH), step(gradients=BOTH)),
        (clear(gradients=BOTH), backward("aid"), JOIN, backward(gradients=BOTH), step(gradients=BOTH)),
    ],
    ids=["cleared", "always both", "accumulated", "one step", "alone", "escaped", "a window", "another loss"],
)
def test_what_was_there_before_the_optimizer_may_be_meant(events) -> None:
    assert said(missing_zero_grad, *events) == []


def test_the_backward_that_fed_the_earlier_step_is_blamed_rather_than_a_by_product() -> None:
    history = (backward("critic"), step(), backward("generator"), backward("critic"), step())
    assert said(missing_zero_grad, *history) == ["critic"]


def test_clearing_between_backward_and_step() -> None:
    assert said(zero_grad_before_step, backward(), clear(), step()) == ["clear"]
    assert said(zero_grad_before_step, clear(), backward(), step()) == []


def test_clearing_in_every_turn_but_stepping_in_every_second() -> None:
    turn = (clear(), backward())
    assert said(zero_grad_before_step, *turn, *turn, step()) == ["clear"]


TRUNK, DAY, NIGHT = W, frozenset({"day"}), frozenset({"night"})


def test_a_head_that_was_empty_does_not_speak_for_a_clearing_that_wastes_what_the_trunk_got() -> None:
    """Two heads on one trunk, cleared before each: the second one had nothing to lose."""
    every = TRUNK | DAY | NIGHT
    turns = (
        clear(gradients=every),
        backward(gradients=TRUNK | DAY),
        clear(gradients=every),
        backward(gradients=TRUNK | NIGHT),
        step(gradients=every),
    )
    assert said(zero_grad_before_step, clear(gradients=every), *turns, *turns) == ["clear", "clear"]


def test_a_head_that_was_used_does_speak_for_the_clearing() -> None:
    """Gradients piled up outside of the optimizer; those inside were used by each step, and lost nothing."""
    turn = (backward(gradients=BOTH), step(gradients=HEAD))
    start = (clear(gradients=BOTH), *turn)
    end = (clear(gradients=BOTH), backward(gradients=BOTH), step(gradients=BOTH))
    assert said(zero_grad_before_step, *start, *end) == []


@pytest.mark.parametrize(
    ("events", "in_vain"),
    [
        ((step(), backward(gradients=HEAD)), True),
        ((backward(gradients=HEAD), step()), False),
        ((backward(), clear()), False),
        ((backward(gradients=HEAD), clear()), True),
        ((backward(gradients=HEAD, accumulates=False),), False),
    ],
    ids=["elsewhere", "before the last step", "cleared away", "nothing to clear", "returned"],
)
def test_a_pass_in_vain_is_one_since_the_last_step_that_added_nothing(events, in_vain) -> None:
    ledger = Ledger()
    ledger.born(BOTH)
    for event in events:
        ledger.record(event)
    assert (ledger.pass_in_vain("opt", W) is not None) is in_vain


def test_clearing_a_by_product_is_no_waste() -> None:
    history = (clear(), backward(), step(), backward("generator"), clear(), backward(), step())
    assert said(zero_grad_before_step, *history) == []


def test_a_step_without_backward() -> None:
    assert said(step_without_backward, step()) == ["step"]
    assert said(step_without_backward, backward(), step(), step(site="again")) == ["again"]
    assert said(step_without_backward, backward(), step(), backward(), step()) == []
    assert said(step_without_backward, Escape(site=None, gradients=W, may_clear=False), step()) == []


def node(ident, *, saves=True):
    return GraphNode(id=ident, operation="mul", site=f"made {ident}", saves=saves)


def test_a_graph_is_freed_once() -> None:
    first, second = backward("first", graph=(node(1), node(2))), backward("second", graph=(node(3), node(2)))
    assert said(backward_twice, first, second) == ["second"]
    kept = backward("first", graph=(node(1), node(2)), keeps_graph=True)
    assert said(backward_twice, kept, second) == []


def test_operations_that_save_nothing_may_be_passed_twice() -> None:
    first = backward("first", graph=(node(1), node(2, saves=False)))
    second = backward("second", graph=(node(3), node(2, saves=False)))
    assert said(backward_twice, first, second) == []
    assert said(backward_twice, first, backward("again", graph=(node(1),))) == ["again"], "the same loss doubles"


@dataclass
class Plain:
    """An independent model of one gradient and its updaters: numbers instead of states.

    The gradient is a multiset of backward passes. A step is stale if one of them was there at that updater's last step
    and nothing has been cleared since, and another one has come.
    """

    content: list[int] = field(default_factory=list)
    last: dict[str, list[int]] = field(default_factory=dict)
    count: int = 0

    def backward(self) -> None:
        self.count += 1
        self.content.append(self.count)

    def clear(self) -> None:
        self.content = []

    def step(self, updater: str) -> bool:
        before = self.last.get(updater, [])
        old = [b for b in before if b in self.content]
        stale = bool(old) and len(self.content) > len(old)
        # An updater that has seen an empty gradient since then has used nothing.
        self.last[updater] = list(self.content)
        return stale


@given(st.lists(st.sampled_from(["backward", "clear", "step a", "step b"]), max_size=24))
def test_the_state_machine_agrees_with_a_model_of_numbers(history) -> None:
    plain, ledger = Plain(), Ledger()
    for action in history:
        if action == "backward":
            plain.backward()
            ledger.record(backward())
        elif action == "clear":
            plain.clear()
            ledger.record(clear())
        else:
            updater = action[-1]
            event = step(updater)
            reports = [v for v in missing_zero_grad.detect(event, ledger) if isinstance(v, Report)]
            assert bool(reports) == plain.step(updater)
            ledger.record(event)


@given(st.lists(st.sampled_from([backward(), clear(), step("a"), step("b")]), max_size=24))
def test_one_step_never_both_accuses_and_acquits_one_gradient(history) -> None:
    ledger = Ledger()
    for event in history:
        if isinstance(event, OptimizerStep):
            verdicts = list(missing_zero_grad.detect(event, ledger))
            assert not (
                any(isinstance(v, Report) for v in verdicts) and any(isinstance(v, Acquittal) for v in verdicts)
            )
        ledger.record(event)


def clip(site="clip", gradients=W):
    return ClipGrad(site=site, name="clip_grad_norm_", gradients=gradients)


def unscale(gradients=W):
    return Unscale(site="unscale", name="scaler", gradients=gradients)


CLIP_RULES = (clip_after_step, clip_before_backward, clip_scaled_gradients)


def clipping(*events):
    return [site for rule in CLIP_RULES for site in said(rule, *events)]


def test_clipping_where_it_belongs() -> None:
    turn = (clear(), backward(), clip(), step())
    assert clipping(*turn, *turn, *turn) == []
    assert clipping(*(clear(), backward(), unscale(), clip(), step()) * 3) == []
    assert clipping(*(backward(), backward(), clip(), step(), clear()) * 3) == []


def test_clipping_used_gradients() -> None:
    assert said(clip_after_step, backward(), step(), clip(), clear()) == ["clip"]
    assert said(clip_after_step, backward(), step(), clip(), step("other"), clear()) == []
    assert said(clip_after_step, backward(), step(), backward(), clip(), clear()) == []


def test_clipping_before_there_is_a_gradient() -> None:
    assert said(clip_before_backward, clear(), clip(), backward(), step()) == ["clip"]
    assert said(clip_before_backward, clear(), clip("first"), backward(), clip(), step()) == ["first"]
    assert said(clip_before_backward, Escape(site=None, gradients=W), clip(), backward(), step()) == []


def test_clipping_an_unfinished_sum_is_told_from_the_second_time() -> None:
    turn = (backward(), clip(), backward(), step(), clear())
    assert said(clip_before_backward, *turn) == []
    assert said(clip_before_backward, *turn, *turn) == ["clip"]


def test_a_clip_that_has_served_one_optimizer_is_no_fault_for_another() -> None:
    """The critic's clip covers all; what the actor's backward adds later is the actor's affair."""
    both = frozenset({"w", "actor"})
    turn = (backward(gradients=both), clip(gradients=both), step(), backward("actor", gradients=frozenset({"actor"})))
    last = (step("actor opt", gradients=frozenset({"actor"})), clear(gradients=both))
    assert said(clip_before_backward, *(*turn, *last) * 3) == []


def test_clipping_scaled_gradients() -> None:
    assert said(clip_scaled_gradients, backward(), clip(), unscale(), step()) == ["clip"]
    assert said(clip_scaled_gradients, backward(), unscale(), clip(), unscale(), step()) == []
    assert said(clip_scaled_gradients, backward(), clip(), clear(), backward(), unscale(), step()) == []


def schedule(site="schedule", *, early):
    return SchedulerStep(site=site, scheduler="s", name="sched", optimizer="opt", early=early)


def test_a_schedule_is_accused_when_its_place_comes_round_again() -> None:
    rule = scheduler_before_optimizer
    assert said(rule, schedule(early=True), schedule(early=False)) == ["schedule"]
    assert said(rule, schedule(early=False), schedule(early=False)) == []
    assert said(rule, schedule("resume", early=True), schedule("resume", early=True), schedule(early=False)) == []
    assert said(rule, schedule(early=True), schedule(early=True)) == []
    assert said(rule, schedule(early=None), schedule(early=False)) == []


@given(st.lists(st.sampled_from(["backward", "clip", "step", "clear"]), max_size=12))
def test_no_clip_is_accused_where_each_step_follows_its_clip(names) -> None:
    """Whatever happens, a clip right before each step, and nowhere else, is right."""
    events = []
    for name in names:
        if name == "step":
            events.append(clip())
        if name != "clip":
            events.append({"backward": backward, "step": step, "clear": clear}[name]())
    if "backward" not in names:
        return
    assert said(clip_before_backward, *events) == []
    assert said(clip_scaled_gradients, *events) == []
