"""`gradguard server`."""

from __future__ import annotations

from gradguard.commands.output import fail

__all__ = ["server"]


def server() -> int:
    """Serve one editor until it goes away."""
    try:
        import pygls  # noqa: F401 - is it there?
    except ImportError:
        return fail("gradguard server needs pygls: pip install 'gradguard[lsp]'")
    from gradguard.server import serve

    serve()
    return 0
