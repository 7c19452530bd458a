"""The optimizer was made before a part of the model was replaced: it trains the old part."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Ownership
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Ownership, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.cause != "replaced":
        return
    if event.owned:
        yield Acquittal(event.site, key=event.made_at)
        return
    name = f"`{event.name}`" if event.name else "a part of the model"
    yield Report(
        event.site,
        f"`{event.optimizer}` is made before {name} becomes part of the model, and never trains it",
        () if event.made_at is None else ((event.made_at, "these parameters are new, and no optimizer has them"),),
        help=f"make `{event.optimizer}` after the last change to the model, or call `add_param_group` with the new "
        "parameters",
        key=event.made_at,
    )


RULE = Rule(
    code="GG305",
    name="optimizer-before-replacement",
    summary="a part of the model is replaced after the optimizer has got its parameters",
    why="""
        An optimizer keeps the parameters that it is given when it is made. A new head, a weight norm or a
        `load_state_dict(..., assign=True)` that comes later brings new parameters; the optimizer goes on with the old
        ones, which no loss depends on any more. The new part keeps its random weights, and nothing is said.
    """,
    instead="""
        Build the model completely, then the optimizer. For a part that comes later, `optimizer.add_param_group`.
    """,
    bad="""
        import torch

        model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 9))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # <- here
        model[1] = torch.nn.Linear(4, 1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 9))
        model[1] = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    detect={Ownership: detect},
)
