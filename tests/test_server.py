"""The language server, with a real client over standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import gradguard
from gradguard.cli import main

BAD = """\
import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    "🙂🙂"; model(torch.ones(4, 2)).pow(2).mean().backward()
    optimizer.step()
"🙂"; optimizer.zero_grad"""


def test_without_pygls_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    assert main(["server"]) == 2
    assert capsys.readouterr().err == "gradguard: error: gradguard server needs pygls: pip install 'gradguard[lsp]'\n"


def session(body: Callable[[Any, Any, asyncio.Queue[Any]], Awaitable[None]]) -> None:
    """Run `body` with a client that is connected to a server of its own, and a queue of published diagnostics."""
    pytest.importorskip("pygls")
    from lsprotocol import types as lsp
    from pygls.lsp.client import LanguageClient

    async def run() -> None:
        client = LanguageClient("test", "1")
        published: asyncio.Queue[Any] = asyncio.Queue()

        @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def note(params: Any) -> None:
            published.put_nowait(params)

        await client.start_io(sys.executable, "-m", "gradguard", "server")
        try:
            await asyncio.wait_for(
                client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities())), 30
            )
            client.initialized(lsp.InitializedParams())
            await asyncio.wait_for(body(client, lsp, published), 60)
        finally:
            await asyncio.wait_for(client.shutdown_async(None), 20)
            client.exit(None)
            await asyncio.wait_for(client.stop(), 20)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(gradguard.__file__).parents[1]))


def applied(text: str, edits: list[Any]) -> str:
    """The text with a client's edits: lines and UTF-16 units, from the end to the beginning."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        places = []
        for place in (edit.range.start, edit.range.end):
            units = lines[place.line].encode("utf-16-le")
            column = len(units[: 2 * place.character].decode("utf-16-le"))
            places.append(sum(len(line) + 1 for line in lines[: place.line]) + column)
        whole = "\n".join(lines)
        lines = (whole[: places[0]] + edit.new_text + whole[places[1] :]).split("\n")
    return "\n".join(lines)


def test_a_session(tmp_path: Path) -> None:
    path = tmp_path / "a.py"

    async def body(client: Any, lsp: Any, published: asyncio.Queue[Any]) -> None:
        uri = path.as_uri()
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "python", 1, BAD)))
        first = await published.get()
        assert (first.uri, first.version) == (uri, 1)
        assert [diagnostic.code for diagnostic in first.diagnostics] == ["GG101", "GG401"]
        stale, uncalled = first.diagnostics
        # Each of the two faces is two UTF-16 units, but one character.
        assert (stale.range.start.line, stale.range.start.character) == (5, 12)
        assert "\ninstead: call `optimizer.zero_grad()`" in stale.message
        assert stale.related_information[0].location.range.start.line == 6
        assert (uncalled.range.start.character, uncalled.source) == (6, "gradguard")

        def ask(place: Any, only: list[str] | None = None) -> Any:
            context = lsp.CodeActionContext([], only)
            return client.text_document_code_action_async(
                lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), place, context)
            )

        actions = await ask(uncalled.range)
        assert [(action.title, action.is_preferred) for action in actions] == [
            ("gradguard: call `optimizer.zero_grad()`", True),
            ("gradguard: ignore uncalled-method here", None),
        ]
        assert applied(BAD, actions[0].edit.changes[uri]) == BAD + "()"
        assert applied(BAD, actions[1].edit.changes[uri]) == BAD + "  # gradguard: ignore[uncalled-method]"
        (insert, _) = await ask(stale.range)
        assert insert.is_preferred is False
        assert applied(BAD, insert.edit.changes[uri]).split("\n")[5] == "    optimizer.zero_grad()"
        (everything,) = await ask(uncalled.range, ["source.fixAll"])
        assert applied(BAD, everything.edit.changes[uri]) == BAD + "()"

        # While one types: the parentheses, in UTF-16 units.
        place = lsp.Position(7, 25)
        change = lsp.TextDocumentContentChangePartial(lsp.Range(place, place), "()")
        identifier = lsp.VersionedTextDocumentIdentifier(2, uri)
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))
        second = await published.get()
        assert (second.version, [diagnostic.code for diagnostic in second.diagnostics]) == (2, ["GG101"])

        # Configuration counts, and is read again.
        (tmp_path / "gradguard.toml").write_text("ignore = ['GG1']\n")
        client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
        assert (await published.get()).diagnostics == ()
        (tmp_path / "gradguard.toml").unlink()

        # A text that does not parse has no diagnostics of ours, and does no harm.
        whole = lsp.TextDocumentContentChangeWholeDocument("optimizer.step(")
        identifier = lsp.VersionedTextDocumentIdentifier(3, uri)
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [whole]))
        assert (await published.get()).diagnostics == ()
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
        assert (await published.get()).diagnostics == ()

    session(body)


def test_a_notebook(tmp_path: Path) -> None:
    """Each cell is a document of its own; what is wrong may take two of them."""
    path = tmp_path / "a.ipynb"
    first = "%matplotlib inline\nimport torch\nmodel = torch.nn.Linear(2, 1)\n"
    first += "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
    second = BAD.split("SGD(model.parameters(), lr=0.1)\n")[1]

    async def body(client: Any, lsp: Any, published: asyncio.Queue[Any]) -> None:
        uri = path.as_uri()
        cells = [f"vscode-notebook-cell:{path}#W{number}" for number in range(3)]
        code = lsp.NotebookCellKind.Code

        async def told() -> dict[str, list[str]]:
            """The codes of the diagnostics that are published for the cells, each told of once."""
            found = {}
            for _ in cells:
                params = await published.get()
                found[params.uri] = [diagnostic.code for diagnostic in params.diagnostics]
                for diagnostic in params.diagnostics:
                    related[diagnostic.code] = [note.location.uri for note in diagnostic.related_information or ()]
                    ranges[diagnostic.code] = diagnostic.range
            return found

        related: dict[str, list[str]] = {}
        ranges: dict[str, Any] = {}
        texts = ["# A note, not code", first, second]
        kinds = [lsp.NotebookCellKind.Markup, code, code]
        client.notebook_document_did_open(
            lsp.DidOpenNotebookDocumentParams(
                lsp.NotebookDocument(
                    uri,
                    "jupyter-notebook",
                    1,
                    [lsp.NotebookCell(kind, cell) for kind, cell in zip(kinds, cells, strict=True)],
                ),
                [lsp.TextDocumentItem(cell, "python", 1, text) for cell, text in zip(cells, texts, strict=True)],
            )
        )
        assert await told() == {cells[0]: [], cells[1]: [], cells[2]: ["GG101", "GG401"]}
        assert related["GG101"] == [cells[2]]
        assert (ranges["GG101"].start.line, ranges["GG101"].start.character) == (1, 12)

        def ask(cell: str, place: Any, only: list[str] | None = None) -> Any:
            context = lsp.CodeActionContext([], only)
            return client.text_document_code_action_async(
                lsp.CodeActionParams(lsp.TextDocumentIdentifier(cell), place, context)
            )

        repair, ignore = await ask(cells[2], ranges["GG401"])
        assert applied(second, repair.edit.changes[cells[2]]) == second + "()"
        assert applied(second, ignore.edit.changes[cells[2]]) == second + "  # gradguard: ignore[uncalled-method]"
        assert not await ask(cells[1], ranges["GG401"])
        for kind in ("source.fixAll", "notebook.source.fixAll"):
            (everything,) = await ask(cells[2], ranges["GG401"], [kind])
            assert applied(second, everything.edit.changes[cells[2]]) == second + "()"

        # Typing in a cell: the loop is cleared.
        change = lsp.TextDocumentContentChangeWholeDocument(second.replace('"🙂🙂"', "optimizer.zero_grad()"))
        client.notebook_document_did_change(
            lsp.DidChangeNotebookDocumentParams(
                lsp.VersionedNotebookDocumentIdentifier(2, uri),
                lsp.NotebookDocumentChangeEvent(
                    cells=lsp.NotebookDocumentCellChanges(
                        text_content=[
                            lsp.NotebookDocumentCellContentChanges(
                                lsp.VersionedTextDocumentIdentifier(2, cells[2]), [change]
                            )
                        ]
                    )
                ),
            )
        )
        assert await told() == {cells[0]: [], cells[1]: [], cells[2]: ["GG401"]}

        # The last cell is deleted: what was told of it is taken back.
        client.notebook_document_did_change(
            lsp.DidChangeNotebookDocumentParams(
                lsp.VersionedNotebookDocumentIdentifier(3, uri),
                lsp.NotebookDocumentChangeEvent(
                    cells=lsp.NotebookDocumentCellChanges(
                        structure=lsp.NotebookDocumentCellChangeStructure(
                            lsp.NotebookCellArrayChange(2, 1), did_close=[lsp.TextDocumentIdentifier(cells[2])]
                        )
                    )
                ),
            )
        )
        assert await told() == {cells[0]: [], cells[1]: [], cells[2]: []}
        client.notebook_document_did_close(
            lsp.DidCloseNotebookDocumentParams(
                lsp.NotebookDocumentIdentifier(uri), [lsp.TextDocumentIdentifier(cell) for cell in cells[:2]]
            )
        )
        assert {(await published.get()).uri for _ in cells[:2]} == set(cells[:2])

    session(body)


def test_a_client_that_goes_away_ends_the_server() -> None:
    pytest.importorskip("pygls")
    done = subprocess.run(
        [sys.executable, "-m", "gradguard", "server"], input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.stdout == b""
