"""Where a module lies that a file imports, if it lies beside. Nothing is imported, and no file is read."""

from __future__ import annotations

import os

__all__ = ["find_module"]

_MOST_UPS = 12


def find_module(path: str, dotted: str, level: int) -> str | None:
    """The path of `import dotted` (or `from .dotted import …` with its level of dots) in the file at `path`."""
    if (not dotted and not level) or path.startswith("<") or path == "-":
        return None
    folder = os.path.dirname(path)
    roots = [folder]
    if level:
        for _ in range(level - 1):
            folder = os.path.join(folder, "..") if folder in ("", ".", "..") else os.path.dirname(folder)
        roots = [folder]
    else:
        # An absolute import of the file's own package starts at the folder above the outermost __init__.py.
        above = os.path.abspath(folder)
        ups = 0
        while os.path.exists(os.path.join(above, "__init__.py")) and ups < _MOST_UPS:
            above = os.path.dirname(above)
            ups += 1
        if ups:
            roots.append(above if os.path.isabs(path) else os.path.relpath(above))
    relative = dotted.replace(".", os.sep)
    for root in roots:
        base = os.path.join(root, relative) if relative else root
        for candidate in (base + ".py" if relative else "", os.path.join(base, "__init__.py")):
            if candidate and os.path.isfile(candidate):
                return os.path.normpath(candidate)
    return None
