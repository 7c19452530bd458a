"""The pytest plugin: `pytest --gradguard` fails each test that walks into an autograd pitfall.

Unless it is asked for, it adds options, a marker and a fixture, and imports nothing but this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gradguard.pytest_plugin.by_hand import ByHand

__all__ = ["gradguard"]

_MARKER = (
    "gradguard(*, ignore=[...], select=[...], mode='off'|'warn'|'error'): "
    "what gradguard is to do with the test's autograd pitfalls"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradguard", "autograd pitfalls (gradguard)")
    group.addoption(
        "--gradguard",
        action="store_const",
        const="error",
        default=None,
        dest="gradguard_mode",
        help="watch each test, and fail it if it walks into an autograd pitfall",
    )
    group.addoption(
        "--gradguard-mode",
        choices=("off", "warn", "error"),
        default=None,
        dest="gradguard_mode",
        help="what to do with a pitfall: nothing, warn, or fail the test (default: the ini option gradguard, or off)",
    )
    group.addoption(
        "--gradguard-select",
        action="append",
        default=None,
        metavar="RULES",
        help="only these rules: codes, beginnings of codes, names or ALL, separated by commas",
    )
    group.addoption("--gradguard-ignore", action="append", default=None, metavar="RULES", help="not these rules")
    group.addoption(
        "--gradguard-trace",
        action="store_true",
        default=None,
        help="note where each operation is called, so that a report tells all places exactly (a few times slower)",
    )
    group.addoption(
        "--gradguard-check",
        action="store_true",
        default=False,
        help="collect Python files and notebooks, and check each without running it",
    )
    parser.addini("gradguard", "what to do with autograd pitfalls in tests: off, warn or error", default="off")
    parser.addini("gradguard_trace", "note where each operation is called (slower)", type="bool", default=False)
    parser.addini("gradguard_select", "only these rules of gradguard", type="args", default=[])
    parser.addini("gradguard_ignore", "not these rules of gradguard", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    mode = config.getoption("gradguard_mode") or config.getini("gradguard")
    if mode != "off" or config.getoption("gradguard_check"):
        from gradguard.pytest_plugin import switch

        switch.turn_on(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker may ask for a test that nothing else asks for."""
    if config.getoption("gradguard_mode") is not None or config.pluginmanager.has_plugin("gradguard-watched"):
        return
    if any(item.get_closest_marker("gradguard") is not None for item in items):
        from gradguard.pytest_plugin import switch

        switch.watch_tests(config)


@pytest.fixture
def gradguard(request: pytest.FixtureRequest) -> Iterator[ByHand]:
    """The findings of this test: `with gradguard.expect("backward-twice"):` asks for one."""
    from gradguard.pytest_plugin.by_hand import by_hand

    with by_hand(request.node) as hand:
        yield hand
