"""Registers what was asked for."""

from __future__ import annotations

import pytest

from gradguard.pytest_plugin import settings
from gradguard.pytest_plugin.summary import Summary

__all__ = ["turn_on", "watch_tests"]


def turn_on(config: pytest.Config) -> None:
    """What the command line and the ini file ask for."""
    asked = settings.of_config(config)
    if config.getoption("gradguard_check"):
        from gradguard.pytest_plugin.sources import Sources

        _register(config, Sources(asked), "gradguard-check")
    if asked.mode != "off":
        watch_tests(config)
    _summarise(config)


def watch_tests(config: pytest.Config) -> None:
    """Watch the tests; with mode off those alone whose markers ask for it."""
    from gradguard.pytest_plugin.watched import Watched

    _register(config, Watched(settings.of_config(config)), "gradguard-watched")
    _summarise(config)


def _summarise(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("gradguard-summary"):
        _register(config, Summary(), "gradguard-summary")


def _register(config: pytest.Config, plugin: object, name: str) -> None:
    config.pluginmanager.register(plugin, name)
