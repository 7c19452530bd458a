"""A comment silences a rule where there is nothing to silence."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import UnusedSuppression
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: UnusedSuppression, ledger: Ledger) -> Iterator[Report]:
    named = ", ".join(f"`{token}`" for token in event.unknown or event.tokens)
    if event.unknown:
        nearest = f"; did you mean `{event.nearest}`?" if event.nearest else ""
        message = f"`{event.text}` silences nothing: {named} names no rule{nearest}"
    elif event.whole:
        message = f"`{event.text}` silences nothing: there is no finding here"
    else:
        message = f"{named} in `{event.text}` silences nothing: there is no such finding here"
    yield Report(event.site, message, help="remove the comment" if event.whole else f"remove {named} from the list")


RULE = Rule(
    code="GG901",
    name="unused-suppression",
    summary="a comment silences a rule that finds nothing there",
    why="""
        A comment such as `# gradguard: ignore[missing-zero-grad]` that outlives its finding hides the next one: whoever
        breaks that line again hears nothing. Only `gradguard check` judges comments, so one that is needed for
        `gradguard run` alone is reported as well; that is why this rule is off by default.
    """,
    instead="""
        Remove the comment, or the rule from its list. `gradguard check --select GG901 --fix` does it.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()  # gradguard: ignore[missing-zero-grad]  # <- here
            optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    detect={UnusedSuppression: detect},
    default=False,
)
