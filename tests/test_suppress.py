"""Comments that silence findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard import catalogue, suppress
from gradguard.static.check import check_paths, check_source

CODE, NAME = "GG101", "missing-zero-grad"
KNOWN = catalogue.all_rules()
JUDGED = catalogue.select(["ALL"])


def hides(text: str, line: int, end_line: int | None = None, code: str = CODE, name: str = NAME) -> bool:
    return suppress.find(text).hides(code, name, line, end_line)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#NOQA",
        "# noqa: GG101",
        "# noqa:gg101",
        "# noqa : GG101",
        "# noqa: E501, GG101",
        "# noqa: E501 GG101",
        "# noqa: GG1",
        "# noqa: GG",
        "# noqa: missing-zero-grad",
        "# noqa: GG101 because the sum is meant",
        "# type: ignore  # noqa: GG101",
        "# noqa: E501  # noqa: GG101",
        "# gradguard: ignore",
        "# gradguard: ignore[missing-zero-grad]",
        "# gradguard:ignore[ GG101 , GG2]",
        "# gradguard: ignore[GG101] the sum is meant",
        "# GradGuard: Ignore[ALL]".replace("ALL", "gg1"),
    ],
)
def test_a_comment_that_hides(comment: str) -> None:
    assert hides(f"x = 1\nloss.backward()  {comment}\n", 2)
    assert not hides(f"x = 1\nloss.backward()  {comment}\n", 1)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: E501",
        "# noqa: GG102",
        "# noqa: G101",
        "# noqa: GG1011",
        "# noqa: zero-grad-before-step",
        "# nonoqa",
        "# gradguard: ignore[]",
        "# gradguard: ignore[GG2, backward-twice]",
        "# gradguard: ignored",
        "# gradguard: ignore-everything",
        "# gradguard",
        "# gradguard: ignore-next-line",
        "'# noqa'",
        "'# gradguard: ignore'",
    ],
)
def test_a_comment_that_does_not_hide(comment: str) -> None:
    separator = "; y = " if comment.startswith("'") else "  "
    assert not hides(f"loss.backward(){separator}{comment}\nx = 1\n", 1)


MULTI = """\
loss.backward(
    retain_graph=True,  {0}
    create_graph=(
        False
    ),
)  {1}
step()
"""


def test_statements_of_several_lines() -> None:
    inside, last = MULTI.format("# noqa: GG101", ""), MULTI.format("", "# noqa: GG101")
    assert hides(inside, 1, 6)
    assert hides(inside, 2)
    assert not hides(inside, 1)
    assert not hides(inside, 4)
    assert all(hides(last, line) for line in range(1, 7))
    assert not hides(last, 7)
    first = "total = (  # noqa\n    loss\n    + other.backward()\n)\nx = 1\n"
    assert hides(first, 3)
    assert not hides(first, 5)


def test_the_head_of_a_block_is_not_the_block() -> None:
    text = "class Function(Base):\n    def forward(ctx):  # noqa: GG101\n        return 1\n"
    assert not hides(text, 1, 3)
    assert hides(text, 2, 3)
    assert not hides(text, 3)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("# gradguard: ignore-next-line[GG101]\na()\nb()\n", {2}),
        ("# gradguard: ignore-next-line\n\n# more\na(\n    1,\n)\nb()\n", {4, 5, 6}),
        ("# gradguard: ignore-next-line[GG2]\n# gradguard: ignore-next-line[GG1]\na()\nb()\n", {3}),
        ("a()  # gradguard: ignore-next-line\nb()\nc()\n", {2}),
        ("# gradguard: ignore[GG101]\na()\nb()\n", {1, 2}),
        ("a(\n    # gradguard: ignore\n    b(),\n    c(),\n)\n", {2, 3}),
        ("a(\n    # gradguard: ignore-next-line\n    b(),\n    c(),\n)\n", {3}),
        ("a()\nb()\n# gradguard: ignore-file[GG101]\n", {1, 2, 3}),
        ("a()  # gradguard: ignore-file\nb()\n", {1, 2}),
        ("# noqa: GG101\na()\n", {1}),
        ("a()\n# gradguard: ignore-next-line\n", {2}),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_a_comment_covers(text: str, hidden: set[int], newline: str) -> None:
    lines = range(1, text.count("\n") + 1)
    changed = text.replace("\n", newline)
    assert {line for line in lines if hides(changed, line)} == hidden


def test_unused() -> None:
    found = suppress.find(
        "a()  # noqa: GG101, GG102, E501\nb()  # gradguard: ignore[typo]\nc()  # noqa\nd()  # noqa: GG998\n"
    )
    assert found.hides(CODE, NAME, 1)
    assert [(unused.suppression.line, unused.tokens, unused.unknown) for unused in found.unused(JUDGED, KNOWN)] == [
        (1, ("GG102",), ()),
        (2, ("typo",), ("typo",)),
        (4, ("GG998",), ("GG998",)),
    ]


def test_what_was_not_checked_is_not_judged() -> None:
    found = suppress.find("a()  # noqa: GG101\nb()  # gradguard: ignore\nc()  # noqa: GG1\n")
    assert list(found.unused(catalogue.select(["GG201", "GG901"]), KNOWN)) == []
    assert [entry.suppression.line for entry in found.unused(JUDGED, KNOWN)] == [1, 2, 3]


@given(st.text(alphabet="ab#:[](),'\"\\ \n\t\r") | st.text())
def test_no_text_is_too_strange(text: str) -> None:
    found = suppress.find(text + "  # noqa: GG101\n" + text + "# gradguard: ignore[x]")
    found.hides(CODE, NAME, 1, 3)
    lines = suppress._NEWLINE.sub("\n", text + "  # noqa: GG101\n" + text + "# gradguard: ignore[x]").split("\n")
    for entry in found.entries:
        assert lines[entry.line - 1][entry.column - 1] == "#"
        assert entry.line <= len(lines)
        assert entry.first <= entry.last


BAD = """\
import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    model(torch.ones(4, 2)).pow(2).mean().backward(){}
    optimizer.step()
"""


def found(text: str, *select: str) -> list[tuple[str, int]]:
    rules = catalogue.select(select) if select else None
    return [(finding.code, finding.location.line) for finding in check_source(text, rules=rules).findings]


def test_a_check_obeys() -> None:
    assert found(BAD.format("")) == [("GG101", 6)]
    assert found(BAD.format("  # noqa: GG101")) == []
    assert found(BAD.format("  # noqa: GG102")) == [("GG101", 6)]
    assert found("# gradguard: ignore-file[missing-zero-grad]\n" + BAD.format("")) == []


def test_a_check_judges() -> None:
    assert found(BAD.format("  # noqa: GG101, GG102"), "ALL") == [("GG901", 6)]
    assert found(BAD.format("  # noqa: GG101"), "GG901") == []
    assert found(BAD.format("  # noqa: GG102"), "GG901") == [("GG901", 6)]
    assert found(BAD.format("  # noqa: GG102")) == [("GG101", 6)]
    assert found("x = 1  # gradguard: ignore[GG101]\n", "ALL") == [("GG901", 1)]
    assert found("x = 1  # gradguard: ignore[GG101]  # noqa: GG901\n", "ALL") == []


def test_a_file_without_triggers_is_judged_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1  # gradguard: ignore[mising-zero-grad]\n")
    (finding,) = check_paths([str(tmp_path)], JUDGED).findings
    assert finding.message.endswith("names no rule; did you mean `missing-zero-grad`?")
    assert finding.fix is not None
    assert finding.fix.safe
    assert check_paths([str(tmp_path)]).findings == ()


def test_a_comment_in_the_file_where_the_finding_lies(tmp_path: Path) -> None:
    """The loop is in one file, the guilty backward in another; the other file's comment counts, and is of use."""
    (tmp_path / "helper.py").write_text("def learn(loss):\n    loss.backward()  # noqa: GG101\n")
    (tmp_path / "train.py").write_text(
        BAD.format("")
        .replace("import torch", "import torch\nfrom helper import learn")
        .replace("model(torch.ones(4, 2)).pow(2).mean().backward()", "learn(model(torch.ones(4, 2)).pow(2).mean())")
    )
    assert check_paths([str(tmp_path)], JUDGED).findings == ()
    (tmp_path / "helper.py").write_text("def learn(loss):\n    loss.backward()\n")
    (finding,) = check_paths([str(tmp_path)], JUDGED).findings
    assert finding.location.path.endswith("helper.py")


def test_a_notebook() -> None:
    import json

    cells = [
        {"cell_type": "markdown", "source": "#"},
        {"cell_type": "code", "source": "import torch\n"},
        {"cell_type": "code", "source": BAD.format("  # noqa: GG101")},
    ]
    assert check_source(json.dumps({"cells": cells}), "a.ipynb").findings == ()
    cells[2]["source"] = BAD.format("  # noqa: GG102")
    places = [
        (finding.code, finding.location.cell, finding.location.line)
        for finding in check_source(json.dumps({"cells": cells}), "a.ipynb", JUDGED).findings
    ]
    assert places == [("GG101", 3, 6), ("GG901", 3, 6)]


def test_an_alias_silences_the_rule_and_a_part_of_it_does_not() -> None:
    from gradguard.catalogue import find as find_rule

    rule = find_rule("zero-grad-before-step")
    for token, silent in (("zero-grad-every-microbatch", True), ("zero-grad-every", False)):
        found = suppress.find(f"x()  # gradguard: ignore[{token}]\n")
        assert found.hides(rule.code, rule.name, 1, aliases=rule.aliases) is silent
        assert [unused.unknown for unused in found.unused([rule], [rule])] == ([] if silent else [(token,)])
