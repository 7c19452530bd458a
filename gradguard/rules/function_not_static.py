"""A custom autograd.Function is written or used as an object: its methods are not static, or an instance is called."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import FunctionInstance
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: FunctionInstance, ledger: Ledger) -> Iterator[Report]:
    name = event.function
    if event.method:
        yield Report(
            event.site,
            f"`{event.method}` of the autograd Function `{name}` is not static: torch refuses to call such a Function",
            help=f"write `@staticmethod` above `{event.method}`, take `ctx` as its first argument, keep what it needs "
            f"there, and call `{name}.apply(…)`",
            facts={"function": name},
        )
        return
    notes = () if event.defined_at is None else ((event.defined_at, f"`{name}` is defined here"),)
    yield Report(
        event.site,
        f"an object of the autograd Function `{name}` is called: torch refuses that",
        notes,
        help=f"call `{name}.apply(…)` on the class, and do not make an object of it",
        facts={"function": name},
    )


RULE = Rule(
    code="GG603",
    name="function-not-static",
    summary="a custom Function's methods are not static, or an instance of it is called",
    why="""
        Since torch 1.3 an `autograd.Function` is never made an object: `forward` and `backward` are static methods that
        get a context, and the Function is applied through its class. Code for older versions raises "Legacy autograd
        function with non-static forward method is deprecated".
    """,
    instead="""
        Mark `forward` and `backward` with `@staticmethod`, take `ctx` as the first argument, pass what `__init__` took
        as further arguments of `forward`, and call `TheFunction.apply(…)`.
    """,
    bad="""
        import torch

        class Double(torch.autograd.Function):
            def forward(self, x):  # <- here
                return x * 2

            def backward(self, grad_output):
                return grad_output * 2

        w = torch.ones(2, requires_grad=True)
        Double()(w).sum().backward()
    """,
    good="""
        import torch

        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output * 2

        w = torch.ones(2, requires_grad=True)
        Double.apply(w).sum().backward()
    """,
    raises=True,
    detect={FunctionInstance: detect},
)
