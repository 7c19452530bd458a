# while loop with early stopping; the clearing closes each pass, the break comes after it.
import torch
import torch.nn as nn


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad = patience, float("inf"), 0

    def __call__(self, value):
        if value < self.best - 1e-4:
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        return self.bad >= self.patience


torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.3)
stopper, epoch = EarlyStopping(2), 0
x = torch.randn(40, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
while epoch < 60:
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    epoch += 1
    if stopper(loss.item()):
        break
print(epoch, loss.item())
