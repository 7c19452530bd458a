"""Options, ini file, marker and configuration."""

from __future__ import annotations

import pytest

TWO = """
def twice():
    loss = torch.ones(2, requires_grad=True).exp().sum()
    loss.backward()
    try:
        loss.backward()
    except RuntimeError:
        pass

def test_stale():
    pitfall()

def test_twice():
    twice()
"""


def failed(ran):
    return [report.test for report in ran.reports if report.kind in ("failed", "error")]


def test_off_is_the_default(suite):
    suite.write(TWO)
    ran = suite.run()
    assert ran.code == 0
    assert "gradguard" not in ran.output.replace("plugins: gradguard", "").partition("warnings summary")[0]


@pytest.mark.parametrize(
    ("arguments", "tests"),
    [
        (["--gradguard"], ["test_stale", "test_twice"]),
        (["--gradguard", "--gradguard-select=GG1"], ["test_stale"]),
        (["--gradguard", "--gradguard-ignore=missing-zero-grad"], ["test_twice"]),
        (["--gradguard", "--gradguard-select=GG101,GG201", "--gradguard-ignore=backward-twice"], ["test_stale"]),
        (["--gradguard-mode=warn"], []),
        (["--gradguard", "--gradguard-mode=off"], []),
        (["--gradguard", "-p", "no:gradguard-watched"], []),
    ],
)
def test_the_command_line(suite, arguments, tests):
    suite.write(TWO)
    assert failed(suite.run(*arguments, "-W", "default")) == tests


@pytest.mark.parametrize(
    ("lines", "arguments", "tests"),
    [
        ("gradguard = error", [], ["test_stale", "test_twice"]),
        ("gradguard = error", ["--gradguard-mode=off"], []),
        ("gradguard = warn", ["--gradguard"], ["test_stale", "test_twice"]),
        ("gradguard = off", ["--gradguard"], ["test_stale", "test_twice"]),
        ("gradguard = error\ngradguard_select = GG1 GG3", [], ["test_stale"]),
        ("gradguard = error\ngradguard_ignore = missing-zero-grad", [], ["test_twice"]),
        ("gradguard = error\ngradguard_select = GG1", ["--gradguard-select=GG2"], ["test_twice"]),
    ],
)
def test_the_ini_file(suite, lines, arguments, tests):
    suite.write(TWO)
    (suite.folder / "pytest.ini").write_text(f"[pytest]\n{lines}\n")
    assert failed(suite.run(*arguments)) == tests


def test_the_table_of_pyproject(suite):
    suite.write(TWO)
    (suite.folder / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ngradguard = "error"\ngradguard_ignore = ["GG101"]\n'
    )
    assert failed(suite.run()) == ["test_twice"]


def test_the_configuration_of_gradguard_holds(suite):
    suite.write(TWO)
    (suite.folder / "pyproject.toml").write_text(
        '[tool.gradguard]\nignore = ["GG2"]\n[tool.gradguard.per-file-ignores]\n"test_other.py" = ["GG101"]\n'
    )
    suite.write("def test_other():\n    pitfall()\n", "test_other.py")
    assert failed(suite.run("--gradguard")) == ["test_stale"]
    (suite.folder / "pyproject.toml").write_text('[tool.gradguard]\nignroe = ["GG2"]\n')
    ran = suite.run("--gradguard")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "ignroe" in ran.errors


@pytest.mark.parametrize(
    ("arguments", "lines", "said"),
    [
        (["--gradguard", "--gradguard-select=GG1O1"], "", "unknown rule: GG1O1 (did you mean GG101?)"),
        (["--gradguard", "--gradguard-ignore=missing-zero-gard"], "", "did you mean missing-zero-grad?"),
        (["--gradguard-mode=loud"], "", "invalid choice: 'loud'"),
        ([], "gradguard = loud", "ini option gradguard: must be off, warn or error, not 'loud'"),
        ([], "gradguard = error\ngradguard_select = GG9Z", "unknown rule: GG9Z"),
        (["--gradguard-check", "--gradguard-select=XX"], "", "unknown rule: XX"),
    ],
)
def test_mistakes_end_the_session(suite, arguments, lines, said):
    suite.write(TWO)
    (suite.folder / "pytest.ini").write_text(f"[pytest]\n{lines}\n")
    ran = suite.run(*arguments)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert said in ran.errors
    assert "Traceback" not in ran.errors
    assert ran.reports == []


def test_markers(suite):
    suite.write("""
        def twice():
            loss = torch.ones(2, requires_grad=True).exp().sum()
            loss.backward()
            try:
                loss.backward()
            except RuntimeError:
                pass

        @pytest.mark.gradguard(mode="off")
        def test_off():
            pitfall()

        @pytest.mark.gradguard(mode="warn")
        def test_warn():
            pitfall()

        @pytest.mark.gradguard(ignore=["GG101"])
        def test_ignore():
            pitfall()

        @pytest.mark.gradguard(ignore="missing-zero-grad")
        def test_ignore_text():
            pitfall()
            twice()

        @pytest.mark.gradguard(select=["GG2"])
        def test_select():
            pitfall()

        @pytest.mark.gradguard
        def test_bare():
            pitfall()

        @pytest.mark.gradguard(mode="off", ignore=["GG101"])
        class TestClass:
            @pytest.mark.gradguard(mode="error")
            def test_both(self):
                pitfall()

            @pytest.mark.gradguard(mode="error", ignore=("GG301",))
            def test_other(self):
                twice()

            @pytest.mark.gradguard(mode="error", select=["GG101"])
            def test_selected(self):
                pitfall()

            def test_off(self):
                twice()
    """)
    expected = ["test_ignore_text", "test_bare", "TestClass::test_other", "TestClass::test_selected"]
    assert failed(suite.run("--gradguard", "--strict-markers", "-W", "default")) == expected
    # Where nothing else asks for them, the markers do; and --gradguard-mode=off means off.
    expected = ["TestClass::test_other", "TestClass::test_selected"]
    ran = suite.run("-W", "default")
    assert failed(ran) == expected
    assert "gradguard" in ran.one("test_warn").sections
    assert failed(suite.run("--gradguard-mode=off")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("mode='loud'", "mode must be 'off', 'warn' or 'error', not 'loud'"),
        ("ignore=['GG1O1']", "unknown rule: GG1O1 (did you mean GG101?)"),
        ("select=3", "select must be a list of codes or names of rules, not 3"),
        ("ignore=[3]", "ignore must be a list"),
        ("ingore=['GG101']", "unknown argument 'ingore'"),
        ("'off'", "takes only the named arguments"),
        ("mode=['off']", "mode must be"),
    ],
)
def test_a_wrong_marker_fails_its_test_alone(suite, arguments, said):
    suite.write(f"@pytest.mark.gradguard({arguments})\ndef test_it():\n    pass\n\ndef test_next():\n    correct()\n")
    ran = suite.run("--gradguard")
    assert ran.kinds("test_it") == "error passed"
    assert ran.kinds("test_next") == "passed passed passed"
    text = ran.one("test_it", "setup").text
    assert text.startswith("@pytest.mark.gradguard: ")
    assert said in text


def test_the_marker_and_the_options_are_documented(suite):
    output = suite.run("--markers").output
    assert "@pytest.mark.gradguard(*, ignore=[...], select=[...], mode='off'|'warn'|'error')" in output
    output = suite.run("--help").output
    for option in ("--gradguard ", "--gradguard-check", "--gradguard-select", "gradguard_ignore (args)"):
        assert option in output
    assert "gradguard" in suite.run("--fixtures", "-v").output
