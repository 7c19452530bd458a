"""`exp` keeps its result and not its operand, so the operand may be stepped in between."""
import torch
from torch import nn

torch.manual_seed(0)
log_alpha = torch.zeros(1, requires_grad=True)
policy = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
alpha_optimizer = torch.optim.Adam([log_alpha])
optimizer = torch.optim.Adam(policy.parameters())
for _ in range(3):
    alpha = log_alpha.exp()
    log_prob = torch.log_softmax(policy(torch.rand(4, 3)), 1).mean(1)
    alpha_loss = -(log_alpha * (log_prob + 1).detach()).mean()
    alpha_optimizer.zero_grad()
    alpha_loss.backward()
    alpha_optimizer.step()
    loss = (alpha * log_prob).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
