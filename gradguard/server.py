"""`gradguard server`: a language server. Diagnostics while one types, repairs as quick fixes, in notebooks as well.

The one module that imports pygls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from gradguard import __version__
from gradguard import edits as text_edits
from gradguard.config import ConfigError, Settings
from gradguard.finding import CheckError, Edit, Finding, Location
from gradguard.static.check import Result, check_source
from gradguard.static.ignoring import comment
from gradguard.static.source import Source, from_text, is_notebook
from gradguard.suppress import NAME as UNUSED

__all__ = ["create", "serve"]

_PAUSE = 0.25  # seconds without a change before a text is checked
_FIX_ALL = "source.fixAll.gradguard"
_FIX_NOTEBOOK = "notebook.source.fixAll.gradguard"
_NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    [lsp.NotebookDocumentFilterWithNotebook("*", [lsp.NotebookCellLanguage("python")])], save=True
)


@dataclass(frozen=True)
class _View:
    """What the client shows: one document, or those of a notebook's cells by their number."""

    path: str
    text: str
    documents: Mapping[int | None, TextDocument]

    def document(self, place: Location) -> TextDocument | None:
        return self.documents.get(place.cell) if place.path == self.path else None

    def is_current(self, other: _View) -> bool:
        return self.text == other.text and self.uris == other.uris

    @property
    def uris(self) -> list[str]:
        return [document.uri for document in self.documents.values()]

    def cell_of(self, uri: str) -> int | None:
        return next((cell for cell, document in self.documents.items() if document.uri == uri), None)


@dataclass(frozen=True)
class _Checked:
    """A view, and what was found in it."""

    view: _View
    result: Result

    @property
    def findings(self) -> list[Finding]:
        return [finding for finding in self.result.findings if self.view.document(finding.location) is not None]


class _Server(LanguageServer):
    def __init__(self) -> None:
        super().__init__(
            "gradguard",
            __version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            notebook_document_sync=_NOTEBOOKS,
        )
        self.checked: dict[str, _Checked] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        # The static half is made for one thread.
        self.worker = ThreadPoolExecutor(1)

    def view(self, uri: str) -> _View | None:
        """What is open under the URI of a document or of a notebook; None if nothing is."""
        notebook = self.workspace.get_notebook_document(notebook_uri=uri)
        if notebook is not None:
            return _notebook(notebook, [self.workspace.get_text_document(cell.document) for cell in notebook.cells])
        if uri not in self.workspace.text_documents:
            return None
        document = self.workspace.get_text_document(uri)
        return _View(document.path, document.source, {None: document})

    def owner(self, uri: str) -> str:
        """The notebook in which a document is a cell, else the document itself."""
        notebook = self.workspace.get_notebook_document(cell_uri=uri)
        return uri if notebook is None else notebook.uri

    def schedule(self, uri: str, pause: float = _PAUSE) -> None:
        """Check a document or notebook soon; a newer request takes the place of one that waits."""
        if (task := self.waiting.pop(uri, None)) is not None:
            task.cancel()
        self.waiting[uri] = asyncio.get_running_loop().create_task(self._check_soon(uri, pause))

    async def _check_soon(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        view = self.view(uri)
        if view is None:
            return
        versions = {document.uri: document.version for document in view.documents.values()}
        result = await asyncio.get_running_loop().run_in_executor(self.worker, _check, view.text, view.path)
        for error in result.errors:
            # A syntax error has been underlined by the editor already.
            if not error.line:
                message = lsp.LogMessageParams(lsp.MessageType.Warning, f"{error.path}: {error.message}")
                self.window_log_message(message)
        now = self.view(uri)
        if now is None or not now.is_current(view):
            return
        earlier = self.checked.get(uri)
        self.checked[uri] = checked = _Checked(view, result)
        for document in view.documents.values():
            diagnostics = [
                _diagnostic(finding, view)
                for finding in checked.findings
                if view.document(finding.location) is document
            ]
            self._publish(document.uri, diagnostics, versions[document.uri])
        for gone in set(earlier.view.uris if earlier else ()) - set(view.uris):
            self._publish(gone, [])

    def forget(self, uri: str, documents: Iterable[str]) -> None:
        if (task := self.waiting.pop(uri, None)) is not None:
            task.cancel()
        self.checked.pop(uri, None)
        for document in documents:
            self._publish(document, [])

    def _publish(self, uri: str, diagnostics: Sequence[lsp.Diagnostic], version: int | None = None) -> None:
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, diagnostics, version))


def _notebook(notebook: lsp.NotebookDocument, documents: Sequence[TextDocument]) -> _View:
    """A notebook as the file that it would be saved as."""
    cells = [
        {"cell_type": "code" if cell.kind == lsp.NotebookCellKind.Code else "markdown", "source": document.source}
        for cell, document in zip(notebook.cells, documents, strict=True)
    ]
    path = TextDocument(notebook.uri, "").path
    if not is_notebook(path):
        path += ".ipynb"  # one that has no name yet
    return _View(path, json.dumps({"cells": cells}), dict(enumerate(documents, start=1)))


def serve() -> None:
    """Serve one client over standard input and output."""
    create().start_io()


def create() -> LanguageServer:
    """A server that knows what to do, and does not run yet."""
    server = _Server()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: _Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: _Server, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: _Server, params: lsp.DidSaveTextDocumentParams) -> None:
        check_all(ls, params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: _Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.forget(params.text_document.uri, [params.text_document.uri])

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_opened(ls: _Server, params: lsp.DidOpenNotebookDocumentParams) -> None:
        ls.schedule(params.notebook_document.uri, 0)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_changed(ls: _Server, params: lsp.DidChangeNotebookDocumentParams) -> None:
        ls.schedule(params.notebook_document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(ls: _Server, params: lsp.DidSaveNotebookDocumentParams) -> None:
        check_all(ls, params.notebook_document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_closed(ls: _Server, params: lsp.DidCloseNotebookDocumentParams) -> None:
        ls.forget(params.notebook_document.uri, [cell.uri for cell in params.cell_text_documents])

    def check_all(ls: _Server, first: str) -> None:
        """What is saved may be imported by, or configure, any of the others."""
        for uri in dict.fromkeys(map(ls.owner, ls.workspace.text_documents)):
            ls.schedule(uri, 0 if uri == first else _PAUSE)

    kinds = lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, _FIX_ALL, _FIX_NOTEBOOK])

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def actions(ls: _Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        view, checked = ls.view(ls.owner(uri)), ls.checked.get(ls.owner(uri))
        if view is None or checked is None or not checked.view.is_current(view):
            return []
        cell = view.cell_of(uri)
        here = [finding for finding in checked.findings if finding.location.cell == cell]
        only = params.context.only
        found: list[lsp.CodeAction] = []
        if only is None or lsp.CodeActionKind.QuickFix in only:
            asked = _document_range(params.range, view.documents[cell])
            for finding in here:
                if finding.location.line - 1 <= asked.end.line and asked.start.line <= finding.location.end_line - 1:
                    found += _quick_fixes(finding, view)
        if _is_asked_for(_FIX_ALL, only):
            found += _fix_all(_FIX_ALL, here, view, {cell})
        if cell is not None and _is_asked_for(_FIX_NOTEBOOK, only):
            found += _fix_all(_FIX_NOTEBOOK, checked.findings, view, set(view.documents))
        return found

    return server


def _is_asked_for(kind: str, only: Sequence[Any] | None) -> bool:
    return only is not None and any(kind == asked or kind.startswith(f"{asked}.") for asked in map(str, only))


def _fix_all(kind: str, findings: Iterable[Finding], view: _View, cells: set[int | None]) -> Iterable[lsp.CodeAction]:
    """One action for all that is certain in these cells."""
    fixes = text_edits.compatible(
        finding.fix
        for finding in findings
        if finding.fix is not None and finding.fix.safe and {edit.location.cell for edit in finding.fix.edits} <= cells
    )
    if fixes:
        edits = [edit for fix in fixes for edit in fix.edits]
        yield lsp.CodeAction("gradguard: repair everything that is certain", kind, edit=_change(edits, view))


def _check(text: str, path: str) -> Result:
    try:
        settings = Settings()
        real = Path(path).resolve()
        if settings.config(str(real.parent)).excludes_any(str(real)):
            return Result()
        return check_source(text, path, settings=settings)
    except ConfigError as error:
        return Result(errors=(CheckError(path, str(error)),))


def _diagnostic(finding: Finding, view: _View) -> lsp.Diagnostic:
    help_text = f"\ninstead: {finding.help}" if finding.help else ""
    related = [
        lsp.DiagnosticRelatedInformation(_client_location(note.location, view), note.message) for note in finding.notes
    ]
    return lsp.Diagnostic(
        _client_location(finding.location, view).range,
        finding.message + help_text,
        severity=lsp.DiagnosticSeverity.Warning,
        code=finding.code,
        source="gradguard",
        related_information=related or None,
        tags=[lsp.DiagnosticTag.Unnecessary] if finding.rule == UNUSED else None,
        data={"rule": finding.rule},
    )


def _quick_fixes(finding: Finding, view: _View) -> list[lsp.CodeAction]:
    diagnostics = [_diagnostic(finding, view)]
    kind = lsp.CodeActionKind.QuickFix
    found = []
    if finding.fix is not None:
        title = f"gradguard: {finding.fix.title}"
        edit = _change(finding.fix.edits, view)
        found.append(lsp.CodeAction(title, kind, diagnostics, finding.fix.safe, edit=edit))
    source = from_text(view.text, view.path)
    ignoring = comment(source, finding) if finding.rule != UNUSED and isinstance(source, Source) else None
    if ignoring is not None:
        title = f"gradguard: ignore {finding.rule} here"
        found.append(lsp.CodeAction(title, kind, diagnostics, edit=_change([ignoring], view)))
    return found


def _change(edits: Iterable[Edit], view: _View) -> lsp.WorkspaceEdit:
    by_cell: dict[int | None, list[Edit]] = {}
    for edit in edits:
        by_cell.setdefault(edit.location.cell, []).append(edit)
    return lsp.WorkspaceEdit(
        changes={view.documents[cell].uri: _text_edits(some, view.documents[cell]) for cell, some in by_cell.items()}
    )


def _text_edits(edits: Iterable[Edit], document: TextDocument) -> list[lsp.TextEdit]:
    text = document.source
    starts = text_edits.line_starts(text)

    def position(offset: int) -> lsp.Position:
        line = max(index for index, start in enumerate(starts) if start <= offset)
        return lsp.Position(line, offset - starts[line])

    return [
        lsp.TextEdit(
            document.position_codec.range_to_client_units(document.lines, lsp.Range(position(start), position(stop))),
            replacement,
        )
        for start, stop, replacement in text_edits.resolved(text, edits)
    ]


def _client_location(location: Location, view: _View) -> lsp.Location:
    """The place in the client's units. Another file's lines are not at hand: there, most columns are the same."""
    plain = lsp.Range(
        lsp.Position(location.line - 1, location.column - 1),
        lsp.Position(location.end_line - 1, location.end_column - 1),
    )
    document = view.document(location)
    if document is None:
        return lsp.Location(Path(location.path).absolute().as_uri(), plain)
    return lsp.Location(document.uri, document.position_codec.range_to_client_units(document.lines, plain))


def _document_range(asked: lsp.Range, document: TextDocument) -> lsp.Range:
    # Its type differs between versions of pygls; lines and characters do not.
    found: Any = document.position_codec.range_from_client_units(document.lines, asked)
    start, end = found.start, found.end
    return lsp.Range(lsp.Position(start.line, start.character), lsp.Position(end.line, end.character))
