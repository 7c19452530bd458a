"""The linear model y = w x: how the loss depends on w, and gradient descent to its lowest point.

The update changes w in place, under `no_grad`: so w stays the same leaf, and the next backward finds it.
"""

import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])


def loss(w):
    """The mean squared error of the model with weight w, in squared units of Y. Returns a tensor of shape ()."""
    return ((w * X - Y) ** 2).mean()


def landscape(weights):
    """For each of the weights the loss and its slope there."""
    rows = []
    for weight in weights:
        w = torch.tensor(weight, requires_grad=True)
        l = loss(w)
        (slope,) = torch.autograd.grad(l, w)
        rows.append((weight, l.item(), slope.item()))
    return rows


def descend(w, lr=0.02, steps=50):
    """Move `w`, a leaf of shape (), downhill in place. Returns the weight after each step."""
    path = []
    for _ in range(steps):
        loss(w).backward()
        with torch.no_grad():
            w -= lr * w.grad
        w.grad = None
        path.append(w.item())
    return path


def main():
    for weight, value, slope in landscape([0.0, 1.0, 2.0, 3.0, 4.0]):
        print(f"w = {weight}: loss {value:6.2f}, slope {slope:6.2f}")
    path = descend(torch.tensor(0.0, requires_grad=True))
    print(f"gradient descent from w = 0 ends at {path[-1]:.4f}")
    return path


if __name__ == "__main__":
    main()
