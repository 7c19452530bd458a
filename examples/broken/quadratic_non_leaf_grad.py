# w is the result of .double(), not a leaf, so its .grad stays None: AttributeError at the first update.
import torch

X = [1.0, 2.0, 3.0]
Y = [2.0, 4.0, 6.0]

w = torch.tensor([1.0, 1.0, 1.0], requires_grad=True).double()


def forward(x):
    return w[0] * x**2 + w[1] * x + w[2]


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2


for epoch in range(100):
    for x, y in zip(X, Y):
        l = loss(x, y)
        l.backward()
        grad = w.grad  # expect: GG301
        w.data = w.data - 0.01 * grad.data
        grad.data.zero_()
    print("epoch", epoch, "loss", l.item())

print("prediction for x = 4:", forward(4).item())
