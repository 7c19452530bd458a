# PGD training: the attack clears the model in every step, but never the perturbation itself.
import torch
import torch.nn as nn

torch.manual_seed(0)
EPS, ALPHA, STEPS = 0.3, 0.1, 5
model = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()


def perturb(X, y):
    delta = torch.zeros_like(X).uniform_(-EPS, EPS)
    delta.requires_grad = True
    for _ in range(STEPS):
        loss = criterion(model(X + delta), y)
        opt.zero_grad()
        loss.backward()  # expect: GG101
        grad = delta.grad.detach()
        delta.data = torch.clamp(delta + ALPHA * torch.sign(grad), -EPS, EPS)
    return delta.detach()


for epoch in range(2):
    for _ in range(3):
        X, y = torch.rand(6, 1, 4, 4), torch.randint(0, 3, (6,))
        delta = perturb(X, y)
        loss = criterion(model(X + delta), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
