"""The policy is evaluated once, and its graph is used in every epoch."""
import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
states, actions, advantages = torch.rand(8, 4), torch.randint(0, 2, (8,)), torch.randn(8)
old = torch.distributions.Categorical(logits=policy(states)).log_prob(actions).detach()
logits = policy(states)
new = torch.log_softmax(logits, 1).gather(1, actions[:, None]).squeeze(1)
for epoch in range(3):
    ratio = (new - old).exp()
    loss = -torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()  # expect: GG503
