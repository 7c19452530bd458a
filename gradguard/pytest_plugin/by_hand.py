"""The fixture `gradguard`: findings that a test expects, ignores or asks about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gradguard.finding import Finding
from gradguard.pytest_plugin import outcome, settings
from gradguard.pytest_plugin.run import Run, key_of, run_of

__all__ = ["ByHand", "by_hand"]


@contextmanager
def by_hand(item: pytest.Item) -> Iterator[ByHand]:
    """The fixture for a test. Where nothing watches the test, the fixture does, from its set-up to its tear-down."""
    run = run_of(item)
    if run is not None:
        yield ByHand(run)
        return
    run = Run(item, settings.of_item(item, settings.of_config(item.config)), quiet=True)
    run.begin()
    try:
        yield ByHand(run)
        run.scope.raise_unmet()
    finally:
        run.end()


class ByHand:
    """What a test may say of its findings. Rules are named as everywhere: by code, beginning of a code, or name."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in this test so far, in its set-up too, apart from what was expected or ignored."""
        self._run.scope.watch.settle()
        return tuple(self._run.present(self._run.scope.found().values()))

    def check(self) -> None:
        """Fail here and now if anything was found so far."""
        __tracebackhide__ = True
        found = self.findings
        if found:
            raise outcome.failure(found)

    @contextmanager
    def expect(self, *rules: str) -> Iterator[None]:
        """Each of the rules must find something in the block, which then does not count against the test.

        >>> def test_a_second_backward_raises(gradguard):
        ...     loss = make_loss()
        ...     loss.backward()
        ...     with pytest.raises(RuntimeError), gradguard.expect("backward-twice"):
        ...         loss.backward()
        """
        __tracebackhide__ = True
        if not rules:
            raise TypeError("expect() needs the code or the name of a rule")
        wanted = {rule: settings.codes((rule,)) for rule in rules}
        scope, found = self._run.scope, []
        try:
            with self._block(rules) as found:
                yield
        except BaseException:
            # The exception is the test's own affair; should the test catch it, this is told at its end.
            scope.unmet += self._missing(wanted, found)
            raise
        for message in self._missing(wanted, found):
            raise outcome.GradguardFailure(message)

    def _missing(self, wanted: dict[str, frozenset[str]], found: list[Finding]) -> list[str]:
        missing = [rule for rule, codes in wanted.items() if not any(finding.code in codes for finding in found)]
        others = [outcome.line(finding) for finding in self.findings] if missing else []
        seen = "".join(f"\n  found instead: {line}" for line in others) or ", but nothing was found"
        return [f"expected {' and '.join(missing)} in this block{seen}"] if missing else []

    @contextmanager
    def ignore(self, *rules: str) -> Iterator[None]:
        """What the rules (without any, all of them) find in the block does not count against the test."""
        __tracebackhide__ = True
        with self._block(rules or ("ALL",)):
            yield

    @contextmanager
    def _block(self, rules: tuple[str, ...]) -> Iterator[list[Finding]]:
        """What the rules find in the block is pardoned, and listed at its end; an exception passes through."""
        from gradguard.runtime.watch import Watch

        __tracebackhide__ = True
        scope = self._run.scope
        codes = settings.codes(rules)
        found: list[Finding] = []
        scope.watch.settle()
        before = scope.found()
        watch = Watch(rules)
        watch.__enter__()
        error: BaseException | None = None
        try:
            yield found
        except BaseException as raised:
            error = raised
            raise
        finally:
            watch.settle(error)
            watch.__exit__(None, None, None)
            found += watch.report.findings
            for finding in scope.found_since(before):
                if finding.code in codes:
                    scope.pardoned.add(key_of(finding))
