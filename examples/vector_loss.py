"""From one error for each sample to one number: three ways to call backward, with the same gradient.

`backward()` starts from a single number. Where there are several, say how they are to be added up.
"""

import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])


def errors(w):
    """The squared error of each sample, shape (3,), in squared units of Y."""
    return (w * X - Y) ** 2


def gradients():
    """The gradient of the mean error by w, obtained in three ways."""
    found = []

    w = torch.tensor(1.0, requires_grad=True)
    errors(w).mean().backward()
    found.append(w.grad.item())

    w = torch.tensor(1.0, requires_grad=True)
    (errors(w).sum() / len(X)).backward()
    found.append(w.grad.item())

    w = torch.tensor(1.0, requires_grad=True)
    errors(w).backward(gradient=torch.full((3,), 1 / 3))
    found.append(w.grad.item())

    return found


def main():
    for way, gradient in zip(("mean()", "sum() / n", "backward(gradient=...)"), gradients()):
        print(f"{way:22} {gradient:.4f}")


if __name__ == "__main__":
    main()
