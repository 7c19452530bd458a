"""A test on raw bytes that tells whether a file is worth parsing."""

from __future__ import annotations

import re

__all__ = ["is_worth_parsing"]

_ATTRIBUTE = re.compile(rb"\.(?:grad|step)\b")
# "Backward compatible" is what the word mostly stands for, so it counts only where it looks like code.
_WORD = b"backward"
_BEFORE = re.compile(rb"(?:[\w)\]}]\s*\.\s*|\bdef\s+\w*|['\"]|\bimport\b[^\n]*)\Z")
_AFTER = re.compile(rb"(?!_compat)\w*\(")
_END = re.compile(rb"\b")
_REACH = 120


def is_worth_parsing(data: bytes) -> bool:
    """True unless the file surely has no finding. Parsing costs a thousand times more than this test."""
    return b"zero_grad" in data or _ATTRIBUTE.search(data) is not None or _names_backward(data)


def _names_backward(data: bytes) -> bool:
    place = data.find(_WORD)
    while place >= 0:
        end = place + len(_WORD)
        if _AFTER.match(data, end):
            return True
        if _END.match(data, end) and _BEFORE.search(data[max(place - _REACH, 0) : place]):
            return True
        place = data.find(_WORD, end)
    return False
