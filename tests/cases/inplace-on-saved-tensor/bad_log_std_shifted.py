import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Linear(4, 2)
log_std = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.Adam([*policy.parameters(), log_std])
states, actions = torch.rand(8, 4), torch.rand(8, 2)
std = log_std.exp()
std += 1e-3  # expect: GG502
log_prob = -((actions - policy(states)) / std).pow(2) / 2 - std.log()
loss = -log_prob.mean()
optimizer.zero_grad()
loss.backward()
optimizer.step()
