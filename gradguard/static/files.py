"""Which files to check: those that are named, and those that lie in the folders that are named."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gradguard.config import Settings
from gradguard.finding import CheckError

__all__ = ["Discovery", "discover"]

_SUFFIXES = (".py", ".ipynb")
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass
class Discovery:
    """The files to check, as paths to show. `named` are those that were named and not found in a folder."""

    files: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    errors: list[CheckError] = field(default_factory=list)


def discover(paths: Iterable[str], settings: Settings | None = None, *, force_exclude: bool = False) -> Discovery:
    """The files under `paths`, in a fixed order and each of them once.

    What is named is always taken, unless `force_exclude` says that exclusions hold for it, too. Folders are searched
    for modules and notebooks, without what the settings exclude; links to folders are not followed, so that a loop of
    links has no effect.
    """
    settings = settings or Settings(discover=False)
    found = Discovery()
    real_paths: set[str] = set()
    links: list[tuple[str, str]] = []
    for path in paths:
        try:
            mode = Path(path).stat().st_mode
        except (OSError, ValueError) as error:
            found.errors.append(CheckError(path, _reason(path, error)))
            continue
        if force_exclude and _is_excluded(os.path.realpath(path), settings):
            continue
        if stat.S_ISDIR(mode):
            _walk(path, os.path.realpath(path), found, real_paths, links, settings)
        elif stat.S_ISREG(mode):
            if (real := os.path.realpath(path)) not in real_paths:
                real_paths.add(real)
                found.files.append(path)
            found.named.add(path)
        else:
            found.errors.append(CheckError(path, _special(mode)))
    for shown, link in links:
        _follow(shown, link, found, real_paths)
    found.files.sort()
    return found


def _is_excluded(path: str, settings: Settings) -> bool:
    return settings.config(os.path.dirname(path)).excludes_any(path)


def _walk(
    shown: str,
    real: str,
    found: Discovery,
    real_paths: set[str],
    links: list[tuple[str, str]],
    settings: Settings,
) -> None:
    folders = [(_prefix(shown), real)]
    while folders:
        prefix, folder = folders.pop()
        if folder in real_paths:
            continue
        real_paths.add(folder)
        try:
            with os.scandir(folder) as iterator:
                entries = list(iterator)
        except OSError as error:
            found.errors.append(CheckError(prefix.rstrip(os.sep) or prefix or ".", _reason(folder, error)))
            continue
        config = settings.config(folder)
        for entry in entries:
            name = entry.name
            if name.endswith(_SUFFIXES):
                # Emacs marks a file that is being edited by a dangling link with such a name.
                if name.startswith(".#") or config.excludes(entry.path):
                    continue
                if entry.is_symlink():
                    links.append((prefix + name, entry.path))
                    continue
                if entry.is_file(follow_symlinks=False):
                    if entry.path not in real_paths:
                        real_paths.add(entry.path)
                        found.files.append(prefix + name)
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    _follow(prefix + name, entry.path, found, real_paths)
                    continue
            elif not entry.is_dir(follow_symlinks=False) or config.excludes(entry.path):
                continue
            folders.append((f"{prefix}{name}{os.sep}", entry.path))


def _follow(shown: str, path: str, found: Discovery, real_paths: set[str]) -> None:
    """Take a link or something else that is no plain file."""
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        found.errors.append(CheckError(shown, _reason(path, error)))
        return
    if stat.S_ISDIR(mode):
        return
    if not stat.S_ISREG(mode):
        found.errors.append(CheckError(shown, _special(mode)))
    elif (real := os.path.realpath(path)) not in real_paths:
        real_paths.add(real)
        found.files.append(shown)


def _prefix(shown: str) -> str:
    """What stands before the names in a folder: nothing for the current folder."""
    if shown in (".", f".{os.sep}"):
        return ""
    return shown if shown.endswith(os.sep) else shown + os.sep


def _reason(path: str, error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return f"is no valid path: {error}"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    if error.errno == errno.ENOENT:
        return "is a link to something that does not exist" if Path(path).is_symlink() else "does not exist"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def _special(mode: int) -> str:
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a special file")
    return f"is {kind}, not a file"
