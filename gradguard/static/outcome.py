"""What the check of one file came to, and what it depended on besides the file itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gradguard.finding import CheckError, Finding

__all__ = ["Dependencies", "Outcome"]


@dataclass(slots=True)
class Dependencies:
    """The digest of the file itself, the imports that were looked for beside it, and the digests of what was read.

    An import is the importing file, the dotted name and the number of dots; it leads to a path or to nothing.
    """

    own: str = ""
    imports: dict[tuple[str, str, int], str | None] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Outcome(NamedTuple):
    """Without `dependencies`, an outcome is not to be remembered."""

    findings: list[Finding]
    errors: list[CheckError]
    dependencies: Dependencies | None = None
