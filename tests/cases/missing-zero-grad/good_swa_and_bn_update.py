# Stochastic weight averaging: AveragedModel and update_bn beside a loop that clears after the step.
import torch
import torch.nn as nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
swa_model, swa_scheduler = AveragedModel(model), SWALR(optimizer, swa_lr=0.05)
loader = [(torch.randn(8, 4), torch.randint(0, 2, (8,))) for _ in range(3)]
for epoch in range(4):
    for x, y in loader:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    if epoch >= 2:
        swa_model.update_parameters(model)
        swa_scheduler.step()
update_bn(loader, swa_model)
with torch.no_grad():
    print(nn.functional.cross_entropy(swa_model(loader[0][0]), loader[0][1]).item())
