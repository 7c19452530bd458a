"""The backward of a custom autograd.Function is not the derivative of its forward."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import FunctionGradient
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: FunctionGradient, ledger: Ledger) -> Iterator[Report]:
    notes = () if event.forward_at is None else ((event.forward_at, "this forward was differentiated by small steps"),)
    yield Report(
        event.site,
        f"backward of `{event.function}` is not the derivative of its forward: for `{event.input}` it gives "
        f"{event.given:.4g} where small steps of the input give {event.measured:.4g}",
        notes,
        help="derive the formula again, and check it with `gradguard.testing.check_function` or "
        "`torch.autograd.gradcheck`",
    )


RULE = Rule(
    code="GG604",
    name="function-wrong-gradient",
    summary="a custom Function's backward is not the derivative of its forward",
    why="""
        Autograd believes what `backward` returns. A factor that was forgotten, a sign, or the saved input where the
        output was meant raises nothing: the model trains on a wrong gradient. In a run, gradguard tries the formula
        only of Functions whose source is plain smooth arithmetic, so that trying it can do no harm; all others are a
        matter for a test.
    """,
    instead="""
        Test every custom Function with `gradguard.testing.check_function`, or with `torch.autograd.gradcheck` on
        inputs in double precision. A gradient that differs on purpose deserves a name that says so, or a suppression
        comment.
    """,
    bad="""
        import torch

        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, grad_output):
                (x,) = ctx.saved_tensors
                return grad_output * 3 * x  # <- here

        w = torch.ones(2, requires_grad=True)
        Cube.apply(w).sum().backward()
    """,
    good="""
        import torch

        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, grad_output):
                (x,) = ctx.saved_tensors
                return grad_output * 3 * x**2

        w = torch.ones(2, requires_grad=True)
        Cube.apply(w).sum().backward()
    """,
    in_source=False,
    detect={FunctionGradient: detect},
)
