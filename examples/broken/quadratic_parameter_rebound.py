# The update binds w to a new tensor without a gradient: AttributeError where that gradient is to be cleared.
import torch

X = [1.0, 2.0, 3.0]
Y = [2.0, 4.0, 6.0]

w = torch.tensor([1.0, 1.0, 1.0])
w.requires_grad = True


def forward(x):
    return w[0] * x**2 + w[1] * x + w[2]


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2


for epoch in range(100):
    for x, y in zip(X, Y):
        l = loss(x, y)
        l.backward()
        with torch.no_grad():
            w = w - 0.01 * w.grad  # expect: GG302
        w.grad.zero_()
    print("epoch", epoch, "loss", l.item())

print("prediction for x = 4:", forward(4).item())
