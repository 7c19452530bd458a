# A textbook sgd() helper that updates in place and resets the gradient in the same loop.
import torch


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


def net(X, params):
    w1, b1, w2, b2 = params
    return torch.relu(X @ w1 + b1) @ w2 + b2


def train_epoch(batches, params, loss_fn, updater):
    metric = [0.0, 0]
    for X, y in batches:
        l = loss_fn(net(X, params), y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
            l.mean().backward()
            updater.step()
        else:
            l.sum().backward()
            updater(X.shape[0])
        metric[0] += float(l.detach().sum())
        metric[1] += y.numel()
    return metric[0] / metric[1]


torch.manual_seed(0)
params = [
    torch.nn.Parameter(torch.randn(4, 8) * 0.1),
    torch.nn.Parameter(torch.zeros(8)),
    torch.nn.Parameter(torch.randn(8, 3) * 0.1),
    torch.nn.Parameter(torch.zeros(3)),
]
batches = [(torch.randn(6, 4), torch.randint(0, 3, (6,))) for _ in range(4)]
loss_fn = torch.nn.CrossEntropyLoss(reduction="none")
for epoch in range(2):
    print(train_epoch(batches, params, loss_fn, lambda n: sgd(params, 0.1, n)))
print(train_epoch(batches, params, loss_fn, torch.optim.SGD(params, lr=0.1)))
