# The cast stands inside nn.Parameter.
import torch
from torch import nn

torch.manual_seed(0)
mean = nn.Parameter(torch.zeros(3).double())
tril = nn.Parameter(torch.eye(3).to(torch.float64) * 0.5)
data = torch.randn(20, 3, dtype=torch.float64)
dist = torch.distributions.MultivariateNormal(mean, scale_tril=tril.tril())
nll = -dist.log_prob(data).mean()
nll.backward()
print(mean.grad, tril.grad)
