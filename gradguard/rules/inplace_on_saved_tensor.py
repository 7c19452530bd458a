"""A tensor that an operation saved for its backward is changed in place before that backward runs."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward, GraphNode
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    found = ledger.overwritten(event)
    sites = ledger.written()
    if found is not None and not found.write.optimizer:
        node, write = found.node, found.write
        by = f"`{write.operation}`" if write.operation else "something"
        name = f"`{write.name or found.saved.name}`" if write.name or found.saved.name else "a tensor"
        yield Report(
            write.site,
            f"{by} changes {name} in place, but the backward of {_operation(node)} still needs the old value",
            (
                (node.site, f"{_operation(node)} keeps the value for its backward"),
                (event.site, "this backward fails for that reason"),
            ),
            help=f"make a new tensor instead of changing {name} (`y = y * mask` instead of `y *= mask`, "
            "`inplace=False`, `torch.where`, `masked_fill`), or change a `.clone()` of it",
            key=(event.site, node.site),
        )
    for node in event.graph if sites else ():
        if any(ledger.changed(saved, hidden=False) is None for saved in node.saved):
            for site in sites:
                yield Acquittal(site, (event.site, node.site))


def _operation(node: GraphNode) -> str:
    return f"`{node.operation}`" if node.operation else "an operation"


RULE = Rule(
    code="GG502",
    name="inplace-on-saved-tensor",
    summary="a tensor that backward needs is changed in place",
    why="""
        Many operations keep tensors for their backward: `exp`, `sigmoid`, `tanh`, `softmax`, `sqrt` and `relu` their
        result, `*`, `/`, `@`, `log`, `pow`, linear layers and convolutions their operands. If such a tensor is changed
        in place before the backward, the gradient would be wrong, and torch raises "one of the variables needed for
        gradient computation has been modified by an inplace operation", which names neither of the two lines.
    """,
    instead="""
        Make a new tensor: `y = y + x` instead of `y += x`, `masked_fill` instead of `y[mask] = 0`, a list and
        `torch.stack` instead of writing into a buffer that is read again, `inplace=False`. Or change a `.clone()`.
    """,
    bad="""
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = torch.sigmoid(x)
        y += 1  # <- here
        y.sum().backward()
    """,
    good="""
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = torch.sigmoid(x)
        y = y + 1
        y.sum().backward()
    """,
    raises=True,
    detect={Backward: detect},
)
