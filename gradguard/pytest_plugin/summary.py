"""The sections of the reports, and the summary by rule at the end. Made from reports alone, which xdist carries."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from gradguard.pytest_plugin import outcome

__all__ = ["Summary"]

_MOST_PLACES = 5


class Summary:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        found = item.stash.get(outcome.FOUND, {}).get(call.when)
        if found:
            text = outcome.section(found, str(item.config.invocation_params.dir))
            report.sections.append((outcome.SECTION, text))
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        rules: dict[tuple[str, str], dict[str, None]] = {}
        tests: dict[tuple[str, str], set[str]] = {}
        errors: dict[str, None] = {}
        for reports in terminalreporter.stats.values():
            for report in reports:
                for name, value in getattr(report, "user_properties", ()):
                    if name == outcome.ERROR_PROPERTY:
                        errors[value] = None
                    told = outcome.read_property(value) if name == outcome.PROPERTY else None
                    if told is not None:
                        rules.setdefault((told.code, told.rule), {})[told.place] = None
                        tests.setdefault((told.code, told.rule), set()).add(report.nodeid)
        if not rules and not errors:
            return
        terminalreporter.section("gradguard")
        for (code, rule), places in sorted(rules.items()):
            count = len(tests[code, rule])
            shown = [*places][:_MOST_PLACES]
            more = f" and {len(places) - len(shown)} more" if len(places) > len(shown) else ""
            terminalreporter.line(f"{code} {rule}: {_count(count, 'test')}, at {', '.join(shown)}{more}")
        for error in errors:
            terminalreporter.line(error)
        if rules:
            code = min(rules)[0]
            terminalreporter.line(f"`gradguard explain {code}` tells why, and what to write instead")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
