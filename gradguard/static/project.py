"""The files of a project: the one that is checked, and the siblings that it imports."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

import libcst as cst

from gradguard.finding import CheckError
from gradguard.static import index
from gradguard.static.index import Index
from gradguard.static.source import Source

__all__ = ["Project", "SourceFile"]

MAX_SIBLINGS = 24
_ZEROED = re.compile(r"(\w+)(?:\[[^\]]*\])?\s*\.zero_grad\b")


@dataclass(slots=True, eq=False)
class SourceFile:
    """A parsed file. Compared by identity, so that it can stand in sites."""

    source: Source
    module: cst.Module
    index: Index
    generators: dict[cst.FunctionDef, bool] = field(default_factory=dict)
    _zeroed: frozenset[str] | None = None

    @property
    def zeroed(self) -> frozenset[str]:
        """The last names of what `zero_grad` is called on in this file: `opt_g` of `self.opt_g.zero_grad()`."""
        if self._zeroed is None:
            self._zeroed = frozenset(_ZEROED.findall(self.source.text))
        return self._zeroed


@dataclass(slots=True, eq=False)
class Project:
    """Finds and parses the siblings of one checked file, each once."""

    main: SourceFile
    loaded: dict[str, SourceFile | None] = field(default_factory=dict)

    def resolve(self, importer: SourceFile, dotted: str, level: int) -> SourceFile | None:
        """The file of `import dotted` (or `from .dotted import …` with its level of dots), if it lies beside."""
        path = importer.source.path
        if not dotted and not level or path.startswith("<") or path == "-":
            return None
        folder = os.path.dirname(os.path.abspath(path))
        roots = [folder]
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            roots = [folder]
        else:
            # An absolute import of the file's own package starts at the folder above the outermost __init__.py.
            above = folder
            while os.path.exists(os.path.join(above, "__init__.py")):
                above = os.path.dirname(above)
                roots.append(above)
            if len(roots) > 2:
                roots = [folder, roots[-1]]
        relative = dotted.replace(".", os.sep) if dotted else ""
        for root in roots:
            base = os.path.join(root, relative) if relative else root
            for candidate in (base + ".py" if relative else "", os.path.join(base, "__init__.py")):
                if candidate and os.path.isfile(candidate):
                    return self._load(candidate)
        return None

    def _load(self, path: str) -> SourceFile | None:
        from gradguard.static.parse import parse
        from gradguard.static.source import read

        real = os.path.realpath(path)
        if real == os.path.realpath(self.main.source.path):
            return self.main
        if real in self.loaded:
            return self.loaded[real]
        if len(self.loaded) >= MAX_SIBLINGS:
            return None
        self.loaded[real] = None
        source = read(os.path.relpath(path) if not os.path.isabs(self.main.source.path) else path)
        if isinstance(source, CheckError):
            return None
        module = parse(source)
        if isinstance(module, CheckError):
            return None
        file = self.loaded[real] = SourceFile(source, module, index.build(module))
        return file
