"""A step that no new backward precedes."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import OptimizerStep
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: OptimizerStep, ledger: Ledger) -> Iterator[Report | Acquittal]:
    states = [ledger.gradient(gradient) for gradient in event.gradients]
    if not event.complete:
        yield Acquittal(event.site)  # in this execution, unseen code may have a hand in it
        return
    if not states or event.conditional or not all(state.known for state in states):
        return
    if not any(state.added for state in states):
        if any(state.clearing is not None and state.clearing.lost for state in states):
            return  # zero-grad-before-step tells of that
        latest = ledger.pass_in_vain(event.updater, event.gradients)
        if latest is not None:
            yield Report(
                event.site,
                f"`{event.name}.step()` finds no gradient: the backward before it reached none of its parameters",
                ((latest, "this backward reaches none of the parameters that the optimizer holds"),),
                help="compute the loss from these parameters by tensor operations, and give the optimizer those that "
                "the loss is computed from",
            )
            return
        cleared = next((state.clearing for state in states if state.clearing is not None), None)
        notes = (
            ((cleared.site, "the gradients are cleared here, and no backward runs before the step"),) if cleared else ()
        )
        yield Report(
            event.site,
            f"`{event.name}.step()` has nothing to apply: no backward has run since the gradients were cleared"
            if cleared
            else f"`{event.name}.step()` runs before any backward has computed a gradient for it",
            notes,
            help="call `loss.backward()` first: zero_grad, backward, step",
        )
        return
    uses = [state.uses.get(event.updater) for state in states]
    if all(use is not None and use.upto == len(state.added) for use, state in zip(uses, states, strict=True)):
        use = uses[0]
        assert use is not None
        yield Report(
            event.site,
            f"`{event.name}.step()` applies the same gradient a second time: no backward ran since its last step",
            ((use.site, "the gradient was used here"),),
            help="compute a new loss and call `backward()` between two steps, or remove one of them",
        )
    else:
        yield Acquittal(event.site)


RULE = Rule(
    code="GG103",
    name="step-without-backward",
    summary="an optimizer steps although no new gradient has been computed",
    why="""
        A step before the first backward skips every parameter in silence, and a step after clearing, or a second step
        on the same gradient, does something that nobody meant. In a loop with the order step, backward the update
        always uses the gradient of the iteration before, at weights that have changed since.
    """,
    instead="""
        Keep the order `zero_grad()`, `backward()`, `step()`.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            optimizer.step()  # <- here
            loss.backward()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            optimizer.step()
    """,
    detect={OptimizerStep: detect},
    story=("backward step clear step", "backward step clear backward step"),
)
