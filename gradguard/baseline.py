"""A baseline: findings that were there when gradguard was introduced, and are not reported.

A finding is known by its file, its rule and the text of its line, so that it stays known when lines above it change.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gradguard.finding import Finding, Location

__all__ = ["BaselineError", "load", "new_findings", "save"]

_VERSION = 1
_Key = tuple[str, str, str]
LineOf = Callable[[Location], str]


class BaselineError(ValueError):
    """A baseline that cannot be used, in one line."""


def load(path: str) -> Counter[_Key]:
    """The known findings of a baseline file, and how often each was there."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        known = data["version"] == _VERSION
        counts = Counter({_key_of(item): int(item["count"]) for item in data["findings"]} if known else {})
    except FileNotFoundError as error:
        raise BaselineError(f"{path} does not exist; --write-baseline makes it") from error
    except OSError as error:
        raise BaselineError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(f"{path}: is no baseline; write it anew with --write-baseline") from error
    if not known:
        raise BaselineError(f"{path}: is a baseline of another version; write it anew with --write-baseline")
    return counts


def save(path: str, findings: Iterable[Finding], line_of: LineOf) -> None:
    """Write the findings as a baseline, sorted, so that it can be reviewed and merged."""
    counts = Counter(_key(finding, path, line_of) for finding in findings)
    items = [
        {"path": file, "rule": rule, "line": line, "count": count}
        for (file, rule, line), count in sorted(counts.items())
    ]
    text = json.dumps({"version": _VERSION, "findings": items}, indent=1, ensure_ascii=False) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise BaselineError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error


def new_findings(findings: Iterable[Finding], path: str, line_of: LineOf) -> tuple[Finding, ...]:
    """The findings that the baseline file does not know, or knows fewer times."""
    left = load(path)
    fresh = []
    for finding in findings:
        key = _key(finding, path, line_of)
        if left[key] > 0:
            left[key] -= 1
        else:
            fresh.append(finding)
    return tuple(fresh)


def _key(finding: Finding, baseline: str, line_of: LineOf) -> _Key:
    folder = os.path.dirname(os.path.realpath(baseline))
    place = os.path.relpath(os.path.realpath(finding.location.path), folder).replace(os.sep, "/")
    return place, finding.rule, " ".join(line_of(finding.location).split())


def _key_of(item: Any) -> _Key:
    return str(item["path"]), str(item["rule"]), str(item["line"])
