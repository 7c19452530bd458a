"""A tensor that backward needs is changed through `.data`, where autograd does not notice."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    found = ledger.overwritten(event, hidden=True)
    sites = ledger.written(hidden=True)
    if found is not None:
        node, write = found.node, found.write
        name = (write.name or found.saved.name).removesuffix(".data")
        shown = f"`{name}`" if name else "a tensor"
        by = f"`{node.operation}`" if node.operation else "an operation"
        yield Report(
            write.site,
            f"this changes {shown} through `.data` after {by} has used it: autograd does not notice, and computes a "
            "wrong gradient without a word",
            (
                (node.site, f"{by} keeps the value of {shown} for its backward"),
                (event.site, "this backward computes with the changed value"),
            ),
            help=f"make a new tensor ({name or 'y'} = …) or change a `.clone()` if the gradient is to follow; change a "
            "weight under `torch.no_grad()`, and after the backward or before the forward pass",
            key=(event.site, node.site),
        )
    for node in event.graph if sites else ():
        if any(ledger.changed(saved, hidden=True) is None for saved in node.saved):
            for site in sites:
                yield Acquittal(site, (event.site, node.site))


RULE = Rule(
    code="GG504",
    name="data-write",
    summary="a value that backward needs is changed through `.data`, behind autograd's back",
    why="""
        Autograd counts changes in place, so that a backward which needs the old value can refuse. A change through
        `.data` is not counted. If an operation has saved the tensor (`exp`, `sigmoid` and `relu` their result, `*`
        and layers their operands) and its backward is still to come, the gradient is computed from the changed value:
        no error, no warning, a wrong number.
    """,
    instead="""
        Make a new tensor, or change a `.clone()`. With `.detach()` instead of `.data` torch would at least notice and
        raise. Weights may be changed, best under `torch.no_grad()`, once the backward has run: an update by hand, a
        clamp, a moving average or an initial value at those places is right.
    """,
    bad="""
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = torch.exp(x)
        y.data.clamp_(max=3.0)  # <- here
        y.sum().backward()
    """,
    good="""
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = torch.exp(x)
        y = y.clamp(max=3.0)
        y.sum().backward()
    """,
    detect={Backward: detect},
)
