"""Comments that silence findings count at run time too. They are read only when there is a finding."""

from __future__ import annotations

import linecache
import os
from typing import TYPE_CHECKING

from gradguard.finding import Location
from gradguard.rule import Rule

if TYPE_CHECKING:
    from gradguard.suppress import Suppressions

__all__ = ["Comments"]


class Comments:
    """The directives of the user's files. `folder` is what relative paths are relative to."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: dict[str, Suppressions] = {}

    def hide(self, rule: Rule, place: Location) -> bool:
        found = self._files.get(place.path)
        if found is None:
            from gradguard import suppress

            # A relative path alone would be searched for in all of `sys.path`; a cell of IPython has no folder.
            name = place.path if place.path.startswith("<") else os.path.join(self._folder, place.path)
            linecache.checkcache(name)
            found = self._files[place.path] = suppress.find("".join(linecache.getlines(name)))
        return found.hides(rule.code, rule.name, place.line, place.end_line, rule.aliases)
