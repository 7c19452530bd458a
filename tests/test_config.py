"""Configuration files: which one counts, what they may say, and what is said about a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradguard import catalogue
from gradguard.cli import main
from gradguard.config import Config, ConfigError, Settings, load

BAD = "import torch\n\noptimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])\noptimizer.zero_grad\n"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def write(path: str, text: str = BAD) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def pyproject(path: str, text: str) -> None:
    write(path, f"[project]\nname = 'x'\n\n[tool.gradguard]\n{text}\n")


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    code = main(["check", "--format", "json", *arguments])
    data = json.loads(capsys.readouterr().out)
    assert code == bool(data["findings"])
    assert data["errors"] == []
    return [finding["path"] for finding in data["findings"]]


def test_no_configuration(capsys) -> None:
    write("a.py")
    write("pyproject.toml", "[tool.ruff]\n")
    assert check(capsys, ".") == ["a.py"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ignore = ['uncalled-method']", False),
        ("ignore = ['GG4']", False),
        ("select = ['GG1']", False),
        ("select = ['GG1']\nextend-select = ['GG401']", True),
        ("select = ['ALL']\nignore = ['GG401']", False),
        ("extend-select = ['GG901']", True),
        ("exclude = ['a.py']", False),
        ("exclude = ['sub']", True),
        ("extend-exclude = ['*.py']", False),
        ("extend-exclude = ['b.*', './a.py']", False),
        ("[tool.gradguard.per-file-ignores]\n'a.py' = ['GG401']", False),
        ("[tool.gradguard.per-file-ignores]\n'b.py' = ['GG401']", True),
        ("[tool.gradguard.per-file-ignores]\n'a.py' = ['GG1']", True),
    ],
)
def test_what_a_file_may_say(capsys, text: str, found: bool) -> None:
    write("a.py")
    pyproject("pyproject.toml", text)
    assert bool(check(capsys, ".")) == found
    assert check(capsys, ".", "--no-config") == ["a.py"]


def test_the_nearest_file_counts(capsys) -> None:
    for path in ("a.py", "p/a.py", "p/q/a.py", "p/q/r/a.py"):
        write(path)
    pyproject("../pyproject.toml", "ignore = ['GG4']")
    pyproject("p/pyproject.toml", "")
    write("p/q/pyproject.toml", "[tool.ruff]\n")
    write("p/q/r/gradguard.toml", "select = ['GG1']\n")
    pyproject("p/q/r/pyproject.toml", "select = ['GG4']")
    assert check(capsys, ".") == ["p/a.py", "p/q/a.py"]
    assert check(capsys, "p/q/r/a.py", "p/q/a.py") == ["p/q/a.py"]


def test_the_command_line_wins(capsys) -> None:
    write("a.py")
    pyproject("pyproject.toml", "select = ['GG1']\nextend-select = ['GG2']\nignore = ['uncalled-method']")
    assert check(capsys, ".") == []
    assert check(capsys, ".", "--select", "GG401") == ["a.py"]
    assert check(capsys, ".", "--extend-select", "GG401") == []
    pyproject("pyproject.toml", "select = ['GG1']")
    assert check(capsys, ".", "--extend-select", "GG401") == ["a.py"]
    assert check(capsys, ".", "--extend-select", "GG4", "--ignore", "GG401") == []


def test_a_named_configuration(capsys) -> None:
    write("a.py")
    pyproject("pyproject.toml", "select = ['GG1']")
    write("conf/mine.toml", "extend-exclude = ['nothing']\n")
    assert check(capsys, ".", "--config", "conf/mine.toml") == ["a.py"]
    write("conf/mine.toml", "[tool.gradguard]\nselect = ['GG2']\n")
    assert check(capsys, ".", "--config", "conf/mine.toml") == []
    assert main(["check", ".", "--config", "x.toml"]) == 2
    assert main(["check", ".", "--config", "conf/mine.toml", "--no-config"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        "gradguard: error: cannot read x.toml: no such file or directory",
        "gradguard: error: --config and --no-config exclude each other",
    ]


def test_standard_input_has_the_configuration_of_its_path(capsys, monkeypatch) -> None:
    import io
    import sys

    pyproject("p/pyproject.toml", "ignore = ['GG401']")
    for name, code in (("p/a.py", 0), ("a.py", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
        assert main(["check", "-", "--stdin-filename", name]) == code


def test_exclusions_hold_for_folders(capsys) -> None:
    for path in ("a.py", "build/a.py", "lib/v/a.py", "lib/w/a.py", "x/lib/v/a.py", "test_data/a.py"):
        write(path)
    pyproject("pyproject.toml", "extend-exclude = ['lib/v/', 'test_*']")
    assert check(capsys, ".") == ["a.py", "lib/w/a.py", "x/lib/v/a.py"]
    pyproject("pyproject.toml", "exclude = ['**/v']")
    assert check(capsys, ".") == ["a.py", "build/a.py", "lib/w/a.py", "test_data/a.py"]
    assert check(capsys, "lib/v/a.py") == ["lib/v/a.py"]
    assert check(capsys, "lib/v/a.py", "--force-exclude") == []
    assert check(capsys, "lib/v", "--force-exclude") == []


def test_per_file_ignores_hold_where_the_finding_lies(capsys) -> None:
    """Patterns name files, folders, or anything below them."""
    for path in ("tests/a.py", "tests/deep/b.py", "c.py", "docs/tests/d.py"):
        write(path)
    for pattern, rest in (
        ("tests/*", ["c.py", "docs/tests/d.py"]),
        ("tests/*.py", ["c.py", "docs/tests/d.py", "tests/deep/b.py"]),
        ("tests", ["c.py"]),
        ("**/[bd].py", ["c.py", "tests/a.py"]),
        ("?.py", []),
    ):
        pyproject("pyproject.toml", f"[tool.gradguard.per-file-ignores]\n'{pattern}' = ['uncalled-method']")
        assert check(capsys, ".") == rest, pattern


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slect = []", "unknown key: tool.gradguard.slect (did you mean select?)"),
        ("per_file_ignores = {}", "unknown key: tool.gradguard.per_file_ignores (did you mean per-file-ignores?)"),
        ("x = 1", "unknown key: tool.gradguard.x (there are select, extend-select, ignore, "),
        ("select = 'GG1'", "tool.gradguard.select must be a list of strings"),
        ("ignore = [1]", "tool.gradguard.ignore must be a list of strings"),
        (
            "ignore = ['mising-zero-grad']",
            "tool.gradguard.ignore: unknown rule: mising-zero-grad (did you mean missing-",
        ),
        ("per-file-ignores = []", "tool.gradguard.per-file-ignores must be a table"),
        ("per-file-ignores = {'a' = 'b'}", 'tool.gradguard.per-file-ignores."a" must be a list of strings'),
        ("per-file-ignores = {'a' = ['E5']}", 'tool.gradguard.per-file-ignores."a": unknown rule: E5'),
        ("select = [", "is not valid TOML: "),
    ],
)
def test_a_wrong_file_is_one_line(capsys, text: str, message: str) -> None:
    write("a.py")
    pyproject("pyproject.toml", text)
    assert main(["check", "."]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "pyproject.toml: " + message in err
    assert main(["check", ".", "--no-config"]) == 1


def test_others_mistakes_are_not_ours(capsys) -> None:
    write("a.py")
    write("pyproject.toml", "[tool.ruff\n")
    assert check(capsys, ".") == ["a.py"]
    Path("pyproject.toml").write_bytes(b"# gradguard \xff")
    assert main(["check", "."]) == 2
    assert "is not valid UTF-8" in capsys.readouterr().err


def test_load_wants_a_section(tmp_path: Path) -> None:
    write("pyproject.toml", "[tool.ruff]\n")
    with pytest.raises(ConfigError, match="there is no section"):
        load("pyproject.toml")
    write("other.toml", "ignore = ['GG1']")
    assert load("other.toml") == Config(str(Path.cwd().resolve()), ignore=("GG1",))


def test_an_unknown_rule_of_the_command_line_is_said_at_once() -> None:
    with pytest.raises(catalogue.UnknownRuleError):
        Settings(extend_select=("nonsense",))
