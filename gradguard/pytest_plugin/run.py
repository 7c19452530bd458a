"""One run of one test: its watch, what was found in which phase, and what its findings do."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from gradguard import catalogue
from gradguard.config import ConfigError
from gradguard.finding import CheckError, Finding, GradguardWarning
from gradguard.pytest_plugin import doctests, outcome
from gradguard.pytest_plugin.settings import Asked

if TYPE_CHECKING:
    from gradguard.rule import Rule
    from gradguard.runtime.watch import Watch
    from gradguard.static.source import Source

__all__ = ["Run", "Scope", "key_of", "run_of"]

Key: TypeAlias = "tuple[str, str, int, int, int | None]"

_RUN: pytest.StashKey[Run] = pytest.StashKey()


def run_of(item: pytest.Item) -> Run | None:
    """The run of the test that is going on."""
    return item.stash.get(_RUN, None)


def key_of(finding: Finding) -> Key:
    place = finding.location
    return finding.code, place.path, place.line, place.column, place.cell


class Scope:
    """A watch with the findings that count in it. A test has one, and each example of a hypothesis test."""

    def __init__(self, without: tuple[str, ...] = (), *, trace: bool = False) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says while it is imported is no affair of the test
            from gradguard.runtime.watch import Watch
        self.watch: Watch = Watch(("ALL",), without, alone=True, trace=trace)
        self.report = self.watch.report
        self.pardoned: set[Key] = set()
        self.unmet: list[str] = []  # expectations, as messages

    def found(self) -> dict[Key, Finding]:
        found = {key_of(finding): finding for finding in self.report.findings}
        return {key: finding for key, finding in found.items() if key not in self.pardoned}

    def raise_unmet(self) -> None:
        """An expectation that was not met in a block that has raised, which the test has caught."""
        __tracebackhide__ = True
        if self.unmet:
            raise outcome.GradguardFailure("\n".join(self.unmet))

    def found_since(self, before: dict[Key, Finding]) -> list[Finding]:
        return [finding for key, finding in self.found().items() if key not in before]


class Run:
    """Opens the watch of a test before its set-up, and closes it after its tear-down.

    With `quiet`, findings have no consequence; they can be asked for by hand.
    """

    def __init__(self, item: pytest.Item, asked: Asked, *, quiet: bool = False) -> None:
        self.item = item
        self.asked = asked
        self.quiet = quiet
        self._base = os.getcwd()  # noqa: PTH109 - what the paths of the findings are relative to
        self._folder = str(item.config.invocation_params.dir)
        self._scopes: list[Scope] = []
        self._tolerated: dict[Key, Finding] = {}  # in examples that went on
        self._fatal: dict[Key, Finding] = {}  # in examples that failed
        self._errors: dict[CheckError, None] = {}

    @property
    def scope(self) -> Scope:
        """The innermost one."""
        return self._scopes[-1]

    def begin(self) -> None:
        self.item.stash[_RUN] = self
        self._open()

    def end(self) -> None:
        while self._scopes:
            self._close()
        if run_of(self.item) is self:
            del self.item.stash[_RUN]

    def _open(self) -> Scope:
        scope = Scope(self._not_asked_for(), trace=self.asked.trace)
        self._scopes.append(scope)
        scope.watch.__enter__()
        return scope

    def _not_asked_for(self) -> tuple[str, ...]:
        """The rules that are off by default, and not on for the test's file: to watch for them may cost much.

        Whoever uses the fixture may ask for any rule.
        """
        if "gradguard" in getattr(self.item, "fixturenames", ()):
            return ()
        try:
            asked = {rule.code for rule in self.asked.files.rules(str(self.item.path))}
        except ConfigError:  # told when there is a finding
            return ()
        return tuple(rule.code for rule in catalogue.all_rules() if not rule.default and rule.code not in asked)

    def _close(self) -> None:
        scope = self._scopes.pop()
        scope.watch.__exit__(None, None, None)
        for error in scope.report.errors:
            if error not in self._errors:
                self._errors[error] = None
                self.item.user_properties.append((outcome.ERROR_PROPERTY, f"{error.path}: {error.message}"))

    # Phases

    @contextmanager
    def phase(self, phase: str) -> Iterator[None]:
        """Set-up, call or tear-down. A finding fails it after its own body, unless that has failed by itself."""
        __tracebackhide__ = True
        before = self.scope.found()
        self._tolerated, self._fatal = {}, {}
        try:
            with self._examples():
                yield
        except BaseException as error:
            self.scope.watch.settle(error)
            outcome.tell(self.item, phase, self.present([*self._fatal.values(), *self.scope.found_since(before)]))
            raise
        self.scope.watch.settle()
        found = self.present([*self._tolerated.values(), *self.scope.found_since(before)])
        outcome.tell(self.item, phase, found)
        self._act(found)
        self.scope.raise_unmet()

    def present(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that are asked for and that no comment silences, with paths as pytest shows them."""
        shown = [outcome.relative(doctests.located(self.item, each), self._base, self._folder) for each in findings]
        if not shown:
            return []
        from gradguard.static.silence import silence

        try:
            kept = silence(shown, self._rules, self._read)
        except ConfigError as error:
            raise outcome.GradguardFailure(f"gradguard: {error}") from None
        return sorted(kept, key=lambda finding: (finding.location, finding.code))

    def _rules(self, path: str) -> tuple[Rule, ...]:
        """The rules for a file. To judge which comments are of no use, the whole program would have to be seen."""
        rules = self.asked.files.rules(os.path.join(self._folder, path))  # noqa: PTH118 - paths stay texts
        return tuple(rule for rule in rules if rule.name != "unused-suppression")

    def _read(self, path: str) -> Source | None:
        from gradguard.static.source import read

        source = read(os.path.join(self._folder, path))  # noqa: PTH118 - paths stay texts
        return None if isinstance(source, CheckError) else source

    def _act(self, found: Sequence[Finding]) -> None:
        __tracebackhide__ = True
        if not found or self.quiet:
            return
        if self.asked.mode == "error":
            raise outcome.failure(found)
        for finding in found:
            place = finding.location
            path = os.path.join(self._folder, place.path)  # noqa: PTH118 - paths stay texts
            try:
                warnings.warn_explicit(outcome.line(finding), GradguardWarning, path, place.line)
            except GradguardWarning:
                # The user's filters make an error of each warning.
                raise outcome.failure(found) from None

    # What was meant to happen

    def error_was_expected(self, error: BaseException) -> None:
        """`pytest.raises` has caught an error that gradguard had explained: the test is about it."""
        from gradguard.runtime.explain import as_note

        heads = {outcome.head_of_note(note) for note in getattr(error, "__notes__", ()) if isinstance(note, str)}
        for key, finding in self.scope.found().items():
            if outcome.head_of_note(as_note(finding)) in heads:
                self.scope.pardoned.add(key)

    # Examples of hypothesis

    @contextmanager
    def _examples(self) -> Iterator[None]:
        """Each example of a hypothesis test has a watch of its own, so that a finding in it can be shrunk."""
        handle = getattr(getattr(self.item, "obj", None), "hypothesis", None)
        inner = getattr(handle, "inner_test", None)
        if handle is None or inner is None or "hypothesis" not in sys.modules:
            yield
            return
        handle.inner_test = self._example(inner)
        try:
            yield
        finally:
            handle.inner_test = inner

    def _example(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(inner)
        def example(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            scope = self._open()
            try:
                result = inner(*args, **kwargs)
            except BaseException as error:
                scope.watch.settle(error)
                self._fatal.update(scope.found())
                raise
            else:
                scope.watch.settle()
            finally:
                self._close()
            found = scope.found()
            shown = self.present(found.values())
            if shown and self.asked.mode == "error":
                self._fatal.update(found)
                raise outcome.failure(shown, distinct=True)
            self._tolerated.update(found)
            scope.raise_unmet()
            return result

        return example
