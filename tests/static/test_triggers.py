"""Which files are worth parsing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradguard.static.triggers import is_worth_parsing

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/bad_*.py"))


@pytest.mark.parametrize(
    "code",
    [
        b"loss.backward()",
        b"run = loss . backward",
        b"loss\\\n    .backward()",
        b"losses[0].backward ()",
        b"accelerator.backward(loss)",
        b"self.manual_backward(loss)",
        b"backward_pass(loss)",
        b"from torch.autograd import backward, grad",
        b"getattr(loss, 'backward')()",
        b"class F(Function):\n    def backward (ctx, g): ...",
        b"optimizer.step",
        b"model.zero_grad",
        b"w.grad",
    ],
)
def test_code(code: bytes) -> None:
    assert is_worth_parsing(code)


@pytest.mark.parametrize(
    "text",
    [
        b"# kept for backward compatibility (since 2.0)",
        b'"""Backward compatible. See also: backwards."""',
        b"# going backward (from the end)",
        b"backward_compatibility_check(model)",
        b"x = layer.gradient",
        b"stepper.steps()",
        b"from mxnet import autograd\nloss.backward()",
    ],
)
def test_prose(text: bytes) -> None:
    assert not is_worth_parsing(text)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_all_faults_are_worth_it(path: Path) -> None:
    assert is_worth_parsing(path.read_bytes())
