# The parentheses after step are missing: the line does nothing, and the loss never changes.
import torch

X = [1.0, 2.0, 3.0]
Y = [2.0, 4.0, 6.0]

w = torch.tensor([1.0, 1.0, 1.0])
w.requires_grad = True
optimizer = torch.optim.SGD([w], lr=0.01)


def forward(x):
    return w[0] * x**2 + w[1] * x + w[2]


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2


for epoch in range(100):
    for x, y in zip(X, Y):
        optimizer.zero_grad()
        l = loss(x, y)
        l.backward()
        optimizer.step  # expect: GG401
    print("epoch", epoch, "loss", l.item())

print("prediction for x = 4:", forward(4).item())
