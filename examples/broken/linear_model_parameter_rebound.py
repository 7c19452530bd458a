# w = w - ... makes a new tensor that is no leaf: its .grad is None, TypeError in the second turn.
import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])

w = torch.tensor(0.0, requires_grad=True)

for step in range(50):
    loss = ((w * X - Y) ** 2).mean()
    loss.backward()
    w = w - 0.02 * w.grad  # expect: GG302

print("gradient descent from w = 0 ends at", w.item())
