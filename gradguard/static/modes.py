"""`torch.no_grad` without its call or without its `with`: judged by the text alone."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.events import ModeNotEntered
from gradguard.static import syntax
from gradguard.static.project import SourceFile

__all__ = ["events"]

_MODES = frozenset(
    f"{package}.{name}"
    for package in ("torch", "torch.autograd", "torch.autograd.grad_mode")
    for name in ("no_grad", "inference_mode", "enable_grad")
)


def events(file: SourceFile) -> Iterator[ModeNotEntered]:
    for node in file.index.bare:
        if syntax.dotted(node) in _MODES:
            yield ModeNotEntered(site=(file, node), what=syntax.dotted(node), in_with=False)
    for mode, in_with in file.index.modes:
        name = syntax.dotted(mode.func if isinstance(mode, cst.Call) else mode)
        if name in _MODES:
            what = f"{name}()" if isinstance(mode, cst.Call) else name
            yield ModeNotEntered(site=(file, mode), what=what, in_with=in_with)
