"""Derivatives by the chain rule, written out by hand, beside those of autograd.

Softmax and its matrix of derivatives; a perceptron with one output, with several, and with a hidden layer; and the
lowest point of a function of two variables.
"""

import torch


def softmax_derivatives(z):
    """The derivative of each softmax output by each input: shape (n, n) for z of shape (n,)."""
    p = torch.softmax(z, dim=0)
    return torch.diag(p) - torch.outer(p, p)


def softmax_derivatives_by_autograd(z):
    """The same, one backward pass for each output: all but the last must keep the graph."""
    z = z.detach().requires_grad_()
    p = torch.softmax(z, dim=0)
    rows = [torch.autograd.grad(output, z, retain_graph=True)[0] for output in p]
    return torch.stack(rows)


def one_output(w, x, target):
    """Perceptron with one sigmoid output and cross entropy: the gradient by the weights w, shape (n,)."""
    return (torch.sigmoid(w @ x) - target) * x


def several_outputs(w, x, label):
    """Perceptron with softmax outputs and cross entropy: the gradient by the weights w, shape (classes, n)."""
    error = torch.softmax(w @ x, dim=0)
    error[label] -= 1
    return torch.outer(error, x)


def hidden_layer(w1, w2, x, target):
    """Two layers, tanh between them, squared error: the gradients by w1, shape (h, n), and w2, shape (h,)."""
    hidden = torch.tanh(w1 @ x)
    error = 2 * (w2 @ hidden - target)
    into_hidden = error * w2 * (1 - hidden**2)
    return torch.outer(into_hidden, x), error * hidden


def by_autograd(loss, *weights):
    """The gradients of `loss(*weights)` by each of the weights."""
    leaves = [weight.detach().requires_grad_() for weight in weights]
    return torch.autograd.grad(loss(*leaves), leaves)


def lowest_point(f, x, y, lr=0.1, steps=200):
    """Gradient descent on a function of two variables, from (x, y)."""
    for _ in range(steps):
        x, y = (value.detach().requires_grad_() for value in (x, y))
        slope_x, slope_y = torch.autograd.grad(f(x, y), (x, y))
        x, y = x - lr * slope_x, y - lr * slope_y
    return x.item(), y.item()


def main():
    torch.manual_seed(0)
    z, x = torch.randn(4), torch.randn(3)
    w, w1, w2 = torch.randn(3), torch.randn(5, 3), torch.randn(5)
    wide = torch.randn(4, 3)
    target = torch.tensor(1.0)
    bce, cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits, torch.nn.functional.cross_entropy

    pairs = {
        "softmax": ([softmax_derivatives(z)], [softmax_derivatives_by_autograd(z)]),
        "one output": ([one_output(w, x, target)], by_autograd(lambda w: bce(w @ x, target), w)),
        "several outputs": (
            [several_outputs(wide, x, 2)],
            by_autograd(lambda w: cross_entropy(w @ x, torch.tensor(2)), wide),
        ),
        "hidden layer": (
            hidden_layer(w1, w2, x, target),
            by_autograd(lambda w1, w2: (w2 @ torch.tanh(w1 @ x) - target) ** 2, w1, w2),
        ),
    }
    differences = {}
    for name, (by_hand, automatic) in pairs.items():
        differences[name] = max((a - b).abs().max().item() for a, b in zip(by_hand, automatic))
        print(f"{name}: largest difference {differences[name]:.1e}")

    point = lowest_point(lambda x, y: (x - 1) ** 2 + 2 * (y + 3) ** 2, torch.tensor(0.0), torch.tensor(0.0))
    print("lowest point of (x - 1)² + 2 (y + 3)²: ({:.3f}, {:.3f})".format(*point))
    return differences, point


if __name__ == "__main__":
    main()
