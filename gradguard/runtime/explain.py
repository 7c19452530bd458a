"""What is added to an exception of the user, and gradguard's own frames taken out of its traceback."""

from __future__ import annotations

import itertools
import sys
from types import TracebackType
from typing import Any

from torch.overrides import handle_torch_function

from gradguard.finding import Finding
from gradguard.runtime.forwarding import FORWARDER
from gradguard.runtime.sites import Sites

__all__ = ["add_note", "as_note", "last_user_entry", "shown", "strip_own_frames"]


shells: list[Any] = []  # those that have loaded the extension

_HANDLES = handle_torch_function.__code__


def as_note(finding: Finding) -> str:
    """A finding as a note on an exception. Its first two lines say what and where."""
    place = finding.location
    lines = [f"gradguard: {finding.code} {finding.rule}: {finding.message}", f"  at {shown(place.path)}:{place.line}"]
    lines += [f"  {shown(note.location.path)}:{note.location.line}: {note.message}" for note in finding.notes]
    lines += [f"  instead: {finding.help}"] if finding.help else []
    return "\n".join(lines)


def shown(path: str) -> str:
    """A path; a cell of a notebook under the name that IPython gives it in its own tracebacks."""
    running = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    for shell in (*shells, running):
        number = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(path)
        if number is not None:
            return f"Cell In[{number}]"
    return path


def add_note(error: BaseException, finding: Finding) -> None:
    note = as_note(finding)
    held = getattr(error, "__notes__", None)
    if isinstance(held, list):
        if note not in held:
            held.append(note)
    else:
        error.__notes__ = [note]  # type: ignore[attr-defined, unused-ignore]


def strip_own_frames(error: BaseException, folder: str) -> None:
    """Take gradguard's own frames out of the traceback."""
    entry = error.__traceback__
    kept: list[TracebackType] = []
    handed_over = False
    while entry is not None:
        code = entry.tb_frame.f_code
        if code.co_filename.startswith(folder) or code.co_name == FORWARDER:
            handed_over = handed_over or bool(kept and kept[-1].tb_frame.f_code is _HANDLES)
        else:
            if handed_over:
                # A function of torch that a mode has called again: it has handed over, and begins anew.
                kept = [other for other in kept if other.tb_frame.f_code is not _HANDLES]
                if kept and kept[-1].tb_frame.f_code is code:
                    kept.pop()
                handed_over = False
            kept.append(entry)
        entry = entry.tb_next
    if not kept:
        return
    for this, following in itertools.pairwise([*kept, None]):
        assert this is not None
        this.tb_next = following
    error.__traceback__ = kept[0]


def last_user_entry(error: BaseException, sites: Sites) -> TracebackType | None:
    """Where in the user's code the exception was raised."""
    entry, last = error.__traceback__, None
    while entry is not None:
        if sites.is_user(entry.tb_frame.f_code):
            last = entry
        entry = entry.tb_next
    return last
