"""A parsed file as repairs see it: which statement a node belongs to, and edits of whole lines."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.finding import Edit, Fix
from gradguard.rule import Report
from gradguard.static.project import SourceFile

if TYPE_CHECKING:
    from libcst.metadata import CodePosition, CodeRange

__all__ = ["Code"]


@dataclass
class Code:
    """One file with its positions. Sites of other files have no node here."""

    file: SourceFile
    positions: Mapping[cst.CSTNode, CodeRange]
    _parents: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict, repr=False)
    _lines: list[str] = field(default_factory=list, repr=False)

    @property
    def lines(self) -> list[str]:
        if not self._lines:
            self._lines = self.file.source.lines()
        return self._lines

    def node(self, site: Hashable) -> cst.CSTNode | None:
        node = site[1] if isinstance(site, tuple) else None
        return node if isinstance(node, cst.CSTNode) and node in self.positions else None

    def text(self, node: cst.CSTNode) -> str:
        return self.file.module.code_for_node(node)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        if not self._parents:
            queue: list[cst.CSTNode] = [self.file.module]
            for above in queue:
                for below in above.children:
                    self._parents[below] = above
                    queue.append(below)
        return self._parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes in which this one lies, the nearest first."""
        found = self.parent(node)
        while found is not None:
            yield found
            found = self.parent(found)

    def statement(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """The line of simple statements in which a node lies, if that has lines for itself."""
        return next((above for above in (node, *self.above(node)) if isinstance(above, cst.SimpleStatementLine)), None)

    def statement_at(self, site: Hashable) -> cst.SimpleStatementLine | None:
        """The line of simple statements at a site of this file."""
        node = self.node(site)
        return None if node is None else self.statement(node)

    def noted(self, report: Report, number: int) -> list[Hashable]:
        """The sites of a report's first notes, None for those that are missing."""
        sites = [site for site, _ in report.notes[:number]]
        return [*sites, *([None] * (number - len(sites)))]

    def siblings(self, statement: cst.CSTNode) -> Sequence[cst.CSTNode]:
        """The statements of the block in which a statement stands."""
        parent = self.parent(statement)
        return parent.body if isinstance(parent, (cst.IndentedBlock, cst.Module)) else ()

    def loops(self, node: cst.CSTNode) -> Iterator[cst.For | cst.While]:
        """The loops around a node in its own function, the innermost first."""
        for above in self.above(node):
            if isinstance(above, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
                return
            if isinstance(above, (cst.For, cst.While)):
                yield above

    def name_of(self, dotted: str) -> str | None:
        """What the file calls a module: `th` for `torch` after `import torch as th`."""
        parent, _, last = dotted.rpartition(".")
        for line in self._imports():
            for found in line.body:
                if isinstance(found, cst.Import):
                    for alias in found.names:
                        name = self.text(alias.name)
                        if name == dotted and alias.asname is not None:
                            return self.text(alias.asname.name)
                        if name == dotted or (alias.asname is None and name.startswith(f"{dotted}.")):
                            return dotted
                elif isinstance(found, cst.ImportFrom) and parent and not isinstance(found.names, cst.ImportStar):
                    if found.module is not None and self.text(found.module) == parent and not found.relative:
                        for alias in found.names:
                            if self.text(alias.name) == last:
                                return last if alias.asname is None else self.text(alias.asname.name)
        above = self.name_of(parent) if parent else None
        return None if above is None else f"{above}.{last}"

    def _imports(self) -> list[cst.SimpleStatementLine]:
        """The import statements at the top level of the file."""
        return [
            line
            for line in self.file.module.body
            if isinstance(line, cst.SimpleStatementLine)
            and any(isinstance(found, (cst.Import, cst.ImportFrom)) for found in line.body)
        ]

    # --- edits -------------------------------------------------------------------------------------------------------

    def append(self, node: cst.CSTNode, text: str) -> Edit:
        """Write text right behind a node."""
        end = self.positions[node].end
        return Edit(self.file.source.location(end.line, end.column + 1, end.line, end.column + 1), text)

    def around(self, node: cst.CSTNode, before: str, after: str) -> list[Edit]:
        """Write text right before and right behind an expression, outside of its parentheses."""
        span = self.positions[node]
        start, end = span.start, span.end
        for left in getattr(node, "lpar", ())[:1]:
            start = self.positions[left].start
        for right in getattr(node, "rpar", ())[-1:]:
            end = self.positions[right].end
        return [self.cut(start, start, before), self.cut(end, end, after)]

    def replace(self, node: cst.CSTNode, text: str) -> Edit:
        """Write text in place of a node."""
        span = self.positions[node]
        place = self.file.source.location(span.start.line, span.start.column + 1, span.end.line, span.end.column + 1)
        return Edit(place, text)

    def cut(self, start: CodePosition, end: CodePosition, text: str = "") -> Edit:
        """Write text in place of what lies between two positions."""
        place = self.file.source.location(start.line, start.column + 1, end.line, end.column + 1)
        return Edit(place, text)

    def between(self, start: CodePosition, end: CodePosition) -> str:
        """The text between two positions."""
        lines = self.lines[start.line - 1 : end.line]
        lines[-1] = lines[-1][: end.column]
        lines[0] = lines[0][start.column :]
        return "\n".join(lines)

    def behind(self, inner: cst.CSTNode, outer: cst.CSTNode, text: str = "") -> list[Edit]:
        """Write text in place of what follows the inner node in the outer one."""
        start = self.positions[inner].end
        for parenthesis in getattr(inner, "rpar", ()):
            start = self.positions[parenthesis].end if parenthesis in self.positions else start
        return [self.cut(start, self.positions[outer].end, text)]

    def before_dot(self, attribute: cst.Attribute, text: str) -> Edit | None:
        """Write text between the two sides of an attribute, before the dot."""
        start = self.positions[attribute.attr].start
        column = self.lines[start.line - 1].rfind(".", 0, start.column)
        if column < 0 or self.lines[start.line - 1][column + 1 : start.column].strip():
            return None
        return Edit(self.file.source.location(start.line, column + 1, start.line, column + 1), text)

    def insert_before(self, statement: cst.CSTNode, code: str) -> Edit:
        """A line of code above a statement, and above the comments that belong to it."""
        first = self.positions[statement].start.line
        indent = self.indent(statement)
        while first > 1 and self.lines[first - 2].startswith(indent + "#") and self._in_cell(first - 1, first):
            first -= 1
        return self._insert(first, indent + code)

    def insert_after(self, statement: cst.CSTNode, code: str) -> Edit:
        """A line of code below a statement."""
        last = self.positions[statement].end.line
        return self._insert(last + 1, self.indent(statement) + code, belongs_to=last)

    def lines_of(self, statement: cst.SimpleStatementLine) -> str:
        """The text of a statement's lines, with the comment behind it, without indent and end."""
        span = self.positions[statement]
        return "\n".join(self.lines[span.start.line - 1 : span.end.line]).strip()

    def insert_lines(self, statement: cst.CSTNode, lines: Sequence[str], *, below: bool = False) -> Edit:
        """Lines of code right above or below a statement, indented as it is."""
        span = self.positions[statement]
        text = "\n".join(self.indent(statement) + line for line in lines)
        if below:
            return self._insert(span.end.line + 1, text, belongs_to=span.end.line)
        return self._insert(span.start.line, text)

    def delete(self, statement: cst.SimpleStatementLine) -> Edit:
        """Take a statement's lines out."""
        span = self.positions[statement]
        first = self._place(span.start.line, span.start.line)
        last = self._place(span.end.line + 1, span.end.line)
        return Edit(self.file.source.place_at(first, last), "")

    def move(
        self,
        statement: cst.SimpleStatementLine,
        title: str,
        *,
        above: cst.CSTNode | None = None,
        below: cst.CSTNode | None = None,
    ) -> Iterator[Fix]:
        """Take a statement out of its block and put it above or below another one, if that can be done by lines."""
        text = self.lines_of(statement)
        if len(statement.body) > 1 or len(self.siblings(statement)) < 2:
            return
        if "\n" in text and {self.indent(statement)} != {self.indent(place) for place in (above, below) if place}:
            return
        if above is not None and above is not statement:
            yield Fix(title, (self.insert_before(above, text), self.delete(statement)), safe=False)
        if below is not None and below is not statement:
            yield Fix(title, (self.delete(statement), self.insert_after(below, text)), safe=False)

    def indent(self, statement: cst.CSTNode) -> str:
        line = self.lines[self.positions[statement].start.line - 1]
        return line[: len(line) - len(line.lstrip())]

    def _insert(self, line: int, text: str, belongs_to: int | None = None) -> Edit:
        place = self._place(line, belongs_to or line)
        return Edit(self.file.source.place_at(place, place), text + "\n")

    def _place(self, line: int, belongs_to: int) -> tuple[int | None, int]:
        """A line in the cell to which another line belongs: it may be the one behind that cell's last."""
        cell, inside = self.file.source.place(belongs_to)
        return cell, inside + line - belongs_to

    def _in_cell(self, line: int, other: int) -> bool:
        return self.file.source.place(line)[0] == self.file.source.place(other)[0]
