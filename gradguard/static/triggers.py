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
# `torch.no_grad` as a statement, or in a `with` without its call.
_MODES = (b"torch.no_grad", b"torch.inference_mode", b"torch.enable_grad")
# Other libraries whose arrays have a `.backward()` of their own.
_OTHERS = re.compile(rb"^[ \t]*(?:import|from) +(?:mxnet|paddle|mindspore|chainer|tinygrad|oneflow)\b", re.MULTILINE)
# An optimizer is made here, whatever other file trains with it.
_MAKES_OPTIMIZER = re.compile(rb"\b(?:optim\.\w+|SGD|Adam\w*|RMSprop|Adagrad|[RN]Adam)\(")
_MODE = re.compile(rb"^[ \t]*(?:with )?torch\.(?:no_grad|inference_mode|enable_grad)\b(?!\(\) *[,:])", re.MULTILINE)


def is_worth_parsing(data: bytes) -> bool:
    """True unless the file surely has no finding. Parsing costs a thousand times more than this test."""
    if b"torch" not in data and _OTHERS.search(data) is not None:
        return False
    if b"zero_grad" in data or _ATTRIBUTE.search(data) is not None or _names_backward(data):
        return True
    if b"parameters()" in data and _MAKES_OPTIMIZER.search(data) is not None:
        return True
    return any(mode in data for mode in _MODES) and _MODE.search(data) is not None


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
