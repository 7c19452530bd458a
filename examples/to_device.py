"""A tensor on another device or of another type, whose gradient can be read afterwards.

Only a leaf keeps a gradient: a tensor that was made, not computed. So move and convert first, and ask for the gradient
last.
"""

import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main():
    a = torch.ones(2, 2).to(device, torch.float64).requires_grad_()
    loss = (a**2).sum()
    loss.backward()
    print("a is a leaf:", a.is_leaf)
    print("its gradient:", a.grad.tolist())
    return a


if __name__ == "__main__":
    main()
