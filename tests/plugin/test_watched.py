"""What `pytest --gradguard` does to tests of every kind."""

from __future__ import annotations

import pickle
import sys
import xml.etree.ElementTree as ET

import pytest

from gradguard.pytest_plugin.outcome import GradguardFailure


def test_the_failure_says_what_and_where_and_the_section_shows_it(suite):
    suite.write("def test_it():\n    pitfall()\n")
    ran = suite.run("--gradguard")
    assert ran.code == 1
    report = ran.one("test_it")
    first, instead = report.text.split("\n")
    assert first.startswith("GG101 missing-zero-grad at test_it.py:11: this backward adds to a gradient")
    assert instead.startswith("  instead: call `optimizer.zero_grad()`")
    assert "the gradient is used here" in report.sections["gradguard"]
    assert "^^^^" in report.sections["gradguard"]
    assert "- gradguard: GG101 missing-zero-grad" in ran.output, "in the short summary"
    assert "GG101 missing-zero-grad: 1 test, at test_it.py:11:9" in ran.output
    assert "gradguard: error" in ran.output, "in the header"


def test_correct_training_is_left_alone(suite):
    suite.write("def test_it():\n    correct()\n")
    ran = suite.run("--gradguard")
    assert ran.code == 0
    assert "gradguard explain" not in ran.output


def test_try_and_except_hide_nothing(suite):
    suite.write("""
        def test_it():
            try:
                loss = torch.ones(2, requires_grad=True).exp().sum()
                loss.backward()
                loss.backward()
            except Exception:
                pass
    """)
    assert "GG201 backward-twice" in suite.run("--gradguard").one("test_it").text


@pytest.mark.parametrize(
    "block", ["with pytest.raises(RuntimeError):", "with pytest.raises(RuntimeError, match='second time'):"]
)
def test_an_error_that_the_test_asks_for_is_no_finding(suite, block):
    suite.write(f"""
        import unittest

        def test_it():
            loss = torch.ones(2, requires_grad=True).exp().sum()
            loss.backward()
            {block}
                loss.backward()

        class TestCase(unittest.TestCase):
            def test_it(self):
                loss = torch.ones(2, requires_grad=True).exp().sum()
                loss.backward()
                with self.assertRaisesRegex(RuntimeError, "second time"):
                    loss.backward()
                self.assertRaises(RuntimeError, loss.backward)

        def test_other():
            with pytest.raises(RuntimeError):
                pitfall()
                raise RuntimeError
    """)
    ran = suite.run("--gradguard")
    assert ran.kinds("test_it") == ran.kinds("TestCase::test_it") == "passed passed passed"
    assert ran.kinds("test_other") == "passed failed passed", "it was not this pitfall that the test has asked for"


def test_a_failed_test_keeps_its_exception(suite):
    suite.write("""
        def test_it():
            loss = torch.ones(2, requires_grad=True).exp().sum()
            loss.backward()
            loss.backward()
    """)
    report = suite.run("--gradguard").one("test_it")
    assert "RuntimeError: Trying to backward through the graph a second time" in report.text
    assert not report.text.startswith("GG201")
    assert "GG201 backward-twice" in report.sections["gradguard"]


def test_the_traceback_is_the_same_as_without(suite):
    suite.write("def test_it():\n    correct()\n    raise ValueError('its own')\n")
    texts = {suite.run(*arguments).one("test_it").text for arguments in (["--gradguard"], [], ["--gradguard", "-x"])}
    assert len(texts) == 1


def test_training_in_fixtures_of_every_scope(suite):
    suite.write("""
        @pytest.fixture(params=[0], scope="session")
        def session():
            pitfall()

        @pytest.fixture(scope="module")
        def module():
            yield
            pitfall()

        def test_session(session):
            pass

        def test_module(module):
            pass
    """)
    ran = suite.run("--gradguard")
    assert ran.kinds("test_session[0]") == "error passed"
    assert ran.kinds("test_module") == "passed passed error"


def test_what_set_up_began_the_test_may_finish(suite):
    suite.write("""
        @pytest.fixture
        def trainer():
            w = torch.ones(2, requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=0.1)
            (w * w).sum().backward()
            optimizer.step()
            return w, optimizer

        def test_stale(trainer):
            w, optimizer = trainer
            (w * w).sum().backward()
            optimizer.step()

        def test_fresh(trainer):
            w, optimizer = trainer
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()
    """)
    ran = suite.run("--gradguard")
    assert ran.kinds("test_stale") == "passed failed passed"
    assert ran.kinds("test_fresh") == "passed passed passed"


def test_tests_do_not_depend_on_those_before_them(suite):
    suite.write("""
        w = torch.ones(2, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)

        @pytest.mark.parametrize("turn", range(4))
        def test_it(turn):
            (w * w).sum().backward()
            optimizer.step()
    """)
    ran = suite.run("--gradguard")
    assert ran.code == 0, "each of them passes alone, so all pass together"


def test_each_test_has_full_attention(suite):
    suite.write("""
        def test_long():
            correct(200)

        def test_next():
            pitfall()

        def test_many():
            for _ in range(60):
                correct(2)
    """)
    ran = suite.run("--gradguard")
    assert [ran.kinds(f"test_{name}") for name in ("long", "next", "many")] == [
        "passed passed passed",
        "passed failed passed",
        "passed passed passed",
    ]


def test_unittest_classes(suite):
    suite.write("""
        import unittest

        class Test(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                correct()

            def setUp(self):
                if self._testMethodName == "test_set_up":
                    pitfall()

            def tearDown(self):
                if self._testMethodName == "test_tear_down":
                    pitfall()

            def test_pass(self):
                correct()

            def test_found(self):
                pitfall()

            def test_fail(self):
                pitfall()
                self.fail("its own")

            def test_skip(self):
                pitfall()
                self.skipTest("its own")

            @unittest.expectedFailure
            def test_expected(self):
                pitfall()
                self.fail("its own")

            def test_set_up(self):
                pass

            def test_tear_down(self):
                pass

            def test_sub(self):
                for steps in (1, 2, 3):
                    with self.subTest(steps=steps):
                        pitfall(steps)

        class TestSetUpClass(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                pitfall()

            def test_it(self):
                pass
    """)
    ran = suite.run("--gradguard")
    kinds = {name: ran.kinds(f"Test::test_{name}") for name in ("pass", "found", "fail", "skip", "set_up", "tear_down")}
    assert kinds == {
        "pass": "passed passed passed",
        "found": "passed failed passed",
        "fail": "passed failed passed",
        "skip": "passed skipped passed",
        "set_up": "passed failed passed",
        "tear_down": "passed failed passed",
    }
    assert ran.one("Test::test_expected").kind == "xfailed"
    assert "its own" in ran.one("Test::test_fail").text
    assert "GG101" in ran.one("Test::test_fail").sections["gradguard"]
    assert "GG101" in [report for report in ran["Test::test_sub"] if report.when == "call"][-1].text
    assert ran.kinds("TestSetUpClass::test_it") == "error passed"


def test_doctests(suite):
    suite.write(
        '''
        import torch

        def step():
            """Train.

            >>> w = torch.ones(2, requires_grad=True)
            >>> optimizer = torch.optim.SGD([w], lr=0.1)
            >>> for _ in range(3):
            ...     (w * w).sum().backward()
            ...     optimizer.step()
            >>> 1 + 1
            2
            """

        def correct():
            """
            >>> w = torch.ones(2, requires_grad=True)
            >>> (w * w).sum().backward()
            """
        ''',
        "module.py",
        plain=True,
    )
    ran = suite.run("--gradguard", "--doctest-modules", "module.py")
    assert ran.kinds("module.correct") == "passed passed passed"
    report = ran.one("module.step")
    assert "GG101 missing-zero-grad at module.py:10: " in report.text
    assert "(w * w).sum().backward()" in report.sections["gradguard"]
    code, marks = report.sections["gradguard"].split("\n")[2:4]
    assert code.index("(w * w)") == marks.index("^")


def test_nested_runs_of_pytester_keep_their_findings(suite):
    suite.write("""
        pytest_plugins = "pytester"
        correct()  # a second import of parts of torch would fail
        SOURCE = '''
        import torch

        def test_bad():
            w = torch.ones(2, requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=0.1)
            for _ in range(3):
                (w * w).sum().backward()
                optimizer.step()
        '''

        def test_on(pytester):
            correct()
            pytester.makepyfile(SOURCE)
            result = pytester.runpytest_inprocess("-p", "gradguard", "--gradguard")
            result.assert_outcomes(failed=1)
            correct()

        def test_after(pytester):
            pytester.makepyfile(SOURCE)
            pytester.runpytest_inprocess("-p", "gradguard", "--gradguard")
            pitfall()

        def test_off(pytester):
            pytester.makepyfile(SOURCE)
            result = pytester.runpytest_inprocess("-p", "gradguard")
            result.assert_outcomes(passed=1)
    """)
    ran = suite.run("--gradguard", apart=True)
    assert ran.kinds("test_on") == "passed passed passed"
    assert ran.kinds("test_after") == "passed failed passed"
    assert ran.kinds("test_off") == "passed failed passed", "nobody else has looked at it"


def test_pdb_shows_the_finding_and_goes_on(suite):
    suite.write("def test_it():\n    pitfall()\n\ndef test_next():\n    pitfall()\n")
    for name in ("--pdb", "--trace"):
        child = suite.pytester.popen(
            [sys.executable, "-m", "pytest", "-p", "gradguard", "--gradguard", name], stdin=-1, stdout=-1, stderr=-2
        )
        output, _ = child.communicate(b"c\nc\nc\nc\n", timeout=120)
        assert b"GG101 missing-zero-grad at test_it.py:11" in output
        assert b"2 failed" in output
        assert b"INTERNALERROR" not in output


def test_the_users_filters_for_warnings_hold(suite):
    suite.write("""
        import warnings

        def test_clean():
            correct()

        def test_warns():
            warnings.warn("its own", UserWarning)

        def test_reads():
            loss = torch.ones(2, requires_grad=True).exp()
            loss.sum().backward()
            loss.grad
    """)
    (suite.folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    ran = suite.run("--gradguard", apart=True)
    assert ran.kinds("test_clean") == "passed passed passed"
    assert "UserWarning: its own" in ran.one("test_warns").text
    assert "not a leaf" in ran.one("test_reads").text, "torch's own warning has become the error"
    assert "PytestAssertRewriteWarning" not in ran.output
    (suite.folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = default\n")
    report = suite.run("--gradguard", apart=True).one("test_reads")
    assert "GG301 non-leaf-grad" in report.text


def test_warnings_of_mode_warn_are_failures_where_warnings_are_errors(suite):
    suite.write("def test_it():\n    pitfall()\n")
    ran = suite.run("--gradguard-mode=warn", "-W", "error::gradguard.GradguardWarning")
    assert ran.one("test_it").text.startswith("GG101")
    ran = suite.run("--gradguard-mode=warn", "-W", "ignore::gradguard.GradguardWarning")
    assert ran.code == 0
    assert "GradguardWarning" not in ran.output


def test_junit(suite):
    suite.write("def test_it():\n    pitfall()\n\ndef test_set_up(request):\n    correct()\n")
    suite.run("--gradguard", "--junitxml=junit.xml")
    tree = ET.parse(suite.folder / "junit.xml")
    first, second = tree.iter("testcase")
    assert second.find("properties") is None
    (held,) = first.iter("property")
    assert held.get("name") == "gradguard"
    assert held.get("value").startswith("GG101 missing-zero-grad at test_it.py:11:9: this backward adds")
    failure = first.find("failure")
    assert failure is not None
    assert failure.get("message").startswith("gradguard: GG101 missing-zero-grad")


def test_errors_of_gradguards_own_are_told_once_and_fail_nothing(suite):
    suite.write("""
        from gradguard.runtime import gradients

        @pytest.fixture(autouse=True)
        def broken(monkeypatch):
            def planted(*_args):
                raise ZeroDivisionError("planted")
            monkeypatch.setattr(gradients.Gradients, "step", planted)

        def test_one():
            correct()

        def test_two():
            correct()
    """)
    ran = suite.run("--gradguard", "-W", "error::UserWarning", apart=True)
    assert ran.code == 0
    assert ran.output.count("ZeroDivisionError: planted") == 1


def test_comments_silence_findings(suite):
    path = suite.write("def test_it():\n    pitfall()\n")
    path.write_text(path.read_text().replace("loss.backward()\n", "loss.backward()  # noqa: GG101\n"))
    assert suite.run("--gradguard").code == 0


def test_paths_are_those_of_the_invocation_even_if_the_test_changes_folders(suite):
    suite.write(
        "def test_it(tmp_path, monkeypatch):\n    monkeypatch.chdir(tmp_path)\n    pitfall()\n", "sub/test_it.py"
    )
    ran = suite.run("--gradguard")
    (report,) = [report for report in ran.reports if report.when == "call"]
    assert "at sub/test_it.py:11: " in report.text
    assert "loss.backward()" in report.sections["gradguard"]


def test_a_session_that_is_cut_off_leaves_torch_as_it_was(suite):
    import torch

    before = torch.autograd._engine_run_backward
    suite.write("def test_it():\n    correct()\n    pytest.exit('enough')\n")
    ran = suite.run("--gradguard")
    assert "enough" in ran.output + ran.errors
    assert torch.autograd._engine_run_backward is before


def test_the_failure_can_be_pickled():
    failure = pickle.loads(pickle.dumps(GradguardFailure("text")))
    assert type(failure) is GradguardFailure
    assert failure.msg == "text"
    assert failure.pytrace is False
    assert isinstance(failure, pytest.fail.Exception)


def test_what_is_off_by_default_is_watched_where_it_is_asked_for(suite):
    program = """
        def infinite():
            x = torch.tensor([0.0, 1.0], requires_grad=True)
            torch.where(x > 0, x.log(), torch.zeros(2)).sum().backward()

        def test_plain():
            infinite()

        def test_by_hand(gradguard):
            with gradguard.expect("GG701"):
                infinite()
    """
    free = """
        def test_nothing_hooks_into_each_node():
            assert torch.autograd._engine_run_backward.__code__.co_filename.endswith("patches.py")
    """
    suite.write(program + free)
    assert suite.run("--gradguard").code == 0
    suite.write(program.replace("def test_plain", "@pytest.mark.gradguard(select=['GG701'])\n        def test_plain"))
    ran = suite.run("--gradguard")
    assert ran.one("test_plain").text.startswith("GG701 nonfinite-gradient")
