"""`backward(create_graph=True)` makes a graph of the gradients that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import GraphRetained
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: GraphRetained, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.asks != "create":
        return
    if event.used is False:
        yield Report(
            event.site,
            "`create_graph=True` records this backward pass too, so that gradients can be differentiated again, but "
            "nothing does that: the record costs time, and memory that is not given back",
            help="leave `create_graph=True` out; to differentiate a gradient, call "
            "`torch.autograd.grad(…, create_graph=True)`",
        )
    else:
        yield Acquittal(event.site)


RULE = Rule(
    code="GG208",
    name="create-graph-leak",
    summary="`backward(create_graph=True)` without any use of second derivatives",
    why="""
        With `create_graph=True` the gradients themselves get a graph, so that they can be differentiated again. It
        hangs on `.grad`, and refers to the parameters: a cycle that Python does not free by counting references. If
        nobody differentiates the gradients, it costs time and leaks memory. torch warns of it once in a process.
    """,
    instead="""
        Leave `create_graph=True` out of `backward()`. Where a gradient penalty or a Hessian needs it, use
        `torch.autograd.grad(…, create_graph=True)`, which leaves `.grad` alone.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward(create_graph=True)  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            (g,) = torch.autograd.grad(loss, [model.weight], create_graph=True)
            optimizer.zero_grad()
            (loss + 0.1 * g.pow(2).sum()).backward()
            optimizer.step()
    """,
    detect={GraphRetained: detect},
)
