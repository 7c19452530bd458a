# Online actor-critic: the value of the next state is used in this step's target and reused as the next value.
import torch
import torch.nn as nn

torch.manual_seed(0)
V = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1))
optim = torch.optim.SGD(V.parameters(), lr=1e-2)
gamma = 0.95


def env_step(s):
    s = 0.9 * s + 0.1 * torch.randn(2)
    return s, -float(s.norm())


s = torch.ones(2)
value = V(s)
for t in range(4):
    s, reward = env_step(s)
    next_value = V(s)
    td_error = reward + gamma * next_value - value
    critic_loss = td_error.pow(2).sum()
    optim.zero_grad()
    critic_loss.backward()  # expect: GG201
    optim.step()
    value = next_value
