# A multivariate distribution: Independent gives one value, and several axes are summed at once.
import torch
from torch import distributions as D

torch.manual_seed(0)
loc = torch.zeros(3, requires_grad=True)
log_scale = torch.zeros(3, requires_grad=True)
opt = torch.optim.SGD([loc, log_scale], lr=0.05)
sample, batch = torch.randn(3), torch.randn(6, 2, 3)

opt.zero_grad()
nll = -D.Independent(D.Normal(loc, log_scale.exp()), 1).log_prob(sample)
nll.backward()
opt.step()

opt.zero_grad()
nll = -D.Normal(loc, log_scale.exp()).log_prob(batch).sum(dim=(0, 1, 2))
nll.backward()
opt.step()
