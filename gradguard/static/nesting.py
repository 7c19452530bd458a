"""How deeply the expressions of a text are nested, from a scan that costs a small part of a parse.

libcst's parser is recursive and unbounded: 1,500 nested parentheses or an attribute chain of some thousand names end
the process with a stack overflow that no handler sees. The time it takes grows with the square of the nesting, and
with a power of two in the patterns of a `case`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Nesting", "nesting"]

# The limit of CPython's own tokenizer. No hand-written code comes near any of these.
MAX_BRACKETS = 200
MAX_PATTERN_BRACKETS = 16
MAX_OPERATORS = 1500
MAX_BRANCHES = 20_000

_TOKEN = re.compile(
    r"""
      \#[^\n]*
    | [fFtTrRbBuU]{0,2}(?:
          \"\"\"[^\\"]*(?:(?:\\.|\"(?!\"\"))[^\\"]*)*\"\"\"
        | '''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''
        | "[^"\\\n]*(?:\\.[^"\\\n]*)*" | '[^'\\\n]*(?:\\.[^'\\\n]*)*' )
    | [(\[{)\]},;\n] | \\\r?\n
    | \.(?![\d.]) | [-+*/%@&|^~<>=]+
    | ^[ \t]*case\b(?![ \t]*[=.,:)])
    | \b(?:and|await|else|for|if|in|is|lambda|not|or)\b
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_BRANCH = re.compile(r"^[ \t]*elif\b", re.MULTILINE)
_FORMATTED = re.compile(r"[rR]?[fFtT][rR]?[\"']+")
_OPEN, _CLOSE, _SEPARATORS, _NOTHING, _CASE = map(frozenset, ("([{", ")]}", ",;", "#\\", " \tc"))
_SIGNS = frozenset("-+~*")  # `- - - 1` nests as often as it has signs


@dataclass(frozen=True, slots=True)
class Nesting:
    """The deepest brackets, the longest chain of operators, and the number of `elif`, each of which libcst nests.

    `excess` says what is beyond the bounds, from `line` on. It is empty if nothing is.
    """

    brackets: int
    operators: int
    branches: int
    excess: str = ""
    line: int = 0


def nesting(text: str) -> Nesting:
    """Measure the nesting of a text, up to where it passes a bound."""
    deepest = longest = chain = outer = 0
    limit = MAX_BRACKETS
    chains: list[int] = []  # those that the open brackets interrupt
    for match in _TOKEN.finditer(text):
        found = match[0]
        kind = found[0]
        if kind == "\n":
            if not chains:
                chain, limit = 0, MAX_BRACKETS
            continue
        if kind in _SEPARATORS:
            chain = 0
        elif kind in _OPEN:
            chains.append(chain)
            outer += chain
            chain = 0
        elif kind in _CLOSE:
            if chains:
                chain = chains.pop()
                outer -= chain
                chain += 1
        elif kind in _CASE:
            limit = limit if chains else MAX_PATTERN_BRACKETS
        elif kind not in _NOTHING:
            chain += len(found) if kind in _SIGNS else 1
        depth = len(chains) + (_inner_brackets(found) if len(found) > MAX_BRACKETS else 0)
        deepest = max(deepest, depth)
        longest = max(longest, chain + outer)
        if depth > limit or longest > MAX_OPERATORS:
            excess = f"more than {limit} brackets" if depth > limit else f"more than {MAX_OPERATORS} operators"
            return Nesting(deepest, longest, 0, excess, text.count("\n", 0, match.start()) + 1)
    branches = len(_BRANCH.findall(text))
    excess = f"more than {MAX_BRANCHES} branches" if branches > MAX_BRANCHES else ""
    return Nesting(deepest, longest, branches, excess)


def _inner_brackets(found: str) -> int:
    """The nesting inside a formatted string, which holds expressions of its own."""
    prefix = _FORMATTED.match(found)
    return nesting(found[prefix.end() :].rstrip("\"'")).brackets if prefix else 0
