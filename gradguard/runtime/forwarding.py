"""Calls a function of torch on behalf of the user's code, so that nobody can tell.

torch attributes its warnings to the frame that calls it. The call is made from a frame that has the file, the line and
the namespace of the user's: filters for modules, "once for each line", and the text of a warning stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any

__all__ = ["FORWARDER", "Forwarders"]

FORWARDER = "<gradguard forwards>"
_MOST = 4096

_CODE: CodeType = next(
    constant
    for constant in compile("lambda function, args, kwargs: function(*args, **kwargs)", "", "eval").co_consts
    if isinstance(constant, CodeType)
)


class Forwarders:
    """One code object for each line. It holds no namespace."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, int], CodeType] = {}

    def call(self, frame: FrameType, function: Any, args: Any, kwargs: Any) -> Any:
        key = frame.f_code.co_filename, frame.f_lineno or 1
        code = self._codes.get(key)
        if code is None:
            if len(self._codes) > _MOST:
                self._codes.clear()
            code = _CODE.replace(co_filename=key[0], co_firstlineno=key[1], co_name=FORWARDER)
            self._codes[key] = code
        forward: Callable[..., Any] = FunctionType(code, frame.f_globals)
        return forward(function, args, kwargs)
