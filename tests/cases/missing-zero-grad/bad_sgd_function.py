# A textbook sgd() helper that updates in place but does not reset the gradients.
import random
import torch


def data_iter(batch_size, features, labels):
    order = list(range(len(features)))
    random.shuffle(order)
    for i in range(0, len(features), batch_size):
        j = torch.tensor(order[i : i + batch_size])
        yield features[j], labels[j]


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size


random.seed(0)
torch.manual_seed(0)
features = torch.normal(0, 1, (60, 2))
labels = features @ torch.tensor([2.0, -3.4]) + 4.2
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(2):
    for X, y in data_iter(10, features, labels):
        l = squared_loss(linreg(X, w, b), y)
        l.sum().backward()  # expect: GG101
        sgd([w, b], 0.03, 10)
    with torch.no_grad():
        print(epoch + 1, float(squared_loss(linreg(features, w, b), labels).mean()))
