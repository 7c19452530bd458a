from __future__ import annotations

import os
import subprocess
import sys

import libcst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard.finding import CheckError
from gradguard.static.nesting import MAX_BRACKETS, MAX_OPERATORS, nesting
from gradguard.static.parse import parse, syntax_error
from gradguard.static.source import Source

# Each of these ends the process, or keeps it busy for minutes, if libcst gets to see it.
TOO_DEEP = {
    "parentheses": "(" * 3000 + "1" + ")" * 3000,
    "unclosed": "(" * 3000,
    "lists": "[" * 3000 + "]" * 3000,
    "calls": "f(" * 3000 + "1" + ")" * 3000,
    "subscripts": "a[" * 3000 + "1" + "]" * 3000,
    "over lines": "(\n" * 3000 + "1" + ")\n" * 3000,
    "attributes": "a" + ".b" * 20_000,
    "chained calls": "a" + ".b()" * 20_000,
    "sum": "x = " + " + ".join(["1"] * 20_000),
    "sum over lines": "x = (\n" + "\n+ ".join(["1"] * 20_000) + ")",
    "backslashes": "x = " + "\\\n+ ".join(["1"] * 20_000),
    "signs": "x = " + "-" * 20_000 + "1",
    "not": "x = " + "not " * 20_000 + "1",
    "lambda": "x = " + "lambda: " * 20_000 + "1",
    "ternary": "x = " + "1 if a else " * 20_000 + "1",
    "strings": "x = (" + "'a' " * 20_000 + ")",
    "in a formatted string": 'x = f"{' + "(" * 3000 + "1" + ")" * 3000 + '}"',
    "formatted strings": "x = " + 'f"{' * 3000 + "1" + '}"' * 3000,
    "patterns": "match x:\n    case " + "[" * 60 + "]" * 60 + ": pass",
    "branches": "if x:\n    pass\n" + "elif x:\n    pass\n" * 50_000,
    "blocks": "".join(" " * depth + "if x:\n" for depth in range(1000)) + " " * 1000 + "pass",
    "between others": "x = 1\n" * 100 + "a" + ".b" * 20_000 + "\n" + "y = 2\n" * 100,
}
# Near the bounds, and to be parsed.
DEEP = {
    "parentheses": "(" * 190 + "1" + ")" * 190,
    "calls": "f(a=b.c + " * 190 + "1" + ")" * 190,
    "attributes": "a" + ".b" * 1400,
    "sum": "x = " + " + ".join(["1"] * 1400),
    "lambda": "x = " + "lambda: " * 1400 + "1",
    "patterns": "match x:\n    case " + "[" * 14 + "]" * 14 + ": pass",
    "branches": "if x:\n    pass\n" + "elif x:\n    pass\n" * 15_000,
    "blocks": "".join(" " * depth + "if x:\n" for depth in range(99)) + " " * 99 + "pass",
}
# Much of everything, and nothing deep.
WIDE = {
    "lines": "".join(f"x{n} = f(x{n - 1}, [n, -n])\n" for n in range(20_000)),
    "elements": "x = [" + ", ".join(["-1.5e-3 + a.b"] * 20_000) + "]",
    "statements": "x = a.b; " * 20_000,
    "brackets in a string": f"x = '''{'(' * 3000}'''  # {'[' * 3000}",
    "case is a name": "case = f(" + "(" * 50 + ")" * 50 + ")",
}
PROGRAM = """
import sys
from gradguard.finding import CheckError
from gradguard.static.parse import parse
from gradguard.static.source import Source
result = parse(Source("a.py", sys.stdin.read()))
print(result.message if isinstance(result, CheckError) else "parsed")
"""


def parse_apart(text: str) -> str:
    """What another process makes of the text, so that a stack overflow fails one test and not all."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=text + "\n", capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def error_of(text: str) -> CheckError:
    error = parse(Source("a.py", text))
    assert isinstance(error, CheckError)
    return error


@pytest.mark.parametrize("name", TOO_DEEP)
def test_beyond_the_bound(name: str) -> None:
    assert parse_apart(TOO_DEEP[name]).startswith("too deeply nested to be checked (more than ")


@pytest.mark.parametrize("name", DEEP)
def test_within_the_bound(name: str) -> None:
    assert parse_apart(DEEP[name]) == "parsed"


@pytest.mark.parametrize("name", WIDE)
def test_wide_is_not_deep(name: str) -> None:
    measured = nesting(WIDE[name])
    assert not measured.excess
    assert measured.operators < 200


@pytest.mark.skipif(os.name != "posix", reason="the exit code of a stack overflow is that of posix")
def test_the_guard_is_needed() -> None:
    program = "import sys, libcst; libcst.parse_module(sys.stdin.read())"
    text = TOO_DEEP["parentheses"]
    done = subprocess.run([sys.executable, "-c", program], input=text, capture_output=True, text=True, check=False)
    assert done.returncode < 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, 0)),
        ("f(a, (b))", (2, 1, 0)),
        ("x = a.b.c + d", (0, 4, 0)),
        ("x = f(a + b, c + d + e)", (1, 3, 0)),
        ("f(g(h()))", (3, 1, 0)),
        ("a.b\nc.d", (0, 1, 0)),
        ("(a.b\n+ c.d\n+ e)", (1, 4, 0)),
        ("1.5 + .5", (0, 1, 0)),
        ('"""(((\n"(["""; \'[[\\\'[\' # {{', (0, 1, 0)),
        ("if a:\n  b\nelif c:\n  d\nelif e:\n  f", (0, 1, 2)),
        (")]}(", (1, 0, 0)),
    ],
)
def test_nesting(text: str, expected: tuple[int, int, int]) -> None:
    measured = nesting(text)
    assert (measured.brackets, measured.operators, measured.branches) == expected


def test_the_line_of_the_excess() -> None:
    error = error_of("x = 1\n\n" + "(" * (MAX_BRACKETS + 1))
    assert (error.message, error.line) == ("too deeply nested to be checked (more than 200 brackets)", 3)
    error = error_of("x = 1\n" + "a" + ".b" * (MAX_OPERATORS + 1))
    assert (error.message, error.line) == ("too deeply nested to be checked (more than 1500 operators)", 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\ndef f(:\n    pass\n", 2),
        ("if x:\npass\n", 2),
        ("x = 1\ny = 'abc\n", 2),
        ("x = 1\r\ny = (\r\n", 2),
    ],
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    error = error_of(text)
    assert error.message.startswith("syntax error: ")
    assert error.line == line
    assert "\n" not in error.message


@pytest.mark.parametrize("text", ["import os\nprint 'x'\n", "x = 1\nexec 'x'\n", "x = 1\ny = 0777\n"])
def test_python_2_is_called_by_its_name(text: str) -> None:
    error = error_of(text)
    assert error.message.startswith("is Python 2, not Python 3: ")
    assert error.line == 2


def test_a_syntax_error_in_a_notebook_names_the_cell() -> None:
    error = parse(Source("a.ipynb", "x = 1\ny = 2\nz = (]\n", ((1, 2), (2, 5))))
    assert isinstance(error, CheckError)
    assert error.message.startswith("cell 5, line 2: syntax error: ")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    pass\nexcept* ValueError:\n    pass\n",
        "type A[T] = list[T]\n",
        "def f[T](x: T) -> T: ...\n",
        "match x:\n    case {'a': [1, *_]}: pass\n",
        "x = f'{f'{1}'}'\n",
        "x = await y\n",
        "x = '\\d'\n",
        "x = 1\n\x0cy = 2\n",
        "\ufeffx = 1\n",
    ],
)
def test_all_that_is_python_is_parsed_on_any_python(text: str) -> None:
    source = Source("a.py", text)
    assert isinstance(parse(source), libcst.Module)
    assert syntax_error(source) is None


def test_half_a_surrogate_pair() -> None:
    assert "surrogate" in error_of("x = '\ud800'\n").message


@given(st.text(alphabet="()[]{}'\"fb\\\n#.,;:= \t+-xif", max_size=80))
def test_any_text_is_a_module_or_an_error(text: str) -> None:
    source = Source("a.py", text)
    parsed = parse(source)
    error = syntax_error(source)
    assert isinstance(parsed, (libcst.Module, CheckError))
    # CPython's own parser and libcst's may disagree; only both of them together reject a text.
    assert error is None or isinstance(parsed, CheckError)
