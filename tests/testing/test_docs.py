"""The examples in the docstrings run as they stand."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["findings", "function", "strategies", "train"])
def test_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"gradguard.testing.{name}"))
    assert result.attempted
    assert not result.failed
