"""Gradient descent by hand: fit w0*x**2 + w1*x + w2 to three points, one point at a time.

    python examples/quadratic.py --epochs 100 --plot loss.png

There is no optimizer. Autograd computes the gradient, `train` moves the weights through `.data`, and it clears the
gradient itself, since `backward()` adds to what is already in `.grad`.
"""

import argparse
import sys

import torch

X = [1.0, 2.0, 3.0]
Y = [2.0, 4.0, 6.0]


def initial_weights():
    """The weights before training: a leaf tensor of shape (3,), the coefficients of x**2, x and 1 (no unit)."""
    w = torch.tensor([1.0, 1.0, 1.0])
    w.requires_grad = True
    return w


def forward(w, x):
    """The prediction for one sample.

    w: weights, shape (3,). x: the input, a number without a unit. Returns y in the unit of the targets, shape ().
    """
    return w[0] * x**2 + w[1] * x + w[2]


def loss(w, x, y):
    """The squared error of one sample.

    w: weights, shape (3,). x, y: input and target, numbers. Returns a tensor of shape (), in squared units of y.
    """
    y_pred = forward(w, x)
    return (y_pred - y) ** 2


def train(w, epochs=100, lr=0.01):
    """Fit `w`, shape (3,), in place: one update for each sample in each of `epochs` passes, with learning rate `lr`.

    Returns two lists. `losses`: for each epoch the loss of its last sample before that sample's update, in squared
    units of y. `gradients`: for each update the gradient that it used, three numbers, in squared units of y.
    """
    losses, gradients = [], []
    for epoch in range(epochs):
        for x, y in zip(X, Y):
            l = loss(w, x, y)
            l.backward()
            gradients.append(w.grad.tolist())
            w.data = w.data - lr * w.grad.data
            w.grad.data.zero_()
        losses.append(l.item())
        print(f"epoch {epoch}: loss {l.item()}")
    return losses, gradients


def draw(losses):
    """A figure of `losses` (squared units of y, a number for each epoch) over the epochs, on a logarithmic scale."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(layout="constrained")
    axes.plot(range(len(losses)), losses)
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("squared error of the last sample")
    axes.set_title("Gradient descent on w0·x² + w1·x + w2")
    axes.grid(visible=True, which="both", alpha=0.3)
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=100, help="passes over the data (default: %(default)s)")
    parser.add_argument("--plot", metavar="FILE", help="save the loss over the epochs as a picture")
    parser.add_argument("--show", action="store_true", help="show the loss over the epochs in a window")
    args = parser.parse_args(arguments)

    if args.plot or args.show:
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            sys.exit("--plot and --show need matplotlib: pip install matplotlib")

    w = initial_weights()
    print("prediction for x = 4 before training:", forward(w, 4).item())
    losses, _ = train(w, args.epochs)
    print("prediction for x = 4 after training:", forward(w, 4).item())

    if args.plot or args.show:
        figure = draw(losses)
        if args.plot:
            figure.savefig(args.plot, dpi=150)
        if args.show:
            plt.show()
        plt.close(figure)


if __name__ == "__main__":
    main()
