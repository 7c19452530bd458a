"""Suppression comments count at run time, and only for what they name."""

from __future__ import annotations

import pytest

LOOP = """
w = torch.ones(2, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    w.pow(2).sum().backward(){comment}
    opt.step()
"""


@pytest.mark.parametrize(
    "comment",
    [
        "  # noqa",
        "  # noqa: GG101",
        "  # gradguard: ignore[missing-zero-grad] dual averaging never clears",
        "  # gradguard: ignore[GG1]",
        "\n# gradguard: ignore-file[GG101]",
    ],
)
def test_a_comment_silences(watched, comment):
    assert watched(LOOP.format(comment=comment)) == set()


@pytest.mark.parametrize("comment", ["", "  # noqa: E501", "  # gradguard: ignore[backward-twice]", "  # ignore GG101"])
def test_other_comments_do_not(watched, comment):
    assert watched(LOOP.format(comment=comment)) == {"missing-zero-grad"}


def test_a_comment_on_another_line_does_not(watched):
    assert watched(LOOP.format(comment="").replace("opt.step()", "opt.step()  # noqa: GG101")) == {"missing-zero-grad"}


def test_an_exception_gets_no_note_where_a_comment_silences(watched):
    source = "w = torch.ones(2, requires_grad=True)\nw.exp().backward(){comment}\n"
    assert watched(source.format(comment="")) == {"non-scalar-backward"}
    assert "gradguard:" in watched.errors.getvalue()
    assert watched(source.format(comment="  # noqa: GG202")) == set()
    assert "gradguard: GG" not in watched.errors.getvalue()
    assert watched.status == 1, "torch's own exception stays"
