# Cross-validation: model and optimizer are made anew in each fold inside the loop, the inner loop clears.
import torch
import torch.nn as nn


def k_fold(k, X, y):
    size = len(X) // k
    for i in range(k):
        val = slice(i * size, (i + 1) * size)
        mask = torch.ones(len(X), dtype=torch.bool)
        mask[val] = False
        yield X[mask], y[mask], X[val], y[val]


torch.manual_seed(0)
X = torch.randn(30, 4)
y = X.sum(1, keepdim=True)
scores = []
for Xt, yt, Xv, yv in k_fold(3, X, y):
    net = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    for epoch in range(5):
        optimizer.zero_grad()
        loss = (net(Xt) - yt).pow(2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores.append((net(Xv) - yv).pow(2).mean().sqrt().item())
print(sum(scores) / 3)
