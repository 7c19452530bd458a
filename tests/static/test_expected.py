"""Tests of users' that ask for an error."""

from __future__ import annotations

import textwrap

import pytest

import gradguard
from gradguard import catalogue

TWICE = """
import pytest, torch, unittest


class TestIt(unittest.TestCase):
    def test_a_second_backward(self, gradguard=None):
        loss = (torch.ones(3, requires_grad=True) ** 2).sum()
        loss.backward()
        {with_}
            loss.backward()


TestIt().test_a_second_backward()
"""


@pytest.mark.parametrize(
    "with_",
    [
        "with pytest.raises(RuntimeError):",
        'with pytest.raises(RuntimeError, match="second time") as caught:',
        'with pytest.raises(RuntimeError), gradguard.expect("backward-twice"):',
        "with self.assertRaises(RuntimeError):",
    ],
)
def test_an_error_that_is_asked_for_is_no_finding(with_):
    assert not gradguard.check_source(TWICE.format(with_=with_)).findings


@pytest.mark.parametrize("with_", ["if True:", "with torch.enable_grad():", 'with open("raises") as file:'])
def test_others_are(with_):
    assert [finding.code for finding in gradguard.check_source(TWICE.format(with_=with_)).findings] == ["GG201"]


def test_what_stays_silent_in_torch_is_found_there_as_well():
    lines = textwrap.dedent(catalogue.find("missing-zero-grad").bad).strip().splitlines()
    body = "import pytest\n" + "\n".join(lines[:3]) + "\nwith pytest.raises(ValueError):\n"
    source = body + "\n".join(f"    {line}" for line in lines[3:]) + "\n"
    assert [finding.code for finding in gradguard.check_source(source).findings] == ["GG101"]
