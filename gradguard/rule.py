"""What a rule is: some metadata, and a pure function of (event, ledger) for each type of event that it listens to."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradguard.events import Event, Site
from gradguard.ledger import Ledger

__all__ = ["Acquittal", "Detector", "Report", "Rule"]


@dataclass(frozen=True, slots=True)
class Report:
    """A fault that a rule sees in one execution. Engines turn its sites into locations.

    `instead_of` names reports, as (rule, site), that merely follow from this one and are dropped. `facts` are what a
    repair needs to know besides: names and expressions as the source has them, and what kind of case it is.
    """

    site: Site
    message: str
    notes: tuple[tuple[Site, str], ...] = ()
    help: str = ""
    key: Hashable = None
    instead_of: tuple[tuple[str, Site], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Acquittal:
    """An execution in which the same place does the right thing.

    An engine that explores several possible executions reports a place only if no execution acquits it. An engine that
    watches the one real execution has no use for it. `key` tells apart what one place does to several things: a report
    is acquitted only by its own key.
    """

    site: Site
    key: Hashable = None


Detector = Callable[[Any, Ledger], Iterable[Report | Acquittal]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One pitfall. `bad` marks the guilty line with `# <- here`; `good` is its repair. Both run as they stand.

    `story` tells, for the pitfalls of a gradient's life, what happens to it in the bad and in the good example: a
    word for each event (`backward`, `step`, `clear`). `gradguard explain` draws it. `raises` says whether PyTorch
    raises an exception on the bad example, `in_source` whether source text can show the pitfall, `in_run` whether a
    run can. `aliases` are further names, for forms of the pitfall that are known under one of their own; whatever
    takes the name of a rule takes them as well.
    """

    code: str
    name: str
    summary: str
    why: str
    instead: str
    bad: str
    good: str
    detect: Mapping[type[Event], Detector]
    default: bool = True
    story: tuple[str, str] = ("", "")
    raises: bool = False
    in_source: bool = True
    in_run: bool = True
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name, and the others that it answers to."""
        return (self.name, *self.aliases)

    def __post_init__(self) -> None:
        for name in ("why", "instead", "bad", "good"):
            object.__setattr__(self, name, textwrap.dedent(getattr(self, name)).strip("\n"))
