"""Linear regression by hand: a slope and an intercept, fitted to noisy points.

`backward()` adds to the gradients that are there. Each update therefore ends by clearing them.
"""

import torch


def points(slope=2.0, intercept=1.0):
    """Twenty points near the line: inputs and targets, both of shape (20, 1), without units."""
    torch.manual_seed(6)
    x = torch.rand(20, 1)
    y = slope * x + intercept + 0.05 * torch.randn(20, 1)
    return x, y


def fit(x, y, lr=0.01, epochs=5000):
    """Slope and intercept after `epochs` updates with learning rate `lr`, and the loss before each update."""
    w = torch.zeros(1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    losses = []
    for _ in range(epochs):
        loss = ((w * x + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
        losses.append(loss.item())
    return w.item(), b.item(), losses


def main():
    x, y = points()
    slope, intercept, losses = fit(x, y)
    print(f"loss: {losses[0]:.4f} at first, {losses[-1]:.4f} at last")
    print(f"y = {slope:.2f} x + {intercept:.2f}, made from y = 2 x + 1")
    return slope, intercept, losses


if __name__ == "__main__":
    main()
