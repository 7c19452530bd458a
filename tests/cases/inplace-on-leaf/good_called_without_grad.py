"""Functions that change parameters in place, all called where autograd does not record."""
import torch
from torch import nn


class Average:
    def __init__(self, model, decay=0.9):
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in model.named_parameters()}

    def update(self, model):
        for name, p in model.named_parameters():
            self.shadow[name].mul_(self.decay).add_(p.detach(), alpha=1 - self.decay)

    def copy_to(self, model):
        for name, p in model.named_parameters():
            p.copy_(self.shadow[name])


def initialise(module):
    if isinstance(module, nn.Linear):
        module.weight.normal_(0, 0.1)
        module.bias.zero_()


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
with torch.no_grad():
    model.apply(initialise)
nn.init.xavier_uniform_(model[0].weight)
average = Average(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    model(torch.rand(5, 3)).pow(2).mean().backward()
    optimizer.step()
    average.update(model)
with torch.no_grad():
    average.copy_to(model)
