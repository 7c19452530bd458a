from __future__ import annotations

import re

import pytest

from gradguard import catalogue
from gradguard.catalogue import UnknownRuleError, find, select
from gradguard.rule import Rule


def make_rule(code: str, name: str, *, default: bool = True) -> Rule:
    return Rule(code, name, "summary", "why", "instead", "bad", "good", {}, default=default)


RULES = (
    make_rule("GG101", "missing-zero-grad"),
    make_rule("GG102", "zero-grad-before-step"),
    make_rule("GG201", "backward-twice"),
    make_rule("GG901", "suspicious-thing", default=False),
)


def codes(selected: list[str], ignored: list[str] | None = None) -> list[str]:
    return [rule.code for rule in select(selected, ignored or [], RULES)]


@pytest.mark.parametrize(
    ("selected", "ignored", "expected"),
    [
        ([], [], ["GG101", "GG102", "GG201"]),
        (["ALL"], [], ["GG101", "GG102", "GG201", "GG901"]),
        (["all"], ["GG9"], ["GG101", "GG102", "GG201"]),
        (["GG"], [], ["GG101", "GG102", "GG201", "GG901"]),
        (["GG1"], [], ["GG101", "GG102"]),
        (["gg201"], [], ["GG201"]),
        (["missing-zero-grad"], [], ["GG101"]),
        (["GG101,backward-twice"], [], ["GG101", "GG201"]),
        (["GG101, ", "GG2"], [], ["GG101", "GG201"]),
        (["suspicious-thing"], [], ["GG901"]),
        ([], ["GG1"], ["GG201"]),
        ([], ["ALL"], []),
        ([], ["missing-zero-grad", "GG2"], ["GG102"]),
        (["GG1"], ["GG101"], ["GG102"]),
        (["GG101"], ["GG1"], ["GG101"]),
        (["GG101"], ["ALL"], ["GG101"]),
        (["missing-zero-grad"], ["GG"], ["GG101"]),
        (["GG1"], ["GG1"], []),
        (["GG101"], ["missing-zero-grad"], []),
    ],
)
def test_the_longer_token_wins(selected: list[str], ignored: list[str], expected: list[str]) -> None:
    assert codes(selected, ignored) == expected


@pytest.mark.parametrize(
    ("token", "hint"),
    [
        ("missing-zero-gard", "did you mean missing-zero-grad?"),
        ("GG111", "did you mean GG101?"),
        ("E501", "`gradguard rules` lists them"),
    ],
)
def test_an_unknown_token_is_an_error_with_the_nearest_name(token: str, hint: str) -> None:
    with pytest.raises(UnknownRuleError, match=re.escape(hint)):
        select([token], [], RULES)
    with pytest.raises(UnknownRuleError, match=re.escape(hint)):
        select([], [token], RULES)
    with pytest.raises(UnknownRuleError, match=re.escape(hint)):
        find(token, RULES)


def test_a_prefix_of_a_code_is_no_rule_to_explain() -> None:
    assert find("gg201", RULES).name == "backward-twice"
    assert find("Backward-Twice", RULES).code == "GG201"
    with pytest.raises(UnknownRuleError):
        find("GG2", RULES)


def test_the_rules_of_the_package() -> None:
    rules = catalogue.all_rules()
    assert [rule.code for rule in rules] == sorted({rule.code for rule in rules})
    assert len({rule.name for rule in rules}) == len(rules)
    assert "missing-zero-grad" in {rule.name for rule in rules}
    for rule in rules:
        assert re.fullmatch(r"GG\d{3}", rule.code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert type(rule).__module__ == "gradguard.rule"


def test_a_rule_answers_to_its_aliases() -> None:
    rule = find("zero-grad-before-step")
    assert "zero-grad-every-microbatch" in rule.aliases
    assert find("Zero-Grad-Every-Microbatch") is rule
    assert catalogue.select(["zero-grad-every-microbatch"]) == (rule,)
    assert rule not in catalogue.select([], ["zero-grad-every-microbatch"])
    with pytest.raises(UnknownRuleError, match="did you mean zero-grad-every-microbatch"):
        find("zero-grad-every-micro-batch")


def test_no_two_rules_share_a_name() -> None:
    names = [name for rule in catalogue.all_rules() for name in rule.names]
    assert len(set(names)) == len(names)
