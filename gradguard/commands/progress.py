"""Writing in the middle of somebody's progress bar without tearing it apart."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TextIO

__all__ = ["beside_progress_bars"]


@contextlib.contextmanager
def beside_progress_bars(stream: TextIO) -> Iterator[None]:
    """Whole lines written to the stream inside of the block stand above the bars of tqdm and others.

    rich redirects standard error by itself while a bar is shown. A bar that is drawn by hand on a terminal is wiped
    from its line, and appears again when it is drawn the next time.
    """
    module = sys.modules.get("tqdm")
    aside = getattr(getattr(module, "tqdm", None), "external_write_mode", None)
    if aside is not None:
        with aside(file=stream):
            yield
        return
    if stream.isatty() and stream is sys.__stderr__:
        stream.write("\r\033[K")
    yield
