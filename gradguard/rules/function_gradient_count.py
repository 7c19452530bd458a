"""The backward of a custom autograd.Function returns a number of gradients that does not fit its forward."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import FunctionReturn
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: FunctionReturn, ledger: Ledger) -> Iterator[Report]:
    if event.given < event.needed:
        wanted = event.needed
    elif event.given > event.inputs and not event.spare:
        wanted = event.inputs
    else:
        return
    returned = "1 gradient" if event.given == 1 else f"{event.given} gradients"
    inputs = "1 input" if wanted == 1 else f"{wanted} inputs"
    there = event.forward_at
    notes = () if there is None else ((there, f"`forward` takes {inputs}, the context aside"),)
    yield Report(
        event.site,
        f"backward of `{event.function}` returns {returned}, but its forward takes {inputs}",
        notes,
        help=f"return {wanted} values, in the order of forward's inputs, with None for an input without a gradient",
        facts={"function": event.function, "missing": str(max(wanted - event.given, 0))},
    )


RULE = Rule(
    code="GG601",
    name="function-gradient-count",
    summary="a custom Function's backward returns a number of gradients different from forward's inputs",
    why="""
        Autograd hands what `backward` returns to the inputs of `forward`, by position. It needs exactly one value for
        each input, numbers, flags and shapes included; otherwise the backward pass raises "returned an incorrect number
        of gradients".
    """,
    instead="""
        Return as many values as `forward` has inputs (`ctx` does not count), and None for each input that has no
        gradient.
    """,
    bad="""
        import torch

        class Scale(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, factor):
                ctx.factor = factor
                return x * factor

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output * ctx.factor  # <- here

        w = torch.ones(2, requires_grad=True)
        Scale.apply(w, 3.0).sum().backward()
    """,
    good="""
        import torch

        class Scale(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, factor):
                ctx.factor = factor
                return x * factor

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output * ctx.factor, None

        w = torch.ones(2, requires_grad=True)
        Scale.apply(w, 3.0).sum().backward()
    """,
    raises=True,
    detect={FunctionReturn: detect},
)
