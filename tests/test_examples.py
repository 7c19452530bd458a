"""The examples compute what they say, and each broken one goes wrong as its first line says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gradguard.testing import DoesNotTrain, WrongFunction, assert_trains, check_function

EXAMPLES = Path(__file__).parents[1] / "examples"
BROKEN = EXAMPLES / "broken"


def load(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def run_broken(name):
    return runpy.run_path(str(BROKEN / f"{name}.py"))


def marked_line(name):
    lines = (BROKEN / f"{name}.py").read_text(encoding="utf-8").splitlines()
    (line,) = [number for number, text in enumerate(lines, 1) if "# expect: " in text]
    return line


# --- correct --------------------------------------------------------------------------------------------------------


def test_a_tensor_that_was_moved_keeps_its_gradient(capsys):
    a = load("to_device")["main"]()
    assert a.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert "a is a leaf: True" in capsys.readouterr().out


def test_the_gan_learns_the_mean():
    means = load("gan")["main"]()
    assert abs(means[0]) < 1
    assert all(abs(mean - 4) < 1 for mean in means[-20:])


def test_the_gan_keeps_the_discriminators_loss_from_the_generator():
    example = load("gan")
    generator, discriminator = example["networks"]()
    before = [parameter.clone() for parameter in generator.parameters()]
    fake = generator(torch.randn(4, 2))
    discriminator(fake.detach()).sum().backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    example["train"](generator, discriminator, steps=1)
    assert not all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))


def test_linear_regression_finds_the_line_of_least_squares():
    example = load("linear_regression")
    x, y = example["points"]()
    slope, intercept, losses = example["fit"](x, y, epochs=20_000)
    least = np.polyfit(x[:, 0].numpy(), y[:, 0].numpy(), 1)
    assert (slope, intercept) == pytest.approx(tuple(least), abs=1e-3)
    assert losses == sorted(losses, reverse=True) or losses[-1] < 1e-2 * losses[0]
    assert torch.equal(x, torch.rand(20, 1, generator=torch.Generator().manual_seed(6)))


def test_the_slope_of_the_loss_is_that_of_the_formula():
    example = load("linear_model")
    x, y = example["X"], example["Y"]
    for weight, value, slope in example["landscape"]([-1.0, 0.5, 2.0]):
        assert value == pytest.approx(((weight * x - y) ** 2).mean().item())
        assert slope == pytest.approx((2 * x * (weight * x - y)).mean().item())
    w = torch.tensor(0.0, requires_grad=True)
    path = example["descend"](w)
    assert path == sorted(path), "it walks uphill or over the lowest point"
    assert path[-1] == pytest.approx(2, abs=1e-3)
    assert w.is_leaf


def test_three_ways_to_freeze(capsys):
    example = load("freezing")
    example["main"]()
    assert len(capsys.readouterr().out.splitlines()) == 3
    batch = torch.randn(8, 3), torch.randn(8, 1)
    with pytest.raises(DoesNotTrain):
        assert_trains(example["Network"](), batch, nn.functional.mse_loss, frozen=["encoder"])


def test_three_ways_to_one_number():
    assert load("vector_loss")["gradients"]() == pytest.approx([-28 / 3] * 3)


def test_the_chain_rule_and_autograd_agree():
    differences, point = load("chain_rule")["main"]()
    assert set(differences) == {"softmax", "one output", "several outputs", "hidden layer"}
    assert max(differences.values()) < 1e-6
    assert point == pytest.approx((1, -3), abs=1e-3)


@pytest.mark.parametrize("size", [(7, 9), (3, 2), (4, 4)])
def test_bicubic_is_that_of_torch(size):
    image = torch.rand(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = load("bicubic")["Bicubic"].apply(image, *size)
    wanted = nn.functional.interpolate(image[None, None], size, mode="bicubic", align_corners=False)[0, 0]
    assert torch.allclose(found, wanted)
    weights = torch.rand(size, dtype=torch.float64)
    assert torch.allclose(torch.autograd.grad(found, image, weights)[0], torch.autograd.grad(wanted, image, weights)[0])


def test_the_convolution_is_that_of_torch():
    image, kernel = torch.rand(5, 4, requires_grad=True), torch.rand(3, 2, requires_grad=True)
    found = load("convolution")["Convolution"].apply(image, kernel)
    wanted = nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]
    assert torch.allclose(found, wanted)
    for one in (image, kernel):
        pair = [torch.autograd.grad(out.square().sum(), one, retain_graph=True)[0] for out in (found, wanted)]
        assert torch.allclose(*pair)


@pytest.mark.parametrize("name", ["bicubic", "convolution"])
def test_the_functions_are_checked(name, capsys):
    load(name)["main"]()
    assert "right" in capsys.readouterr().out


# --- broken ---------------------------------------------------------------------------------------------------------


def test_the_gradient_of_what_was_moved_is_none(capsys):
    with pytest.warns(UserWarning, match=r"\.grad attribute of a Tensor that is not a leaf"):
        run_broken("to_device_non_leaf_grad")
    assert capsys.readouterr().out == "its gradient: None\n"


@pytest.mark.parametrize(
    ("name", "kind", "error"),
    [
        ("gan_backward_twice", RuntimeError, "Trying to backward through the graph a second time"),
        ("chain_rule_backward_twice", RuntimeError, "Trying to backward through the graph a second time"),
        ("vector_loss_non_scalar_backward", RuntimeError, "grad can be implicitly created only for scalar outputs"),
        ("freezing_detached_backward", RuntimeError, "does not require grad and does not have a grad_fn"),
        ("linear_model_parameter_rebound", TypeError, "'float' and 'NoneType'"),
    ],
)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_the_marked_line_fails(name, kind, error):
    with pytest.raises(kind, match=error) as info:
        run_broken(name)
    line = next(entry.lineno + 1 for entry in info.traceback if str(entry.path).endswith(f"{name}.py"))
    assert line == marked_line(name)


def test_one_gradient_for_three_inputs():
    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 3, got 1\)"):
        run_broken("bicubic_function_gradient_count")


def test_the_write_behind_autograds_back():
    x = run_broken("freezing_data_write")["x"]
    right = torch.where(x < 0, x.exp(), 0).tolist()
    assert x.grad.tolist() != pytest.approx(right)


def test_the_regression_does_not_settle():
    losses = run_broken("linear_regression_missing_zero_grad")["losses"]
    assert max(losses[-100:]) > 0.5
    assert min(losses[-100:]) < 0.1


def test_the_descent_does_not_settle():
    path = run_broken("linear_model_missing_zero_grad")["path"]
    assert max(path[-20:]) > 3
    assert min(path[-20:]) < 1


def test_the_kernel_that_is_not_turned():
    with pytest.raises(WrongFunction, match=r"`Convolution.backward` returns a wrong gradient for `image`") as info:
        run_broken("convolution_function_wrong_gradient")
    finding = info.value.finding
    assert finding.code == "GG604"
    assert finding.location.line == marked_line("convolution_function_wrong_gradient")


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.py")), ids=lambda path: path.stem)
def test_a_broken_example_says_first_what_goes_wrong(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(r"# \w.*[.]\n", text)
    assert len(re.findall(r"# expect: GG\d{3}$", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.py")), ids=lambda path: path.stem)
def test_a_broken_example_belongs_to_a_correct_one(path):
    assert any(path.stem.startswith(f"{right.stem}_") for right in EXAMPLES.glob("*.py"))


def test_check_function_takes_the_functions_of_the_examples():
    check_function(load("convolution")["Convolution"], torch.rand(3, 3).double(), torch.rand(2, 1).double(), examples=5)
