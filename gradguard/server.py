"""`gradguard server`: a language server. Diagnostics while one types, repairs as quick fixes.

The one module that imports pygls.
"""

from __future__ import annotations

import asyncio
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
from gradguard.finding import CheckError, Finding, Location
from gradguard.static.check import Result, check_source
from gradguard.static.ignoring import comment
from gradguard.static.source import Source
from gradguard.suppress import NAME as UNUSED

__all__ = ["create", "serve"]

_PAUSE = 0.25  # seconds without a change before a text is checked
_FIX_ALL = "source.fixAll.gradguard"


@dataclass(frozen=True)
class _Checked:
    """A text, and what was found in it."""

    text: str
    result: Result


class _Server(LanguageServer):
    def __init__(self) -> None:
        super().__init__("gradguard", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental)
        self.checked: dict[str, _Checked] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        # The static half is made for one thread.
        self.worker = ThreadPoolExecutor(1)

    def schedule(self, uri: str, pause: float = _PAUSE) -> None:
        """Check a document soon; a newer request takes the place of one that waits."""
        if (task := self.waiting.pop(uri, None)) is not None:
            task.cancel()
        self.waiting[uri] = asyncio.get_running_loop().create_task(self._check_soon(uri, pause))

    async def _check_soon(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        document = self.workspace.get_text_document(uri)
        text, version = document.source, document.version
        result = await asyncio.get_running_loop().run_in_executor(self.worker, _check, text, document.path)
        for error in result.errors:
            # A syntax error has been underlined by the editor already.
            if not error.line:
                message = lsp.LogMessageParams(lsp.MessageType.Warning, f"{error.path}: {error.message}")
                self.window_log_message(message)
        if uri in self.workspace.text_documents and document.source == text:
            self.checked[uri] = _Checked(text, result)
            diagnostics = [_diagnostic(finding, document) for finding in result.findings if _is_here(finding, document)]
            params = lsp.PublishDiagnosticsParams(uri, diagnostics, version)
            self.text_document_publish_diagnostics(params)

    def forget(self, uri: str) -> None:
        if (task := self.waiting.pop(uri, None)) is not None:
            task.cancel()
        self.checked.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


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
        # What is saved may be imported by, or configure, any of the others.
        for uri in list(ls.workspace.text_documents):
            ls.schedule(uri, 0 if uri == params.text_document.uri else _PAUSE)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: _Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.forget(params.text_document.uri)

    kinds = lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, _FIX_ALL])

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def actions(ls: _Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = ls.workspace.get_text_document(params.text_document.uri)
        checked = ls.checked.get(document.uri)
        if checked is None or checked.text != document.source:
            return []
        findings = [finding for finding in checked.result.findings if _is_here(finding, document)]
        asked = _document_range(params.range, document)
        only = params.context.only
        found: list[lsp.CodeAction] = []
        if only is None or lsp.CodeActionKind.QuickFix in only:
            for finding in findings:
                if finding.location.line - 1 <= asked.end.line and asked.start.line <= finding.location.end_line - 1:
                    found += _quick_fixes(finding, document)
        if only is not None and any(kind == _FIX_ALL or _FIX_ALL.startswith(f"{kind}.") for kind in map(str, only)):
            fixes = text_edits.compatible(f.fix for f in findings if f.fix is not None and f.fix.safe)
            if fixes:
                edits = [edit for fix in fixes for edit in fix.edits]
                found.append(
                    lsp.CodeAction(
                        "gradguard: repair everything that is certain", _FIX_ALL, edit=_change(edits, document)
                    )
                )
        return found

    return server


def _check(text: str, path: str) -> Result:
    try:
        settings = Settings()
        real = Path(path).resolve()
        if settings.config(str(real.parent)).excludes_any(str(real)):
            return Result()
        return check_source(text, path, settings=settings)
    except ConfigError as error:
        return Result(errors=(CheckError(path, str(error)),))


def _is_here(finding: Finding, document: TextDocument) -> bool:
    return finding.location.path == document.path


def _diagnostic(finding: Finding, document: TextDocument) -> lsp.Diagnostic:
    help_text = f"\ninstead: {finding.help}" if finding.help else ""
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(Path(note.location.path).absolute().as_uri(), _client_range(note.location, document)),
            note.message,
        )
        for note in finding.notes
    ]
    return lsp.Diagnostic(
        _client_range(finding.location, document),
        finding.message + help_text,
        severity=lsp.DiagnosticSeverity.Warning,
        code=finding.code,
        source="gradguard",
        related_information=related or None,
        tags=[lsp.DiagnosticTag.Unnecessary] if finding.rule == UNUSED else None,
        data={"rule": finding.rule},
    )


def _quick_fixes(finding: Finding, document: TextDocument) -> list[lsp.CodeAction]:
    diagnostics = [_diagnostic(finding, document)]
    kind = lsp.CodeActionKind.QuickFix
    found = []
    if finding.fix is not None:
        edit = _change(finding.fix.edits, document)
        title = f"gradguard: {finding.fix.title}"
        found.append(lsp.CodeAction(title, kind, diagnostics, finding.fix.safe, edit=edit))
    ignoring = comment(Source(document.path, document.source), finding) if finding.rule != UNUSED else None
    if ignoring is not None:
        title = f"gradguard: ignore {finding.rule} here"
        found.append(lsp.CodeAction(title, kind, diagnostics, edit=_change([ignoring], document)))
    return found


def _change(edits: Any, document: TextDocument) -> lsp.WorkspaceEdit:
    text = document.source
    starts = text_edits.line_starts(text)

    def position(offset: int) -> lsp.Position:
        line = max(index for index, start in enumerate(starts) if start <= offset)
        return lsp.Position(line, offset - starts[line])

    changes = [
        lsp.TextEdit(
            document.position_codec.range_to_client_units(document.lines, lsp.Range(position(start), position(stop))),
            replacement,
        )
        for start, stop, replacement in text_edits.resolved(text, edits)
    ]
    return lsp.WorkspaceEdit(changes={document.uri: changes})


def _client_location(location: Location, document: TextDocument) -> lsp.Location:
    return lsp.Location(Path(location.path).absolute().as_uri(), _client_range(location, document))


def _client_range(location: Location, document: TextDocument) -> lsp.Range:
    """The range in the client's units. Another file's lines are not at hand: there, most columns are the same."""
    plain = lsp.Range(
        lsp.Position(location.line - 1, location.column - 1),
        lsp.Position(location.end_line - 1, location.end_column - 1),
    )
    if location.path != document.path:
        return plain
    return document.position_codec.range_to_client_units(document.lines, plain)


def _document_range(asked: lsp.Range, document: TextDocument) -> lsp.Range:
    # Its type differs between versions of pygls; lines and characters do not.
    found: Any = document.position_codec.range_from_client_units(document.lines, asked)
    start, end = found.start, found.end
    return lsp.Range(lsp.Position(start.line, start.character), lsp.Position(end.line, end.character))
