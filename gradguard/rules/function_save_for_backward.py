"""The forward of a custom autograd.Function keeps an input or output on ctx instead of saving it for backward."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import FunctionStore
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: FunctionStore, ledger: Ledger) -> Iterator[Report]:
    if event.role is None:
        return
    context = event.context
    if event.role == "output":
        harm = "its memory is then never given back, and a change in place before the backward makes the gradient wrong"
    else:
        harm = "a change in place before the backward then makes the gradient wrong, without a word"
    held = f"`{context}.{event.attribute}`"
    yield Report(
        event.site,
        f"`{event.function}` keeps its {event.role} `{event.name}` as {held}, where autograd does not see it: {harm}",
        help=f"call `{context}.save_for_backward({event.name})`, and read `{context}.saved_tensors` in backward",
    )


RULE = Rule(
    code="GG602",
    name="function-save-for-backward",
    summary="a custom Function keeps an input or output on ctx instead of `ctx.save_for_backward`",
    why="""
        A tensor that is an attribute of `ctx` is unknown to autograd: it does not notice when the tensor is changed in
        place between forward and backward (the gradient is silently wrong), it does not release it after the backward,
        and an output kept that way forms a reference cycle that leaks memory.
    """,
    instead="""
        Give inputs and outputs to `ctx.save_for_backward(…)`, once, and read `ctx.saved_tensors` in backward. Shapes,
        numbers and flags belong on `ctx` as attributes, and intermediate results may.
    """,
    bad="""
        import torch

        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.x = x  # <- here
                return x * x

            @staticmethod
            def backward(ctx, grad_output):
                return 2 * ctx.x * grad_output

        w = torch.ones(2, requires_grad=True)
        Square.apply(w).sum().backward()
    """,
    good="""
        import torch

        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, grad_output):
                (x,) = ctx.saved_tensors
                return 2 * x * grad_output

        w = torch.ones(2, requires_grad=True)
        Square.apply(w).sum().backward()
    """,
    detect={FunctionStore: detect},
)
