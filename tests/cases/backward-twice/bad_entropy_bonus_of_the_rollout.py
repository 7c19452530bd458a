# The entropy of the behaviour policy is computed once, with its graph, and used in each of the epochs.
import torch
from torch.distributions import Categorical

torch.manual_seed(0)
policy = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
opt = torch.optim.Adam(policy.parameters(), lr=1e-3)
obs = torch.randn(16, 3)
behaviour = Categorical(logits=policy(obs))
actions = behaviour.sample()
bonus = behaviour.entropy().mean()
for _ in range(3):
    loss = -Categorical(logits=policy(obs)).log_prob(actions).mean() - 0.01 * bonus
    opt.zero_grad()
    loss.backward()  # expect: GG201
    opt.step()
