# The three squared errors are never reduced to one number: RuntimeError at the first backward.
import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])

w = torch.tensor([1.0, 1.0, 1.0])
w.requires_grad = True

for epoch in range(100):
    y_pred = w[0] * X**2 + w[1] * X + w[2]
    l = (y_pred - Y) ** 2
    l.backward()  # expect: GG202
    w.data = w.data - 0.01 * w.grad.data
    w.grad.data.zero_()
    print("epoch", epoch)
