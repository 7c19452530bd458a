"""An optimizer changes parameters between a forward pass and the backward pass that needs their old values."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    found = ledger.overwritten(event)
    sites = ledger.written(by_step=True)
    if found is not None and found.write.optimizer:
        node, saved, write = found.node, found.saved, found.write
        name = "parameters" if not saved.name else saved.name if "`" in saved.name else f"`{saved.name}`"
        loss = f"the backward of `{event.name}`" if event.name else "a later backward"
        notes = [(node.site, f"this forward pass used {name} as it was before the step")]
        notes.append((event.site, "this backward fails: it needs the old values"))
        yield Report(
            write.site,
            f"`{write.optimizer}.step()` changes {name} in place, but {loss} still needs the values from before the "
            "step",
            tuple(notes),
            help="run every backward that needs this forward pass before the step, or compute the forward pass again "
            "after it; cut what is carried over from an earlier iteration with `.detach()`",
            key=(event.site, node.site),
        )
    for node in event.graph if sites else ():
        if any(ledger.changed(saved, hidden=False) is None for saved in node.saved):
            for site in sites:
                yield Acquittal(site, (event.site, node.site))


RULE = Rule(
    code="GG503",
    name="step-between-forward-and-backward",
    summary="an optimizer steps between a forward pass and the backward that still needs its parameters",
    why="""
        A layer keeps its weight for the backward pass. `optimizer.step()` changes that weight in place. If a backward
        then runs through a forward pass from before the step (the generator's loss computed before the
        discriminator's step, an actor's loss that uses the critic's value, a hidden state kept alive with
        `retain_graph=True`), torch raises "one of the variables needed for gradient computation has been modified
        by an inplace operation". Before torch 1.5 the gradient was silently wrong.
    """,
    instead="""
        First all the backward passes that share a forward pass, then the steps; or compute the forward pass again after
        the step (a GAN judges the fake images anew for the generator). Detach what is carried over.
    """,
    bad="""
        import torch

        torch.manual_seed(0)
        layers = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
        optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
        output = layers(torch.rand(4, 3))
        for _ in range(2):
            loss = output.pow(2).mean()
            optimizer.zero_grad()
            loss.backward(retain_graph=True)
            optimizer.step()  # <- here
    """,
    good="""
        import torch

        torch.manual_seed(0)
        layers = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
        optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
        data = torch.rand(4, 3)
        for _ in range(2):
            output = layers(data)
            loss = output.pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    """,
    raises=True,
    detect={Backward: detect},
)
