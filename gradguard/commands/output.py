"""How commands end: with one line on what went wrong, or without a reader."""

from __future__ import annotations

import os
import sys

__all__ = ["close_output", "fail"]


def close_output() -> None:
    """Whoever read the output has seen enough. Without this, Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str) -> int:
    """Say in one line why the command could not be carried out."""
    sys.stderr.write(f"gradguard: error: {message}\n")
    return 2
