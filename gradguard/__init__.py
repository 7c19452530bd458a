"""gradguard finds autograd pitfalls in PyTorch training code.

>>> import gradguard
>>> gradguard.check_source("optimizer.step").findings[0].rule
'uncalled-method'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradguard.finding import CheckError, Edit, Finding, Fix, GradguardWarning, Location, Note
    from gradguard.runtime.report import RunReport
    from gradguard.runtime.watch import watch
    from gradguard.static.check import Result, check_paths, check_source

__all__ = [
    "CheckError",
    "Edit",
    "Finding",
    "Fix",
    "GradguardWarning",
    "Location",
    "Note",
    "Result",
    "RunReport",
    "__version__",
    "check_paths",
    "check_source",
    "watch",
]

__version__ = "0.1.0"

_HOMES = {
    "CheckError": "gradguard.finding",
    "Edit": "gradguard.finding",
    "Finding": "gradguard.finding",
    "Fix": "gradguard.finding",
    "GradguardWarning": "gradguard.finding",
    "Location": "gradguard.finding",
    "Note": "gradguard.finding",
    "Result": "gradguard.static.check",
    "check_paths": "gradguard.static.check",
    "check_source": "gradguard.static.check",
    "RunReport": "gradguard.runtime.report",
    "watch": "gradguard.runtime.watch",
    "load_ipython_extension": "gradguard.ipython",
    "unload_ipython_extension": "gradguard.ipython",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
