"""`check_function` finds each way in which a custom Function can be wrong, and leaves the right ones alone."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from gradguard.testing import WrongFunction, check_function
from gradguard.testing.strategies import broadcastable, tensors

EXAMPLES = 12


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class Multiply(Function):
    @staticmethod
    def forward(ctx, left, right):
        ctx.save_for_backward(left, right)
        return left * right

    @staticmethod
    def backward(ctx, grad_output):
        left, right = ctx.saved_tensors
        return grad_output * right, grad_output * left


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.factor, None


# --- right, and suspicious ------------------------------------------------------------------------------------------


class SetupContext(Function):
    @staticmethod
    def forward(x, w):
        return x @ w

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        grad_x = grad_output @ w.T if ctx.needs_input_grad[0] else None
        grad_w = x.T @ grad_output if ctx.needs_input_grad[1] else None
        return grad_x, grad_w


class Vjp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def vjp(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x.cos() * grad_output


class OptionalBias(Function):
    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight, bias)
        out = x.mm(weight.t())
        return out if bias is None else out + bias

    @staticmethod
    def backward(ctx, g):
        x, weight, bias = ctx.saved_tensors
        gb = g.sum(0) if bias is not None and ctx.needs_input_grad[2] else None
        return g.mm(weight), g.t().mm(x), gb


class Relu(Function):
    """Has a kink at 0, and numbers that hypothesis likes best lie there."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x > 0)


class Floor(Function):
    """Jumps, and is flat in between."""

    @staticmethod
    def forward(ctx, x):
        return x.floor()

    @staticmethod
    def backward(ctx, grad_output):
        return torch.zeros_like(grad_output)


class Largest(Function):
    """Has no value for an empty tensor, and a kink where two elements are equal."""

    @staticmethod
    def forward(ctx, x):
        value, ctx.index = x.max(), int(x.argmax())
        ctx.shape = x.shape
        return value

    @staticmethod
    def backward(ctx, grad_output):
        gradient = grad_output.new_zeros(ctx.shape).reshape(-1)
        gradient[ctx.index] = grad_output
        return gradient.reshape(ctx.shape)


class Log(Function):
    """nan for the negative half of its inputs."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.log()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / x


class SavesItsOutput(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y


class DoubleInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 2


class NumpySine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.as_tensor(np.sin(x.detach().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.as_tensor(np.cos(x.detach().numpy()))


class KeepsACopy(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.copy = x.clone()
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return 2 * ctx.copy * grad_output


class TwoOutputs(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


class SortWithIndices(Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.sort(dim=-1)
        ctx.mark_non_differentiable(indices)
        ctx.save_for_backward(indices)
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, _):
        (indices,) = ctx.saved_tensors
        return torch.zeros_like(grad_values).scatter(-1, indices, grad_values)


class Dropout(Function):
    @staticmethod
    def forward(ctx, x):
        mask = torch.bernoulli(torch.full_like(x, 0.5))
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask


class Round32(Function):
    """Computes in float32, whatever it is given."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x.float() ** 2).double()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class ExtraNone(Function):
    """torch allows more Nones at the end than there are inputs."""

    @staticmethod
    def forward(ctx, x):
        return x * 3

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 3, None, None


class Lookup(Function):
    @staticmethod
    def forward(ctx, table, rows):
        ctx.save_for_backward(rows)
        ctx.shape = table.shape
        return table[rows]

    @staticmethod
    def backward(ctx, grad_output):
        (rows,) = ctx.saved_tensors
        return grad_output.new_zeros(ctx.shape).index_add(0, rows, grad_output), None


class OnlyDouble(Function):
    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float64:
            raise TypeError("float64 only")
        return x * 2

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.double() * 2


class OnlyContiguous(Function):
    @staticmethod
    def forward(ctx, x):
        assert x.is_contiguous()
        return x * 2

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 2


class View(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return x.reshape(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.reshape(ctx.shape)


class ComplexSquare(Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return grad_output * (2 * z).conj()


class Masked(Function):
    """The mask is a tensor of numbers that nobody trains."""

    @staticmethod
    def forward(ctx, x, mask):
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask, None


RIGHT = {
    "square": (Square,),
    "apply": (Square.apply,),
    "product": (Multiply, *broadcastable(2)),
    "constant": (Scale, tensors(), 3),
    "drawn constant": (Scale, tensors(), st.integers(-3, 3)),
    "setup_context": (SetupContext, tensors("n k"), tensors("k m")),
    "vjp": (Vjp,),
    "bias": (OptionalBias, tensors("n k"), tensors("m k"), tensors("m")),
    "no bias": (OptionalBias, tensors("n k"), tensors("m k"), None),
    "relu": (Relu,),
    "floor": (Floor,),
    "max": (Largest,),
    "log": (Log,),
    "saves its output": (SavesItsOutput,),
    "in place": (DoubleInPlace,),
    "numpy": (NumpySine,),
    "copy on ctx": (KeepsACopy,),
    "two outputs": (TwoOutputs,),
    "sort": (SortWithIndices,),
    "dropout": (Dropout,),
    "float32 inside": (Round32,),
    "extra None": (ExtraNone,),
    "integer tensor": (Lookup, tensors("4 k"), torch.tensor([0, 2, 2])),
    "float64 only": (OnlyDouble,),
    "contiguous only": (OnlyContiguous,),
    "view": (View,),
    "complex": (ComplexSquare, torch.tensor([1 + 2j, 0.5j], dtype=torch.complex128)),
    "fixed tensors": (Multiply, torch.randn(2, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)),
}


@pytest.mark.parametrize("arguments", RIGHT.values(), ids=RIGHT)
def test_a_right_function_passes(arguments):
    check_function(*arguments, examples=EXAMPLES)


@pytest.mark.parametrize(
    ("kind", "values"),
    [(Relu, [0.0, 1.0, 0.0]), (Largest, [2.0, 2.0, 1.0]), (Floor, [1.0, -2.0, 0.5]), (Log, [0.0, -1.0, 2.0])],
)
def test_kinks_jumps_and_poles_are_not_judged(kind, values):
    check_function(kind, torch.tensor(values, dtype=torch.float64), examples=5)


def test_what_is_smooth_is_judged_beside_a_kink():
    wrong = variant(Relu, backward=lambda ctx, g: g * (saved(ctx)[0] > 0) * 2)
    x = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with pytest.raises(WrongFunction, match=r"derivative of output\[1\] by x\[1\] is 1"):
        check_function(wrong, x)


def test_what_is_finite_is_judged_beside_a_nan():
    wrong = variant(Log, backward=lambda ctx, g: 2 * g / saved(ctx)[0])
    x = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    with pytest.raises(WrongFunction, match=r"derivative of output\[1\] by x\[1\] is 0.5"):
        check_function(wrong, x)


def test_an_input_without_gradient_on_purpose():
    check_function(Masked, tensors("n"), tensors("n"), no_gradient_for=["mask"], examples=EXAMPLES)
    with pytest.raises(WrongFunction, match="returns None for `mask`"):
        check_function(Masked, tensors("n"), tensors("n"), examples=EXAMPLES)


# --- wrong ----------------------------------------------------------------------------------------------------------


def variant(parent, **methods):
    return type(parent.__name__, (parent,), {name: staticmethod(method) for name, method in methods.items()})


def saved(ctx):
    return ctx.saved_tensors


def forward_saves_late(ctx, x):
    ctx.save_for_backward(x)
    ctx.mark_dirty(x)
    return x.mul_(x)


def forward_changes(ctx, x):
    ctx.save_for_backward(x)
    x.mul_(2)
    return x * x


def forward_changes_data(ctx, x):
    ctx.save_for_backward(x)
    x.data.add_(1)
    return x * x


def forward_keeps(ctx, x):
    ctx.x = x
    return x * x


def backward_keeps(ctx, grad_output):
    return 2 * ctx.x * grad_output


def forward_intermediate(ctx, x):
    doubled = 2 * x
    ctx.save_for_backward(doubled)
    return x * x


def backward_numpy(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return torch.as_tensor(2 * x.detach().numpy() * grad_output.detach().numpy())


def backward_changes_saved(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return x.data.mul_(2) * grad_output


def backward_changes_incoming(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return grad_output.mul_(2 * x)


def backward_needs_both(ctx, grad_output):
    left, right = ctx.saved_tensors
    grad_left = grad_output * right if ctx.needs_input_grad[0] else None
    return grad_left, grad_left * 0 + grad_output * left


def backward_mask_mixed_up(ctx, grad_output):
    left, right = ctx.saved_tensors
    grad_left = grad_output * right if ctx.needs_input_grad[1] else None
    return grad_left, grad_output * left


def backward_counts(ctx, grad_output):
    ctx.factor += 1
    return grad_output * (ctx.factor - 1), None


def backward_view(ctx, grad_output):
    return grad_output.view(-1).view(grad_output.shape) * 3, None


def backward_hard_coded_type(ctx, grad_output):
    matrix = 3 * torch.eye(grad_output.numel(), dtype=torch.float64)
    return (matrix @ grad_output.reshape(-1)).reshape(grad_output.shape), None


def backward_fails_when_empty(ctx, grad_output):
    (x,) = ctx.saved_tensors
    x.max()
    return 2 * x * grad_output


WRONG = {
    # name: (arguments, code, what the message says)
    "half": (
        (variant(Square, backward=lambda ctx, g: saved(ctx)[0] * g),),
        "GG604",
        "a factor: `backward` says 0.5 times what is right",
    ),
    "sign": ((variant(Square, backward=lambda ctx, g: -2 * saved(ctx)[0] * g),), "GG604", "turn the sign around"),
    "grad_output": (
        (variant(Square, backward=lambda ctx, g: 2 * saved(ctx)[0]),),
        "GG604",
        "takes no notice of it|multiply by the gradient that comes in",
    ),
    "other formula": (
        (variant(Square, backward=lambda ctx, g: 3 * saved(ctx)[0] ** 2 * g),),
        "GG604",
        r"wrong gradient for `x`: the derivative of output by x is",
    ),
    "None": ((variant(Square, backward=lambda ctx, g: None),), "GG604", r"returns None for `x`"),
    "nan": ((variant(Square, backward=lambda ctx, g: g * float("nan")),), "GG604", r"says nan"),
    "changed places": (
        (variant(Multiply, backward=lambda ctx, g: (g * saved(ctx)[0], g * saved(ctx)[1])), tensors("n"), tensors("n")),
        "GG604",
        "have changed places",
    ),
    "forward without the factor": (
        (variant(Scale, forward=lambda ctx, x, factor: setattr(ctx, "factor", factor) or x.clone()), tensors(), 3),
        "GG604",
        "3 times",
    ),
    "too few": (
        (variant(Scale, backward=lambda ctx, g: g * ctx.factor), tensors(), 3),
        "GG601",
        r"returns 1 gradient, but `Scale.forward` has 2 inputs \(`x`, `factor`\)",
    ),
    "too many": (
        (variant(Square, backward=lambda ctx, g: (2 * saved(ctx)[0] * g, g)),),
        "GG601",
        "returns 2 gradients",
    ),
    "for a number": (
        (variant(Scale, backward=lambda ctx, g: (g * ctx.factor, g)), tensors(), 3),
        "GG601",
        "`factor` is 3 and no tensor",
    ),
    "shape": (
        (variant(Square, backward=lambda ctx, g: (2 * saved(ctx)[0] * g).flatten()[:1].expand(7)), tensors("2 3")),
        "GG604",
        r"shape \(7,\) for `x`, which has the shape \(2, 3\)",
    ),
    "changed in place": (
        (variant(Square, forward=forward_changes),),
        "GG604",
        "changes its input `x` in place and then saves it",
    ),
    "changed behind autograd": (
        (variant(Square, forward=forward_changes_data),),
        "GG604",
        "changes its input `x` in place",
    ),
    "saved and dirty": (
        (variant(Square, forward=forward_saves_late),),
        "GG604",
        "saves an input that it changes in place",
    ),
    "kept on ctx": (
        (variant(Square, forward=forward_keeps, backward=backward_keeps),),
        "GG602",
        r"ctx.save_for_backward\(x\)",
    ),
    "intermediate": (
        (variant(Square, forward=forward_intermediate, backward=lambda ctx, g: saved(ctx)[0] * g),),
        "GG604",
        "@once_differentiable",
    ),
    "numpy": ((variant(Square, backward=backward_numpy),), "GG604", r"leaves autograd \(by numpy"),
    "changes what is saved": (
        (variant(Square, backward=backward_changes_saved),),
        "GG604",
        r"changes a tensor of `ctx.saved_tensors` in place",
    ),
    "changes what comes in": (
        (variant(Square, backward=backward_changes_incoming),),
        "GG604",
        "changes `grad_output` in place",
    ),
    "needs both": (
        (variant(Multiply, backward=backward_needs_both), tensors("n"), tensors("n")),
        "GG604",
        "fails when a gradient is needed for `right` alone",
    ),
    "mask": (
        (variant(Multiply, backward=backward_mask_mixed_up), tensors("n"), tensors("n")),
        "GG604",
        "returns None for `left`",
    ),
    "counts": (
        (variant(Scale, backward=backward_counts), tensors(), 3),
        "GG604",
        "a second backward through the same graph",
    ),
    "view": ((variant(Scale, backward=backward_view), tensors(), 3), "GG604", "not contiguous"),
    "type": (
        (variant(Scale, backward=backward_hard_coded_type), tensors("2"), 3),
        "GG604",
        r"fails \(RuntimeError.*with torch.float32",
    ),
    "empty": (
        (variant(Square, backward=backward_fails_when_empty),),
        "GG604",
        "`Square.backward` fails when a gradient is needed for `x`",
    ),
    "random": (
        (variant(Square, forward=lambda ctx, x: ctx.save_for_backward(x) or x * x + np.random.default_rng().random()),),
        "GG604",
        "different results for the same inputs",
    ),
    "no tensor": ((variant(Square, backward=lambda ctx, g: 2.0),), "GG604", "a gradient is a tensor or None"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_function_is_told_from_a_right_one(arguments, code, message):
    with pytest.raises(WrongFunction, match=message) as info:
        check_function(*arguments)
    assert info.value.finding.code == code
    assert str(info.value).startswith(code)


# --- how it is told -------------------------------------------------------------------------------------------------


class Half(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x * grad_output  # the guilty line


def failure(*arguments, **options):
    with pytest.raises(WrongFunction) as info:
        check_function(*arguments, **options)
    return info.value


def test_the_finding_points_at_the_return_of_backward():
    place = failure(Half).finding.location
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = lines[place.line - 1]
    assert "# the guilty line" in line
    assert line[place.column - 1 : place.end_column - 1] == "return x * grad_output"
    assert Path(place.path).resolve() == Path(__file__).resolve()


def test_the_text_has_all_that_is_needed_to_see_it():
    text = str(failure(Half))
    assert "GG604 function-wrong-gradient" in text
    assert "x = torch.tensor(0.0625, dtype=torch.float64, requires_grad=True)\n    Half.apply(x)" in text
    assert "the derivative of output by x is 0.125 (by finite differences), `backward` says 0.0625" in text
    assert "instead: look for a factor: `backward` says 0.5 times what is right" in text


def test_the_numbers_of_the_example_are_true():
    """The text of a failure can be pasted into a program and shows the fault there."""
    text = str(failure(variant(Multiply, backward=lambda ctx, g: (g, g)), tensors("n"), tensors("n")))
    assert "derivative of output[0] by " in text
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    space = {"torch": torch, "Multiply": variant(Multiply, backward=lambda ctx, g: (g, g))}
    exec("\n".join(lines[:-1]), space)
    wrong, right = eval(lines[-1], space), space["left"] * space["right"]
    inputs = [space[name] for name in ("left", "right") if space[name].requires_grad]
    found = torch.autograd.grad(wrong.sum(), inputs)
    assert not all(torch.equal(a, b) for a, b in zip(found, torch.autograd.grad(right.sum(), inputs), strict=True))


def test_the_same_failure_in_every_run():
    assert str(failure(Half)) == str(failure(Half))


def test_the_layout_is_told():
    class Flattened(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.shape, ctx.save = x.shape, x.is_contiguous()
            return x * 2

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * (2 if ctx.save else 3)

    text = str(failure(Flattened))
    assert any(f"# {layout}" in text for layout in ("transposed", "every second element", "one row, expanded"))


def test_instance_methods():
    class Old(Function):
        def forward(self, x):
            return x * 2

        def backward(self, grad_output):
            return grad_output * 2

    assert failure(Old).finding.code == "GG603"
    assert "write `@staticmethod` above `def forward`" in str(failure(Old))


def test_an_unneeded_gradient_is_reported_on_request():
    pair = tensors("n"), tensors("n")
    assert "if ctx.needs_input_grad[" in str(failure(Multiply, *pair, unneeded_gradients=True))
    check_function(SetupContext, tensors("n k"), tensors("k m"), unneeded_gradients=True, examples=EXAMPLES)


def test_second_derivatives_can_be_left_out():
    check_function(variant(Square, backward=backward_numpy), double_backward=False, examples=EXAMPLES)


def test_a_second_output_that_is_not_used():
    class Careless(TwoOutputs):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return TwoOutputs.forward(ctx, x)

    assert "gradcheck" in str(failure(Careless))


def test_inputs_must_be_said():
    with pytest.raises(TypeError, match=r"\(left, right\): say what they are"):
        check_function(Multiply)
    with pytest.raises(TypeError, match="no input of `Square` is a floating tensor"):
        check_function(Square, 3)
    with pytest.raises(TypeError, match="takes a subclass"):
        check_function(torch.sin)
    with pytest.raises(ValueError, match="the inputs are x, mask"):
        check_function(Masked, tensors(), tensors(), no_gradient_for=["msk"])


def test_nothing_that_forward_takes():
    error = failure(SetupContext, tensors("2 3"), tensors("4 5"))
    assert "took none of the inputs" in str(error)
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied" in str(error)
    assert isinstance(error.__cause__, RuntimeError)


def test_nothing_that_has_a_gradient():
    class Sign(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.sign()
            ctx.mark_non_differentiable(y)
            return y

        @staticmethod
        def backward(ctx, grad_output):
            return None

    assert "requires a gradient" in str(failure(Sign))


def test_random_numbers_stay_as_they_were():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    check_function(Dropout, examples=3)
    assert torch.equal(torch.rand(1), expected)


def test_the_exception_can_be_pickled():
    error = failure(Half)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.finding == error.finding


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 3))
def test_within_a_test_of_hypothesis(factor):
    check_function(Scale, tensors("2"), factor, examples=3)


def test_tensors_of_the_user_are_not_touched():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    check_function(DoubleInPlace, x, examples=5)
    assert x.tolist() == [1.0, 2.0]
    assert x.grad is None
