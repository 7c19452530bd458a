"""A backward pass makes an infinite gradient, or one that is not a number, out of finite ones."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import NonFiniteGradient
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule

_EXPLAINED = {
    "sqrt": "its slope is infinite at 0: add a small number inside (`(x + 1e-12).sqrt()`)",
    "linalg_vector_norm": "the slope of a norm is not defined at 0: add a small number, or leave zero vectors out",
    "norm": "the slope of a norm is not defined at 0: add a small number, or leave zero vectors out",
    "log": "its slope is infinite at 0: clamp the operand (`x.clamp(min=1e-12)`), or use `log_softmax`, `logsigmoid`",
    "pow": "a negative or fractional power has no finite slope at 0: clamp the operand",
    "div": "the divisor is 0 or nearly so: clamp it, or add a small number",
    "reciprocal": "the operand is 0 or nearly so: clamp it, or add a small number",
    "exp": "the result is too large: subtract the maximum first, or use `logsumexp`, `softmax`",
    "where": "the branch that is not taken has an infinite slope, and `0 * inf` is nan: make its operand harmless",
    "acos": "its slope is infinite at -1 and 1: clamp the operand",
    "asin": "its slope is infinite at -1 and 1: clamp the operand",
}


def detect(event: NonFiniteGradient, ledger: Ledger) -> Iterator[Report]:
    notes = [] if event.made_at is None else [(event.made_at, f"`{event.operation}` is computed here")]
    loss = f" of `{event.name}`" if event.name else ""
    said = "" if event.finite_loss is not False else "; the loss itself is no finite number"
    yield Report(
        event.site,
        f"this backward{loss} makes the first {event.value} in the backward of `{event.operation}`{said}",
        tuple(notes),
        help=_EXPLAINED.get(event.operation, f"keep the operand of `{event.operation}` where its slope is finite"),
    )


RULE = Rule(
    code="GG701",
    name="nonfinite-gradient",
    summary="a backward pass makes an infinite gradient or nan out of finite ones",
    default=False,
    why="""
        One nan or inf in a gradient spoils every parameter with the next step, and the loss is nan from then on. What
        made it is an operation without a finite slope at the value it got: `sqrt` or a norm at 0, `log` of 0, a
        division by 0, `exp` of a large number. The loss may look fine. Only the run shows it; each backward
        pass is looked at operation by operation, which costs time, so this rule is on only when it is asked for.
    """,
    instead="""
        Keep the operand where the slope is finite: add a small number inside of the root, clamp before the logarithm
        or division, use `log_softmax`, `logsumexp` or `binary_cross_entropy_with_logits` instead of their parts.
    """,
    bad="""
        import torch

        x = torch.tensor([0.0, 4.0], requires_grad=True)
        length = x.sqrt()
        loss = length.sum()
        loss.backward()  # <- here
    """,
    good="""
        import torch

        x = torch.tensor([0.0, 4.0], requires_grad=True)
        length = (x + 1e-12).sqrt()
        loss = length.sum()
        loss.backward()
    """,
    in_source=False,
    detect={NonFiniteGradient: detect},
)
