from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import libcst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard.finding import CheckError, Location
from gradguard.static.notebook import plain_python
from gradguard.static.source import Source, decode, read

TEXT = "x = 'größe'\nloss.backward()\n"


def text_of(data: bytes, path: str = "a.py") -> str:
    source = decode(data, path)
    assert isinstance(source, Source), source
    return source.text


def error_of(data: bytes, path: str = "a.py") -> CheckError:
    source = decode(data, path)
    assert isinstance(source, CheckError)
    assert "\n" not in source.message
    return source


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    ],
)
def test_the_byte_order_mark_tells_the_encoding(data: bytes) -> None:
    assert text_of(data) == TEXT


@pytest.mark.parametrize(
    "head",
    [
        b"# -*- coding: latin-1 -*-\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n",
        b"\r\n# coding=iso-8859-1\r\n",
    ],
)
def test_a_declared_encoding(head: bytes) -> None:
    assert text_of(head + TEXT.encode("latin-1")) == head.decode() + TEXT


def test_a_declaration_counts_only_above_the_first_code() -> None:
    error = error_of(b"import os\n# coding: latin-1\n'\xfc'\n")
    assert (error.message, error.line) == ("is not valid UTF-8 (byte 0xfc), and declares no other encoding", 3)


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"x = 1\r\ny = '\xff'\r\n", "is not valid UTF-8 (byte 0xff), and declares no other encoding", 2),
        (b"# coding: ascii\n'\xff'\n", "is not valid ASCII (byte 0xff)", 2),
        (b"# coding: utf-9\n", "declares an unknown encoding: utf-9", 1),
        (b"# coding: hex\n", "declares an unknown encoding: hex", 1),
        (codecs.BOM_UTF16_LE + b"abc", "is not valid UTF-16-LE (byte 0x63)", 1),
        (b"x = 1\ny\x00 = 2\n", "contains a NUL character, so it is not Python source", 2),
    ],
)
def test_what_cannot_be_decoded_is_one_clear_line(data: bytes, message: str, line: int) -> None:
    error = error_of(data)
    assert (error.message, error.line) == (message, line)


def test_nothing_is_a_source_too() -> None:
    assert text_of(b"") == ""
    assert text_of(codecs.BOM_UTF8) == ""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_python_counts_them(newline: str) -> None:
    source = decode(newline.join(["a = '\x0c\u2028'", "b", ""]).encode(), "a.py")
    assert isinstance(source, Source)
    assert source.lines() == ["a = '\x0c\u2028'", "b", ""]
    assert source.place(2) == (None, 2)


def test_read_says_why_not(tmp_path: Path) -> None:
    missing = read(str(tmp_path / "missing.py"))
    folder = read(str(tmp_path))
    assert isinstance(missing, CheckError)
    assert missing.message == "cannot be read: no such file or directory"
    assert isinstance(folder, CheckError)
    assert folder.message == "cannot be read: is a directory"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_source_or_an_error(data: bytes) -> None:
    assert isinstance(decode(data, "a.py"), (Source, CheckError))
    assert isinstance(decode(data, "a.ipynb"), (Source, CheckError))


def notebook(*cells: Any, metadata: Any = None) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata or {}, "nbformat": 4}).encode()


def code(source: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source}


MARKDOWN = {"cell_type": "markdown", "source": "# title"}


def test_cells_are_joined_and_found_again() -> None:
    data = notebook(MARKDOWN, code(["import torch\n", "x = 1"]), MARKDOWN, code(""), code("y = 2\nz = 3\n"))
    source = decode(data, "a.ipynb")
    assert isinstance(source, Source)
    assert source.text == "import torch\nx = 1\n\ny = 2\nz = 3\n\n"
    assert [source.place(line) for line in range(1, 6)] == [(2, 1), (2, 2), (4, 1), (5, 1), (5, 2)]
    assert source.lines(5) == ["y = 2", "z = 3", "", ""]
    assert source.lines(2) == ["import torch", "x = 1"]
    assert source.lines(1) == []
    assert source.location(5, 1, 5, 6) == Location("a.ipynb", 2, 1, 2, 6, 5)
    # A range that would leave its cell ends where it begins.
    assert source.location(2, 3, 4, 1) == Location("a.ipynb", 2, 3, 2, 3, 2)


def test_the_oldest_notebooks() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\n"]}]}], "nbformat": 3}
    assert text_of(json.dumps(old).encode(), "a.ipynb") == "x = 1\n\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty, so it is not a notebook"),
        (b'{"cells": [', "is not a notebook: invalid JSON (expecting value)"),
        (b"[" * 100_000, "is not a notebook: its JSON is too deeply nested"),
        (b"[]", "is not a notebook: it holds no list of cells"),
        (b'{"cells": 3}', "is not a notebook: it holds no list of cells"),
        (notebook(3), "is not a notebook: cell 1 is not an object"),
        (notebook(MARKDOWN, code(7)), "is not a notebook: the source of cell 2 is not text"),
        (notebook(code(["x", 7])), "is not a notebook: the source of cell 1 is not text"),
        (notebook(code("x\0")), "cell 1 contains a NUL character, so it is not Python source"),
    ],
)
def test_a_broken_notebook_is_one_clear_line(data: bytes, message: str) -> None:
    assert error_of(data, "a.ipynb").message == message


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"language_info": {"name": "python"}}, "x\n"),
        ({"kernelspec": {"language": "python"}}, "x\n"),
        ({"kernelspec": {"name": "whatever"}}, "x\n"),
        ({"language_info": {"name": "julia"}}, ""),
        ({"kernelspec": {"language": "R"}}, ""),
        ([], "x\n"),
        ({"language_info": 3}, "x\n"),
    ],
)
def test_only_python_is_checked(metadata: Any, text: str) -> None:
    assert text_of(notebook(code("x"), metadata=metadata), "a.ipynb") == text


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("%matplotlib inline\nx", "pass\nx"),
        ("if x:\n    !ls *.py\ny", "if x:\n    pass\ny"),
        ("!pip install a \\\n  b \\\n  c\nx", "pass\n\n\nx"),
        ("?print\nprint?\nx.y??  # why", "pass\npass\npass"),
        ("files = !ls\na, b = %timeit -o f()", "files = get_ipython()\na, b = get_ipython()"),
        ("%time loss.backward()", "0;    loss.backward()"),
        ("%time for x in y: f()", "for x in y: f()"),
        ("%%time\nloss.backward()", "\nloss.backward()"),
        ("\n%%capture out\nx", "\n\nx"),
        ("%%bash\nloss.backward()\nls", "\n\n"),
        ("%%writefile a.py\nloss.backward()", "\n"),
        # All of this is Python.
        ("x = (a\n% b)", None),
        ("x = a \\\n% b", None),
        ('x = """\n%time\n!ls\n"""\ny', None),
        ("x = '''it''' \"'\"  # '''\ny != 3", None),
        ("x = ['(', \"[\"]\ny", None),
        ("a %= b\nc = a % b\nd = a != b\ne[0] %= 2", None),
        ("x = 'a\\\n%b'", None),
    ],
)
def test_what_only_ipython_understands(cell: str, plain: str | None) -> None:
    result = "\n".join(plain_python(cell.split("\n")))
    assert result == (cell if plain is None else plain)
    assert result.count("\n") == cell.count("\n")
    libcst.parse_module(result)


def test_a_command_with_brackets_and_quotes_hides_nothing() -> None:
    assert plain_python(["!echo (it's", "%cd ["]) == ["pass", "pass"]


@given(st.text(alphabet="%!?ab =()'\"\\\n#", max_size=60))
def test_the_number_of_lines_never_changes(cell: str) -> None:
    lines = cell.split("\n")
    assert len(plain_python(lines)) == len(lines)
