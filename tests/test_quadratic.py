"""The quadratic example reaches the published figures, and each broken copy of it goes wrong as it says."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / "examples"
QUADRATIC = EXAMPLES / "quadratic.py"
BROKEN = EXAMPLES / "broken"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

initial_weights, forward, loss, train, draw, main = (
    runpy.run_path(str(QUADRATIC))[name] for name in ("initial_weights", "forward", "loss", "train", "draw", "main")
)


@pytest.fixture(scope="module")
def trained():
    w = initial_weights()
    losses, gradients = train(w)
    return w, losses, gradients


def test_the_prediction_before_training():
    assert forward(initial_weights(), 4).item() == 21.0


def test_the_first_three_gradients(trained):
    _, _, gradients = trained
    assert gradients[0] == [2.0, 2.0, 2.0]
    assert [[round(number, 4) for number in gradient] for gradient in gradients[1:3]] == [
        [22.88, 11.44, 5.72],
        [77.0472, 25.6824, 8.5608],
    ]


def test_the_losses(trained):
    _, losses, gradients = trained
    assert len(losses) == 100
    assert len(gradients) == 300
    assert losses[:3] == [18.321826934814453, 2.858394145965576, 1.1675907373428345]
    assert losses[98:] == [0.0063416799530386925, 0.00631808303296566]


def test_the_prediction_after_training(trained):
    w, _, _ = trained
    assert forward(w, 4).item() == 8.544171333312988


def test_the_weights_stay_one_leaf(trained):
    w, _, _ = trained
    assert w.is_leaf
    assert w.requires_grad
    assert w.grad.tolist() == [0.0, 0.0, 0.0]


def test_the_program_prints_what_it_learned(capsys):
    main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction for x = 4 before training: 21.0"
    assert lines[1] == "epoch 0: loss 18.321826934814453"
    assert lines[100] == "epoch 99: loss 0.00631808303296566"
    assert lines[101:] == ["prediction for x = 4 after training: 8.544171333312988"]


def test_the_number_of_epochs_can_be_chosen(capsys):
    main(["--epochs", "2"])
    assert sum(line.startswith("epoch") for line in capsys.readouterr().out.splitlines()) == 2


def test_the_plot_is_saved(tmp_path, capsys):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    picture = tmp_path / "loss.png"
    main(["--epochs", "5", "--plot", str(picture)])
    assert picture.read_bytes().startswith(PNG_SIGNATURE)
    assert pyplot.imread(picture)[..., :3].min() < 0.5, "an empty picture"
    assert not pyplot.get_fignums(), "the figure stays open"


def test_the_plot_shows_every_loss_on_a_logarithmic_scale():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = draw([4.0, 2.0, 1.0])
    (axes,) = figure.axes
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [0, 1, 2]
    assert line.get_ydata().tolist() == [4.0, 2.0, 1.0]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "squared error of the last sample"
    pyplot.close(figure)


def test_without_matplotlib_only_the_plot_is_refused(monkeypatch, capsys, tmp_path):
    # None in sys.modules makes an import raise ImportError.
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    picture = tmp_path / "loss.png"
    with pytest.raises(SystemExit, match="pip install matplotlib"):
        main(["--plot", str(picture)])
    assert not picture.exists()
    assert capsys.readouterr().out == ""
    main(["--epochs", "1"])
    assert "after training" in capsys.readouterr().out


def test_the_program_runs_as_a_script():
    done = subprocess.run([sys.executable, QUADRATIC, "--epochs", "1"], capture_output=True, text=True, check=True)
    assert "epoch 0: loss 18.321826934814453" in done.stdout


def run_broken(rule):
    return runpy.run_path(str(BROKEN / f"quadratic_{rule}.py"))


def line_of_error(info, rule):
    """The line of the broken example in which the exception was raised or passed through."""
    path = str(BROKEN / f"quadratic_{rule}.py")
    return next(entry.lineno + 1 for entry in info.traceback if str(entry.path) == path)


def marked_line(rule):
    lines = (BROKEN / f"quadratic_{rule}.py").read_text(encoding="utf-8").splitlines()
    (line,) = [number for number, text in enumerate(lines, 1) if "# expect: " in text]
    return line


def test_without_clearing_the_loss_becomes_nan():
    after = run_broken("missing_zero_grad")
    assert after["l"].isnan()
    assert after["forward"](4).isnan()


@pytest.mark.parametrize("rule", ["zero_grad_before_step", "step_without_backward", "uncalled_method"])
def test_the_weights_stay_as_they_were(rule):
    after = run_broken(rule)
    assert after["w"].tolist() == [1.0, 1.0, 1.0]
    assert after["epoch"] == 99
    assert after["l"].item() == 49.0


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("backward_twice", "Trying to backward through the graph a second time"),
        ("non_scalar_backward", "grad can be implicitly created only for scalar outputs"),
    ],
)
def test_the_marked_backward_fails(rule, error):
    with pytest.raises(RuntimeError, match=error) as info:
        run_broken(rule)
    assert line_of_error(info, rule) == marked_line(rule)


def test_the_graph_is_freed_by_the_first_epoch(capsys):
    with pytest.raises(RuntimeError):
        run_broken("backward_twice")
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["0"]


def test_the_gradient_of_a_non_leaf_is_none():
    with (
        pytest.warns(UserWarning, match=r"\.grad attribute of a Tensor that is not a leaf"),
        pytest.raises(AttributeError, match="'NoneType' object has no attribute 'data'") as info,
    ):
        run_broken("non_leaf_grad")
    assert line_of_error(info, "non_leaf_grad") == marked_line("non_leaf_grad") + 1


def test_the_rebound_parameter_has_no_gradient_to_clear():
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'zero_'") as info:
        run_broken("parameter_rebound")
    assert line_of_error(info, "parameter_rebound") == marked_line("parameter_rebound") + 1


@pytest.mark.parametrize("path", sorted(BROKEN.glob("quadratic_*.py")), ids=lambda path: path.stem)
def test_a_broken_copy_says_first_what_goes_wrong(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(r"# \w.*[.]\n", text)
    assert len(re.findall(r"# expect: GG\d{3}$", text, re.MULTILINE)) == 1


def test_without_clearing_the_second_gradient_is_a_sum():
    w = initial_weights()
    loss(w, 1.0, 2.0).backward()
    w.data = w.data - 0.01 * w.grad.data
    loss(w, 2.0, 4.0).backward()
    assert torch.allclose(w.grad, torch.tensor([2.0 + 22.88, 2.0 + 11.44, 2.0 + 5.72]))
