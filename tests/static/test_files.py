from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gradguard.config import EXCLUDED
from gradguard.finding import CheckError
from gradguard.static.files import discover

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and sockets as posix has them")


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("x = 1\n")


def test_folders_are_searched_for_modules_and_notebooks() -> None:
    make("p/b.py", "p/a.py", "p/q/r/c.ipynb", "p/d.pyi", "p/e.txt", "p/py", "p/f.pyc", "p/.hidden/g.py")
    found = discover(["p"])
    assert found.files == ["p/.hidden/g.py", "p/a.py", "p/b.py", "p/q/r/c.ipynb"]
    assert found.errors == []
    assert found.named == set()


def test_what_ruff_leaves_out_is_left_out() -> None:
    make("p/a.py", *(f"p/{name}/b.py" for name in EXCLUDED), *(f"p/q/{name}/b.py" for name in EXCLUDED))
    make("p/builds/c.py")
    assert discover(["p"]).files == ["p/a.py", "p/builds/c.py"]


def test_what_is_named_is_never_left_out() -> None:
    make("build/a.py", "build/b.txt", "build/build/c.py")
    assert discover(["build"]).files == ["build/a.py"]
    found = discover(["build/build/c.py", "build/b.txt"])
    assert found.files == ["build/b.txt", "build/build/c.py"]
    assert found.named == set(found.files)


@pytest.mark.parametrize(
    ("path", "files"),
    [
        (".", ["a.py", "p/b.py"]),
        ("./", ["a.py", "p/b.py"]),
        ("./p", ["./p/b.py"]),
        ("p/", ["p/b.py"]),
        ("p/..", ["p/../a.py", "p/../p/b.py"]),
        ("./a.py", ["./a.py"]),
    ],
)
def test_paths_are_shown_as_they_were_given(path: str, files: list[str]) -> None:
    make("a.py", "p/b.py")
    assert discover([path]).files == files


def test_no_file_twice() -> None:
    make("p/a.py", "p/q/b.py")
    assert discover(["p/q", "p", "p/a.py", "p/q/b.py", "./p", str(Path("p").resolve())]).files == ["p/a.py", "p/q/b.py"]


def test_a_folder_may_be_called_like_a_module() -> None:
    make("p/train.py/a.py")
    assert discover(["p"]).files == ["p/train.py/a.py"]
    assert discover(["p/train.py"]).files == ["p/train.py/a.py"]


def test_what_does_not_exist() -> None:
    make("a.py")
    found = discover(["missing.py", "a.py", "a.py/b.py", "a\0b"])
    assert found.files == ["a.py"]
    assert [error.path for error in found.errors] == ["missing.py", "a.py/b.py", "a\0b"]
    assert found.errors[0].message == "does not exist"
    assert found.errors[2].message.startswith("is no valid path: ")


@posix
def test_links() -> None:
    make("p/a.py", "elsewhere/b.py", "elsewhere/build/c.py")
    Path("p/again.py").symlink_to("a.py")
    Path("p/b.py").symlink_to("../elsewhere/b.py")
    Path("p/dangling.py").symlink_to("nothing.py")
    Path("p/loop.py").symlink_to("loop.py")
    Path("p/.#a.py").symlink_to("user@host.123:456")
    Path("p/up").symlink_to("..")
    Path("p/folder.py").symlink_to("../elsewhere")
    found = discover(["p"])
    assert found.files == ["p/a.py", "p/b.py"]
    assert sorted(found.errors, key=lambda error: error.path) == [
        CheckError("p/dangling.py", "is a link to something that does not exist"),
        CheckError("p/loop.py", "is a link that leads back to itself"),
    ]
    assert discover(["p/up/elsewhere"]).files == ["p/up/elsewhere/b.py"]
    assert discover(["p/loop.py"]).errors == [CheckError("p/loop.py", "is a link that leads back to itself")]
    assert discover(["p/folder.py"]).files == ["p/folder.py/b.py"]


@posix
def test_what_is_no_file() -> None:
    make("p/a.py")
    os.mkfifo("p/pipe.py")
    Path("p/link.py").symlink_to("pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("p/socket.py")
        found = discover(["p", "p/pipe.py", "/dev/null"])
    assert found.files == ["p/a.py"]
    assert sorted({(error.path, error.message) for error in found.errors}) == [
        ("/dev/null", "is a device, not a file"),
        ("p/link.py", "is a named pipe, not a file"),
        ("p/pipe.py", "is a named pipe, not a file"),
        ("p/socket.py", "is a socket, not a file"),
    ]


@posix
def test_a_folder_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    make("p/a.py", "p/secret/b.py")
    scandir = os.scandir

    def forbidding(path: str) -> object:
        if path.endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    found = discover(["p"])
    assert found.files == ["p/a.py"]
    assert found.errors == [CheckError("p/secret", "cannot be read: permission denied")]


@posix
def test_a_name_that_is_no_text() -> None:
    make("p/a.py")
    name = os.fsdecode(b"p/\xff.py")
    try:
        Path(name).write_text("x = 1\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert discover(["p"]).files == ["p/a.py", name]
