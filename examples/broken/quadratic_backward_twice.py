# The predictions are computed once, before the loop: the second epoch's backward finds their graph freed, RuntimeError.
import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])

w = torch.tensor([1.0, 1.0, 1.0])
w.requires_grad = True

y_pred = w[0] * X**2 + w[1] * X + w[2]
for epoch in range(100):
    l = ((y_pred - Y) ** 2).mean()
    l.backward()  # expect: GG201
    w.data = w.data - 0.01 * w.grad.data
    w.grad.data.zero_()
    print("epoch", epoch, "loss", l.item())
