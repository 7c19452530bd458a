"""Cut the graph where a state is carried from one turn of a loop to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_MOST = 6


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`state = state.detach()` at the end of a turn, for what the next turn reads before it writes it."""
    backward = code.node(report.site)
    if backward is None:
        return
    for loop in code.loops(backward):
        if not isinstance(loop.body, cst.IndentedBlock) or not loop.body.body:
            continue
        last = loop.body.body[-1]
        if not isinstance(last, cst.SimpleStatementLine):
            continue
        for names, cut in _cuts(loop.body, code):
            title = f"cut the graph of {' and '.join(f'`{name}`' for name in names)} after each turn"
            yield Fix(title, (code.insert_after(last, cut),), safe=False)


def _cuts(block: cst.IndentedBlock, code: Code) -> list[tuple[list[str], str]]:
    """For each assignment in a loop: what it carries over, and how to cut that."""
    text = code.text(block)
    cuts: list[tuple[list[str], str]] = []
    for match in re.finditer(r"^[ \t]*([\w.,() \t]+?)[ \t]*[-+*/]?=(?!=)", text, re.MULTILINE):
        targets = [name.strip(" \t()") for name in match[1].split(",")]
        names = [name for name in dict.fromkeys(targets) if name and _is_carried(name, text)]
        if not names:
            continue
        forms = [f"{', '.join(names)} = {', '.join(_detached(name, text) for name in names)}"]
        if len(names) == 1:
            forms.append(f"{names[0]} = tuple(part.detach() for part in {names[0]})")
        if "LSTM" in code.file.source.text:
            forms.reverse()  # its state is a pair
        cuts += [(names, form) for form in forms]
    return list({cut: (names, cut) for names, cut in cuts}.values())[:_MOST]


def _detached(name: str, text: str) -> str:
    """The value without its graph; a leaf anew where its gradient is read in the loop."""
    read = re.search(rf"(?<![\w.]){re.escape(name)}\.grad\b", text)
    return f"{name}.detach().requires_grad_()" if read else f"{name}.detach()"


def _is_carried(name: str, text: str) -> bool:
    """Whether a turn reads a name before it has written it; on the right of its first assignment counts."""
    if not re.fullmatch(r"[^\W\d]\w*(?:\.\w+)*", name):
        return False
    word = rf"(?<![\w.]){re.escape(name)}(?!\w)"
    write = re.search(
        rf"^[ \t]*(?:[\w.,() \t]*,[ \t]*|\()?{word}[\w.,() \t]*?(?P<augmented>[-+*/])?=(?!=)", text, re.MULTILINE
    )
    if write is None:
        return False
    line_end = text.find("\n", write.end())
    reads = re.search(word, text[: write.start()]) or re.search(word, text[write.end() : line_end])
    return bool(write["augmented"] or reads)
