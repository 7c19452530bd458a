"""Every outcome, with and without a finding in each phase, alone and with two workers."""

from __future__ import annotations

import pytest

SUITE = """
def maybe(request, phase):
    if request.node.callspec.params["where"] == phase:
        pitfall()

@pytest.fixture
def around(request):
    maybe(request, "setup")
    yield
    maybe(request, "teardown")

@pytest.fixture
def breaks():
    raise ValueError("its own")

where = pytest.mark.parametrize("where", ["nowhere", "setup", "call", "teardown"])

@where
def test_pass(around, request, where):
    maybe(request, "call")

@where
def test_fail(around, request, where):
    maybe(request, "call")
    raise ValueError("its own")

@where
def test_error(around, breaks, where):
    pass

@where
def test_skip(around, request, where):
    maybe(request, "call")
    pytest.skip("its own")

@where
@pytest.mark.xfail(reason="its own")
def test_xfail(around, request, where):
    maybe(request, "call")
    raise ValueError("its own")

@where
@pytest.mark.xfail(reason="its own", strict=False)
def test_xpass(around, request, where):
    maybe(request, "call")

@where
@pytest.mark.xfail(reason="its own", strict=True)
def test_strict(around, request, where):
    maybe(request, "call")

@where
@pytest.mark.xfail(raises=ValueError, reason="its own", strict=True)
def test_raises(around, request, where):
    maybe(request, "call")
"""

# Set-up, call where it is reached, tear-down. A test whose call is never reached has no finding in it.
TABLE = {
    "pass": {
        "nowhere": "passed passed passed",
        "setup": "error passed",
        "call": "passed failed passed",
        "teardown": "passed passed error",
    },
    "fail": {
        "nowhere": "passed failed passed",
        "setup": "error passed",
        "call": "passed failed passed",
        "teardown": "passed failed error",
    },
    "error": {
        "nowhere": "error passed",
        "setup": "error passed",
        "call": "error passed",
        "teardown": "error error",
    },
    # Skipping is the test's own last word.
    "skip": {
        "nowhere": "passed skipped passed",
        "setup": "error passed",
        "call": "passed skipped passed",
        "teardown": "passed skipped error",
    },
    "xfail": {
        "nowhere": "passed xfailed passed",
        "setup": "xfailed passed",
        "call": "passed xfailed passed",
        "teardown": "passed xfailed xfailed",
    },
    "xpass": {
        "nowhere": "passed xpassed passed",
        "setup": "xfailed passed",
        "call": "passed xfailed passed",
        "teardown": "passed xpassed xfailed",
    },
    "strict": {
        "nowhere": "passed failed passed",
        "setup": "xfailed passed",
        "call": "passed xfailed passed",
        "teardown": "passed failed xfailed",
    },
    # A finding is no ValueError.
    "raises": {
        "nowhere": "passed failed passed",
        "setup": "error passed",
        "call": "passed failed passed",
        "teardown": "passed failed error",
    },
}


def check(ran):
    found = {name: {where: ran.kinds(f"test_{name}[{where}]") for where in row} for name, row in TABLE.items()}
    assert found == TABLE
    for name, row in TABLE.items():
        for where in row:
            for report in ran[f"test_{name}[{where}]"]:
                check_report(report, name, has_finding=report.when == where and (name, where) != ("error", "call"))
    places = {value.partition(": ")[0] for report in ran.reports for _, value in report.properties}
    assert places == {"GG101 missing-zero-grad at test_it.py:11:9"}
    tests = len(TABLE) * 3 - 1
    assert f"GG101 missing-zero-grad: {tests} tests, at test_it.py:11:9" in ran.output


def check_report(report, name, *, has_finding):
    assert ("gradguard" in report.sections) == has_finding
    if has_finding:
        assert "loss.backward()" in report.sections["gradguard"]
    if report.kind in ("failed", "error"):
        # Its own failure stays; a finding takes its place only where there is none.
        own = (name, report.when) in {("fail", "call"), ("error", "setup")}
        assert ("GG101" in report.text) == (has_finding and not own)
        assert ("its own" in report.text) == (own or not has_finding)


def test_in_one_process(suite):
    suite.write(SUITE)
    check(suite.run("--gradguard"))


def test_with_two_workers(suite):
    pytest.importorskip("xdist")
    suite.write(SUITE)
    check(suite.run("--gradguard", "-n", "2", plugins=("xdist",), apart=True))


@pytest.mark.parametrize("mode", ["off", "warn"])
def test_other_modes_change_no_outcome(suite, mode):
    suite.write(SUITE)
    ran = suite.run(f"--gradguard-mode={mode}", "-W", "default")
    for name, row in TABLE.items():
        for where in row:
            assert ran.kinds(f"test_{name}[{where}]") == row["nowhere"]
    sections = sum("gradguard" in report.sections for report in ran.reports)
    if mode == "warn":
        assert sections == len(TABLE) * 3 - 1
        assert "GradguardWarning: GG101 missing-zero-grad at test_it.py:11" in ran.output
    else:
        assert sections == 0
        assert "GG101" not in ran.output
