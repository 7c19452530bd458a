"""Comments that silence findings: which there are in a source text, what they cover, and which of them are of no use.

- `# noqa`, `# noqa: GG101`: the line, or any line of the expression that is reported;
- `# gradguard: ignore[missing-zero-grad]`: the same; standing alone on a line, the statement below;
- `# gradguard: ignore-next-line[GG101]`: the statement on the next line of code;
- `# gradguard: ignore-file[GG1]`, anywhere: the whole file.

Without a list, all rules are meant. A list holds codes, beginnings of codes, and names. Text may follow.
"""

from __future__ import annotations

import bisect
import io
import re
import tokenize
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from gradguard.rule import Rule

__all__ = ["NAME", "Suppression", "Suppressions", "Unused", "find", "may_suppress"]

NAME = "unused-suppression"  # the rule that reports suppressions; a list without its name does not silence it

_WORDS = re.compile(r"noqa|gradguard\s*:", re.IGNORECASE)
_OWN_WORDS = re.compile(rb"gradguard\s*:|noqa\s*:[^\n]*GG", re.IGNORECASE)
_ITEM = r"(?:[A-Z]+[0-9]+|GG|[a-z]+(?:-[a-z]+)+)\b"
_NOQA = rf"noqa\b(?:\s*:\s*(?P<codes>{_ITEM}(?:[,\s]+{_ITEM})*))?"
_OWN = r"gradguard\s*:\s*(?P<kind>ignore(?:-next-line|-file)?)\b(?![-\w])(?:\s*\[(?P<list>[^\]]*)\])?"
_DIRECTIVE = re.compile(rf"#\s*(?:{_NOQA}|{_OWN})", re.IGNORECASE)
_TOKEN = re.compile(r"[^\s,]+")
_CODE = re.compile(r"GG\d{0,3}", re.IGNORECASE)
_NEWLINE = re.compile(r"\r\n?")
_LAYOUT = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


@dataclass(frozen=True, slots=True)
class Suppression:
    """One directive. Its own place is `line` and the columns (from 1, the end exclusive); it covers `first` to `last`.

    `tokens` is empty where all rules are meant. `kind` is `noqa`, `ignore`, `ignore-next-line` or `ignore-file`.
    """

    kind: str
    line: int
    column: int
    end_column: int
    tokens: tuple[str, ...]
    first: int
    last: int

    def covers(self, line: int, end_line: int) -> bool:
        return self.kind == "ignore-file" or (self.first <= end_line and line <= self.last)

    def matches(self, code: str, names: Sequence[str]) -> str | None:
        """The token that names the rule, the empty one if all rules are meant, else None."""
        if not self.tokens:
            return None if NAME in names else ""
        return next((token for token in self.tokens if _matches(token, code, names)), None)


@dataclass(frozen=True, slots=True)
class Unused:
    """A directive that hides nothing, or of whose list these tokens hide nothing. `unknown` of them name no rule."""

    suppression: Suppression
    tokens: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return len(self.tokens) == len(self.suppression.tokens)


@dataclass(slots=True)
class Suppressions:
    """The directives of one source text. It remembers which of them were of use."""

    entries: tuple[Suppression, ...] = ()
    _statements: tuple[tuple[int, int], ...] = ()
    _used: set[tuple[Suppression, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def hides(self, code: str, name: str, line: int, end_line: int | None = None, aliases: Sequence[str] = ()) -> bool:
        """Whether a finding of this rule on these lines (counted from 1 in the text) is silenced."""
        names = (name, *aliases)
        if not self.entries:
            return False
        last = self._clip(line, line if end_line is None else end_line)
        hidden = False
        for entry in self.entries:
            if entry.covers(line, last) and (token := entry.matches(code, names)) is not None:
                self._used.add((entry, token))
                hidden = True
        return hidden

    def unused(self, checked: Collection[Rule], known: Sequence[Rule]) -> Iterator[Unused]:
        """The directives that have hidden nothing so far, though all rules which they name were checked.

        A bare `# noqa` and codes of other tools are other tools' affair.
        """
        names = {rule.name for rule in checked}
        for entry in self.entries:
            if not entry.tokens:
                all_checked = all(rule.name in names for rule in known if rule.default)
                if entry.kind != "noqa" and all_checked and (entry, "") not in self._used:
                    yield Unused(entry, ())
                continue
            idle, unknown = [], []
            for token in entry.tokens:
                if (entry, token) in self._used:
                    continue
                named = [rule.name for rule in known if _matches(token, rule.code, rule.names)]
                if not named and (entry.kind != "noqa" or _CODE.fullmatch(token)):
                    unknown.append(token)
                    idle.append(token)
                elif named and NAME not in named and names.issuperset(named):
                    idle.append(token)
            if idle:
                yield Unused(entry, tuple(idle), tuple(unknown))

    def statement_end(self, line: int) -> int:
        """The last line of the statement (or the head of a block) to which a line belongs."""
        return self._clip(line, 1 << 60) if self._clip(line, 1 << 60) < 1 << 60 else line

    def _clip(self, line: int, end_line: int) -> int:
        """The last line of a finding, within the statement (or the head of a block) in which it begins."""
        index = bisect.bisect_right(self._statements, (line, 1 << 60)) - 1
        if index >= 0 and self._statements[index][0] <= line <= self._statements[index][1]:
            return min(end_line, self._statements[index][1])
        return end_line


def may_suppress(data: bytes) -> bool:
    """Whether a file may hold a directive that only gradguard knows."""
    return _OWN_WORDS.search(data) is not None


def find(text: str) -> Suppressions:
    """The directives in a source text. Text that is no Python has those up to where it goes wrong."""
    if _WORDS.search(text) is None:
        return Suppressions()
    comments, statements = _read(_NEWLINE.sub("\n", text))
    entries = tuple(entry for comment in comments for entry in _directives(comment, statements))
    return Suppressions(entries, tuple(statements))


@dataclass(frozen=True, slots=True)
class _Comment:
    text: str
    line: int
    column: int
    alone: bool


def _read(text: str) -> tuple[list[_Comment], list[tuple[int, int]]]:
    """The comments with a directive, and the first and last line of each simple statement or head of a block."""
    comments: list[_Comment] = []
    statements: list[tuple[int, int]] = []
    start = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line, column = token.start
            if token.type == tokenize.COMMENT:
                if _WORDS.search(token.string):
                    comments.append(_Comment(token.string, line, column, not token.line[:column].strip()))
            elif token.type == tokenize.NEWLINE:
                statements.append((start or line, line))
                start = 0
            elif token.type not in _LAYOUT:
                start = start or line
    except (tokenize.TokenError, SyntaxError):
        pass
    return comments, statements


def _directives(comment: _Comment, statements: Sequence[tuple[int, int]]) -> Iterator[Suppression]:
    for match in _DIRECTIVE.finditer(comment.text):
        kind = (match["kind"] or "noqa").lower()
        listed = match["codes"] if kind == "noqa" else match["list"]
        tokens = tuple(dict.fromkeys(_TOKEN.findall(listed or "")))
        if not tokens and listed is not None:
            continue  # an empty list names nothing
        first, last = _covered(kind, comment, statements)
        column = comment.column + match.start() + 1
        yield Suppression(kind, comment.line, column, column + len(match[0]), tokens, first, last)


def _covered(kind: str, comment: _Comment, statements: Sequence[tuple[int, int]]) -> tuple[int, int]:
    line = comment.line
    index = bisect.bisect_right(statements, (line, 1 << 60)) - 1
    inside = index >= 0 and line <= statements[index][1]
    below = kind == "ignore-next-line" or (kind == "ignore" and comment.alone)
    if not inside or (below and not comment.alone and line == statements[index][1]):
        following = statements[index + 1] if below and index + 1 < len(statements) else (line, line)
        return following if kind == "ignore-next-line" else (line, following[1])
    if below:
        return line + (kind == "ignore-next-line"), line + 1
    first, last = statements[index]
    return (first, last) if line in (first, last) else (line, line)


def _matches(token: str, code: str, names: Sequence[str]) -> bool:
    upper = token.upper()
    return token.lower() in names or upper == code or (_CODE.fullmatch(token) is not None and code.startswith(upper))
