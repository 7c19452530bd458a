"""README is current: its table of rules is made from the catalogue, and its table of options names all of them.

Run as a program, this file writes the table of rules anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from gradguard import catalogue
from gradguard.cli import _parser
from gradguard.static.fixes import builder

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- rules: written by tests/test_readme.py -->\n", "<!-- end of rules -->\n"


def table() -> str:
    rows = ["| code | name | what it finds | PyTorch | repair |", "|---|---|---|---|---|"]
    for rule in catalogue.all_rules():
        off = "" if rule.default else " (off by default)"
        repair = "yes" if builder(rule.name) or rule.name == "unused-suppression" else ""
        where = "" if rule.in_source else " (at run time only)"
        where += "" if rule.in_run else " (in source only)"
        says = "raises" if rule.raises else "" if rule.code.startswith("GG9") else "silent"
        row = f"| {rule.code} | `{rule.name}` | {rule.summary}{off}{where} | {says} | {repair} |"
        rows.append(row.replace(" |  |", " | |"))
    return "\n".join(rows) + "\n"


def renewed(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def test_the_table_of_rules_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text == renewed(text), "run: python tests/test_readme.py"


def test_all_options_are_named() -> None:
    text = README.read_text(encoding="utf-8")
    commands = next(action for action in _parser()._actions if action.dest == "command").choices
    assert commands is not None
    options = {option for action in commands["check"]._actions for option in action.option_strings} - {"-h", "--help"}
    named = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", text))
    assert options <= named, sorted(options - named)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
