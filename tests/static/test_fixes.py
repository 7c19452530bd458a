"""Repairs: what they write, that they hold, and that they leave everything else alone."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradguard
from gradguard import catalogue
from gradguard.cli import main
from gradguard.static.check import check_bytes
from gradguard.static.fixing import fix_bytes

CASES = Path(__file__).parents[1] / "cases"
BAD = sorted(CASES.glob("*/bad_*.py"))


def fix(text: str, *, unsafe: bool = True, path: str = "a.py") -> str:
    data = text.encode()
    findings = check_bytes(data, path).findings
    assert findings
    after, fixed = fix_bytes(data, path, findings, check_bytes, unsafe=unsafe)
    assert (fixed > 0) == (after != data)
    return after.decode()


HEAD = """\
import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


# A repair as a diff: two columns of marks before the code.
GUESSES = {
    "above-the-backward": """
          for x in torch.ones(3, 2):
              loss = model(x).sum()
        +     optimizer.zero_grad()
              # learn
              loss.backward()  # here
              optimizer.step()
    """,
    "behind-the-step": """
          for i in range(8):
              model(torch.ones(2)).sum().backward()
              if (i + 1) % 2 == 0:
                optimizer.step()
        +       optimizer.zero_grad()
    """,
    "moved": """
          for i in range(8):
        +     optimizer.zero_grad()  # sic
              model(torch.ones(2)).sum().backward()
        -     optimizer.zero_grad()  # sic
              optimizer.step()
    """,
    "mean": """
          loss = (
              model(torch.ones(3, 2))
          )
        - (loss * 2) . backward(  # why
        + (loss * 2) .mean(). backward(  # why
          )
    """,
    "retained": """
          h = model(torch.ones(1, 2)) * 2
        + h.retain_grad()
          h.sum().backward()
          print(h.grad)
    """,
    "detached": """
          h = torch.zeros(1)
          for x in torch.ones(3, 2):
              optimizer.zero_grad()
              h = model(x) * h
              h.sum().backward()
              optimizer.step()
        +     h = h.detach()
    """,
    "by-hand": """
          w = torch.ones(1, requires_grad=True)
          b = torch.ones(1, requires_grad=True)
          for _ in range(3):
              (w * 2 + b).sum().backward()
              with torch.no_grad():
                  w -= 0.1 * w.grad
                  b -= 0.1 * b.grad
        +         w.grad = None
        +         b.grad = None
    """,
    "in-place": """
          w = torch.ones(1, requires_grad=True)
          b = torch.ones(1, requires_grad=True)
          for _ in range(3):
              (w * 2 + b).sum().backward()
              # learn
        -     w = w - 0.1 * w.grad  # w
        -     b = torch.clamp(b.detach() - 0.1 * b.grad, 0, 1)  # b
        +     with torch.no_grad():
        +         w -= 0.1 * w.grad  # w
        +         b.copy_(torch.clamp(b.detach() - 0.1 * b.grad, 0, 1))  # b
        +         w.grad = None
        +         b.grad = None
    """,
    "under-no-grad": """
          w, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
          for _ in range(3):
              (w * b).sum().backward()
        -     w -= 0.1 * w.grad
        -     b.sub_(0.1 * b.grad)
        +     with torch.no_grad():
        +         w -= 0.1 * w.grad
        +         b.sub_(0.1 * b.grad)
              w.grad = b.grad = None
    """,
    "no-detach": """
          for x in torch.ones(3, 2):
        -     y = model(x) . detach(
        -     )
        +     y = model(x)
              optimizer.zero_grad()
              (y - 1).pow(2).sum().backward()
              optimizer.step()
    """,
    "stacked": """
          losses = []
          for x in torch.ones(3, 2):
              losses.append(model(x).sum())
        - torch.tensor(losses).mean().backward()
        + torch.stack(losses).mean().backward()
    """,
    "no-leaf": """
          for x in torch.ones(3, 2):
              loss = model(x).sum()
        -     loss = torch.tensor(loss, requires_grad=True)
              optimizer.zero_grad()
              loss.backward()
              optimizer.step()
    """,
    "points": """
        - w = torch.tensor([[1, -2], [3, 4]], requires_grad=True)  # w
        + w = torch.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)  # w
          (w * 2).sum().backward()
    """,
    "a-dtype": """
        - w = torch.arange(3)
        + w = torch.arange(3, dtype=torch.float32)
          w.requires_grad_()
          (w * 2).sum().backward()
    """,
    "nothing-retained": """
          for x in torch.ones(3, 2):
              optimizer.zero_grad()
        -     model(x).sum().backward(gradient=None, retain_graph=True)
        +     model(x).sum().backward(gradient=None)
              optimizer.step()
    """,
    "no-graph-of-gradients": """
          for x in torch.ones(3, 2):
              optimizer.zero_grad()
        -     model(x).sum().backward(create_graph=True, inputs=list(model.parameters()))
        +     model(x).sum().backward(inputs=list(model.parameters()))
              optimizer.step()
    """,
    "a-list-of-layers": """
          class Net(torch.nn.Module):
              def __init__(self):
                  super().__init__()
                  self.first = torch.nn.Linear(2, 2)
        -         self.layers = [
        +         self.layers = torch.nn.ModuleList([
                      torch.nn.Linear(2, 2),  # one
        -         ]
        +         ])

              def forward(self, x):
                  for layer in self.layers:
                      x = layer(x)
                  return self.first(x)

          net = Net()
          sgd = torch.optim.SGD(net.parameters(), lr=0.1)
          for x in torch.ones(3, 2):
              sgd.zero_grad()
              net(x).sum().backward()
              sgd.step()
    """,
    "optimizer-below": """
          net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 9))
        - sgd = torch.optim.SGD(
        -     net.parameters(), lr=0.1
        - )
        - net[1] = torch.nn.Linear(4, 1)
        + net[1] = torch.nn.Linear(4, 1)
        + sgd = torch.optim.SGD(
        +     net.parameters(), lr=0.1
        + )
          for x in torch.ones(3, 2):
              sgd.zero_grad()
              net(x).sum().backward()
              sgd.step()
    """,
    "replaced-above": """
          net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 9))
        + net[1] = torch.nn.Linear(4, 1)
          sgd = torch.optim.SGD(net.parameters(), lr=0.1)
          plan = torch.optim.lr_scheduler.StepLR(sgd, 10)
        - net[1] = torch.nn.Linear(4, 1)
          for x in torch.ones(3, 2):
              sgd.zero_grad()
              net(x).sum().backward()
              sgd.step()
              plan.step()
    """,
    "none-for-the-rest": """
          class Scale(torch.autograd.Function):
              @staticmethod
              def forward(ctx, x, factor, mode):
                  ctx.factor = factor
                  return x * factor

              @staticmethod
              def backward(ctx, grad):
        -         return (grad * ctx.factor)  # for x
        +         return (grad * ctx.factor), None, None  # for x

          Scale.apply(torch.ones(2, requires_grad=True), 2.0, "a").sum().backward()
    """,
    "static": """
          class Double(torch.autograd.Function):
              # twice
        -     def forward(self, x):
        +     @staticmethod
        +     def forward(ctx, x):
                  return x * 2

        -     def backward(self, grad):
        +     @staticmethod
        +     def backward(ctx, grad):
                  return grad * 2

        - Double()(torch.ones(2, requires_grad=True)).sum().backward()
        + Double.apply(torch.ones(2, requires_grad=True)).sum().backward()
    """,
    "picked-ones": """
        - params = filter(lambda p: p.requires_grad, model.parameters())
        + params = list(filter(lambda p: p.requires_grad, model.parameters()))
          sgd = torch.optim.SGD(params, lr=0.1)
          for x in torch.ones(3, 2):
              sgd.zero_grad()
              model(x).sum().backward()
              torch.nn.utils.clip_grad_norm_(params, 1.0)
              sgd.step()
    """,
}

# Where a repair would be a bad guess, none is offered.
LEFT_ALONE = {
    "whose-gradient-is-meant-to-flow": """
        x = torch.ones(3, requires_grad=True)
        x[0] = 0.0
        model(x[:2]).sum().backward()
    """,
    "a-sum-on-a-leaf": """
        total = torch.zeros(1, requires_grad=True)
        for x in torch.ones(3, 2):
            total += model(x)
        total.backward()
    """,
    "a-chosen-dtype": """
        w = torch.tensor([1, 2], dtype=torch.int64, requires_grad=True)
        (w * 2).sum().backward()
    """,
    "random-integers": """
        w = torch.randint(3, (2,), requires_grad=True)
        (w * 2).sum().backward()
    """,
    "a-mode": """
        with torch.no_grad():
            y = model(torch.ones(2))
        y.sum().backward()
    """,
    "numbers-that-are-joined-later": """
        losses = [model(x).sum().item() for x in torch.ones(3, 2)]
        loss = torch.tensor(losses).mean()
        loss.requires_grad_()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    """,
    "a-gradient-of-the-bias": """
        class Affine(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, bias):
                return x + bias

            @staticmethod
            def backward(ctx, grad):
                return grad

        Affine.apply(torch.ones(2), torch.ones(2, requires_grad=True)).sum().backward()
    """,
    "a-function-with-a-constructor": """
        class Times(torch.autograd.Function):
            def __init__(self, factor):
                self.factor = factor

            def forward(self, x):
                return x * self.factor

            def backward(self, grad):
                return grad * self.factor

        Times(2.0)(torch.ones(2, requires_grad=True)).sum().backward()
    """,
    "numbers-as-keys": """
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.first = torch.nn.Linear(2, 2)
                self.heads = {1: torch.nn.Linear(2, 1)}

            def forward(self, x):
                return self.heads[1](self.first(x))

        net = Net()
        sgd = torch.optim.SGD(net.parameters(), lr=0.1)
        for x in torch.ones(3, 2):
            sgd.zero_grad()
            net(x).sum().backward()
            sgd.step()
    """,
    "who-is-used-in-another-order": """
        net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 9))
        sgd = torch.optim.SGD(net.parameters(), lr=0.1)
        rate = sgd.param_groups[0]["lr"]
        net[1] = torch.nn.Linear(4, int(10 * rate))
        for x in torch.ones(3, 2):
            sgd.zero_grad()
            net(x).sum().backward()
            sgd.step()
    """,
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_no_bad_guess(name: str) -> None:
    source = HEAD + textwrap.dedent(LEFT_ALONE[name]).strip("\n") + "\n"
    found = gradguard.check_source(source).findings
    assert found
    assert [(finding.code, finding.fix) for finding in found if finding.fix] == []


@pytest.mark.parametrize("name", GUESSES)
def test_a_guess(name: str) -> None:
    lines = textwrap.dedent(GUESSES[name]).strip("\n").split("\n")
    bad, good = ("\n".join(line[2:] for line in lines if line[:1] != mark) for mark in "+-")
    for end in ("\n", "", "\nx = 1"):
        assert fix(HEAD + bad + end) == HEAD + good + end
        assert fix(HEAD + bad + end, unsafe=False) == HEAD + bad + end


def test_what_is_certain() -> None:
    assert fix(HEAD + "optimizer.zero_grad ; x = 1", unsafe=False) == HEAD + "optimizer.zero_grad() ; x = 1"


LEAK = (
    HEAD
    + """\
total = 0.0
for _ in range(3):
    loss = model(torch.ones(2)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total += loss  # sum
print({})
"""
)


def test_a_sum_of_losses() -> None:
    assert fix(LEAK.format("total / 3"), unsafe=False) == LEAK.format("total / 3").replace("+= loss", "+= loss.item()")
    # A number has no `item`: here, the sum must stay a tensor.
    text = LEAK.format("total.item() / 3")
    assert fix(text, unsafe=False) == text.replace("+= loss", "+= loss.detach()")


def test_what_is_certain_goes_first() -> None:
    """The uncalled method is the cause of the missing clearing: one repair for both."""
    bad = f"{HEAD}for _ in range(3):\n    optimizer.zero_grad\n    model(torch.ones(2)).sum().backward()\n"
    bad += "    optimizer.step()\n"
    assert fix(bad) == bad.replace("zero_grad\n", "zero_grad()\n")


def test_a_repair_that_would_make_another_finding_is_not_offered() -> None:
    text = (
        HEAD
        + "for _ in range(3):\n    model(torch.ones(2)).sum().backward(); optimizer.zero_grad(); optimizer.step()\n"
    )
    (finding,) = check_bytes(text.encode(), "a.py").findings
    assert finding.rule == "zero-grad-before-step"
    assert finding.fix is None


@pytest.mark.parametrize("rule", [rule for rule in catalogue.all_rules() if rule.default], ids=lambda rule: rule.name)
def test_the_bad_example_of_a_rule(rule) -> None:
    holds(rule.bad.encode(), "a.py")


def holds(data: bytes, path: str) -> bytes:
    """Repair everything: nothing new is found, what was repaired is gone, and a second time changes nothing."""
    before = check_bytes(data, path)
    after, fixed = fix_bytes(data, path, before.findings, check_bytes, unsafe=True)
    result = check_bytes(after, path)
    assert not result.errors
    assert len(result.findings) <= len(before.findings) - bool(fixed)
    assert {finding.code for finding in result.findings} <= {finding.code for finding in before.findings}
    assert fix_bytes(after, path, result.findings, check_bytes, unsafe=True) == (after, 0)
    return after


def test_most_of_what_can_be_repaired_is() -> None:
    """Of the labelled programs, so many have a repair: a bound that notices when proposals stop holding."""
    rules = {"missing-zero-grad", "uncalled-method", "non-scalar-backward", "clip-after-step"}
    findings = [
        finding
        for path in BAD
        if path.parent.name in rules
        for finding in check_bytes(path.read_bytes(), str(path)).findings
        if finding.rule in rules
    ]
    assert sum(finding.fix is not None for finding in findings) >= 0.8 * len(findings)


def as_notebook(text: str, indent: int | None, *, one_string: bool, ascii_only: bool) -> bytes:
    lines = text.splitlines(keepends=True)
    half = next((i for i, line in enumerate(lines) if i > 2 and line[:1].isalpha()), 1)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["é"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": "".join(lines[:half])},
        {"cell_type": "code", "metadata": {"x": 1.50}, "outputs": [], "source": lines[half:]},
    ]
    if one_string:
        cells[2]["source"] = "".join(lines[half:])
    notebook = {"cells": cells, "metadata": {"é": [1, 2]}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(notebook, indent=indent, ensure_ascii=ascii_only) + "\n").encode()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_everything_else_stays(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(BAD))
    text = path.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, text.count("\n")))
        lines = text.split("\n")
        lines.insert(at, data.draw(st.sampled_from(["", "# é", "#\tx\f"])))
        text = "\n".join(lines)
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    mark, encoding = data.draw(
        st.sampled_from([(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")])
    )
    raw = mark + text.replace("\n", newline).encode(encoding)
    after = holds(raw, "a.py")
    assert after.startswith(mark)
    changed = after[len(mark) :].decode(encoding)
    if newline == "\r\n":
        assert "\n" not in changed.replace("\r\n", "")
    # All lines are kept, but for those of an edit: one is changed or moved, or some are new.
    kept = [line for line in text.split("\n") if line.lstrip().startswith("#") or not line.strip()]
    lines = changed.replace("\r\n", "\n").split("\n")
    assert [line for line in lines if line in set(kept)] == kept or text == changed.replace("\r\n", "\n")


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_notebooks_stay_as_they_are(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(BAD))
    text = path.read_text(encoding="utf-8")
    if re.search(r'"""|\'\'\'', text):
        text = re.sub(r'^("""|\'\'\').*?\1', "#", text, flags=re.DOTALL)
    indent = data.draw(st.sampled_from([None, 1, 4]))
    one, ascii_only = data.draw(st.booleans()), data.draw(st.booleans())
    raw = as_notebook(text, indent, one_string=one, ascii_only=ascii_only)
    if check_bytes(raw, "a.ipynb").errors:
        return  # the text was cut in the middle of a statement
    after = holds(raw, "a.ipynb")
    notebook = json.loads(after)
    # The form of the JSON stays: writing it anew in the same way gives the same bytes.
    assert (json.dumps(notebook, indent=indent, ensure_ascii=ascii_only) + "\n").encode() == after
    assert notebook["metadata"] == {"é": [1, 2]}


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        HEAD
        + "optimizer.zero_grad\nfor _ in range(3):\n    model(torch.ones(2)).sum().backward()\n    optimizer.step()\n"
    )
    Path("a.py").write_bytes(text.replace("\n", "\r\n").encode())
    Path("a.py").chmod(0o750)
    assert main(["check", "a.py", "--diff"]) == 1
    out, err = capsys.readouterr()
    assert "-optimizer.zero_grad\r\n+optimizer.zero_grad()\r\n" in out
    assert err == "Would fix 1 problem in 1 file.\n"
    assert Path("a.py").read_bytes() == text.replace("\n", "\r\n").encode()

    assert main(["check", "a.py", "--fix"]) == 1
    out, err = capsys.readouterr()
    assert "Fixed 1 problem in 1 file.\nFound 1 problem in 1 file" in out
    assert "fix: insert `optimizer.zero_grad()` (--fix --unsafe-fixes)" in out

    assert main(["check", "a.py", "--fix", "--unsafe-fixes"]) == 0
    assert Path("a.py").stat().st_mode & 0o777 == 0o750
    fixed = Path("a.py").read_bytes()
    assert fixed.count(b"\r\n") == text.count("\n") + 1
    assert b"    optimizer.zero_grad()\r\n    model(" in fixed
    assert main(["check", "a.py", "--diff", "--unsafe-fixes"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.py", ".gradguard_cache"}
    assert main(["check", "a.py", "--unsafe-fixes"]) == 2


def test_unused_comments_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        HEAD + "# gradguard: ignore-file[GG2]\nx = 1  # noqa: GG101\ny = 2  # noqa: E501, GG101 # more\n"
        "optimizer.zero_grad  # type: ignore # gradguard: ignore[GG101, uncalled-method]  sic\n"
        "# gradguard: ignore-next-line[GG101] long ago\nz = 3\n"
    )
    Path("a.py").write_text(text)
    assert main(["check", "a.py", "--extend-select", "GG901", "--fix"]) == 0
    assert Path("a.py").read_text() == (
        HEAD + "x = 1\ny = 2  # noqa: E501 # more\n"
        "optimizer.zero_grad  # type: ignore # gradguard: ignore[uncalled-method]  sic\nz = 3\n"
    )


def test_standard_input(capfdbinary, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((HEAD + "optimizer.zero_grad\n").encode())))
    assert main(["check", "-", "--fix"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.decode() == HEAD + "optimizer.zero_grad()\n"
    assert b"Fixed 1 problem" in err


def test_what_is_cleared_already_is_not_cleared_again() -> None:
    """Of two parameters that are updated by hand, one is forgotten: only that one is cleared."""
    source = """import torch
w, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
for _ in range(3):
    loss = ((w * 2 + b) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
    w.grad.zero_()
"""
    (finding,) = gradguard.check_source(source).findings
    assert finding.fix is not None
    assert [edit.replacement.strip() for edit in finding.fix.edits] == ["b.grad = None"]


def test_no_gradient_is_retained_of_what_an_earlier_iteration_made() -> None:
    source = """import torch
w = torch.ones(2, requires_grad=True) * 0.1
for _ in range(3):
    loss = (w * 2).sum()
    loss.backward()
    w.data -= 0.1 * w.grad
"""
    assert [finding.fix for finding in gradguard.check_source(source).findings if finding.code == "GG301"] == [None]


def test_a_carried_input_whose_gradient_is_read_becomes_a_leaf_anew() -> None:
    source = """import torch
model = torch.nn.Linear(4, 2)
x = torch.randn(8, 4).requires_grad_() * 0.5
for _ in range(3):
    model(x).sum().backward()
    x = x + 0.1 * x.grad.sign()
"""
    fixes = [f.fix for f in gradguard.check_source(source).findings if f.code == "GG201" and f.fix]
    assert [edit.replacement.strip() for fix in fixes for edit in fix.edits] == ["x = x.detach().requires_grad_()"]
