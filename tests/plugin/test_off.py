"""With nothing asked for: what is imported, what changes."""

from __future__ import annotations

import pytest

PROBE = """
import sys

def pytest_unconfigure(config):
    heavy = {"torch", "libcst", "rich", "numpy", "hypothesis", "unittest.mock"}
    own = sorted(name for name in sys.modules if name.startswith("gradguard"))
    print("\\nimported:", *sorted(heavy & set(sys.modules)), *own)
    print("hooks:", *sorted(name for name, _ in config.pluginmanager.list_name_plugin() if "gradguard" in name))
"""


def probe(suite, *arguments):
    suite.write(PROBE, "conftest.py", plain=True)
    suite.write("def test_it():\n    pass\n", plain=True)
    ran = suite.run(*arguments, "-s", apart=True)
    assert ran.code == 0
    lines = {name: set(rest.split()) for name, _, rest in (line.partition(":") for line in ran.output.splitlines())}
    return lines["imported"], lines["hooks"]


def test_nothing_is_imported_and_nothing_hooks_into_the_tests(suite):
    imported, hooks = probe(suite)
    assert imported == {"gradguard", "gradguard.pytest_plugin"}
    assert hooks == {"gradguard"}


def test_the_probe_can_fail(suite):
    imported, hooks = probe(suite, "--gradguard")
    assert "torch" in imported
    assert "libcst" not in imported
    assert hooks == {"gradguard", "gradguard-summary", "gradguard-watched"}


def test_a_check_imports_no_torch(suite):
    imported, hooks = probe(suite, "--gradguard-check")
    assert not imported & {"torch", "numpy"}
    assert hooks == {"gradguard", "gradguard-summary", "gradguard-check"}


def test_without_the_plugin(suite):
    suite.write("def test_it():\n    pitfall()\n")
    ran = suite.run("-p", "no:gradguard", apart=True)
    assert ran.code == 0
    assert "gradguard" not in ran.output


@pytest.mark.parametrize("arguments", [[], ["--gradguard-mode=off"]])
def test_output_and_reports_are_the_same_as_without_it(suite, arguments):
    suite.write("""
        import warnings

        def test_pass():
            pitfall()
            warnings.warn("its own", UserWarning)

        def test_fail():
            pitfall()
            raise ValueError("its own")
    """)

    def lines(ran):
        return [line for line in ran.output.splitlines() if " in " not in line and not line.startswith("plugins:")]

    with_plugin, without = suite.run(*arguments, apart=True), suite.run("-p", "no:gradguard", apart=True)
    assert lines(with_plugin) == lines(without)
    assert with_plugin.reports == without.reports
