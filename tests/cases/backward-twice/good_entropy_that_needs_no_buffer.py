# The entropy of a normal distribution depends on its fixed width alone, the means of the next loss are new.
import torch
from torch.distributions import Normal

torch.manual_seed(0)
mean = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(mean.parameters(), lr=0.01)
obs = torch.randn(8, 3)
old = Normal(mean(obs), 1.0)
actions, bonus = old.sample(), old.entropy().mean()
with torch.no_grad():
    before = old.log_prob(actions)
for _ in range(3):
    ratio = (Normal(mean(obs), 1.0).log_prob(actions) - before).exp()
    loss = -ratio.mean() - 0.01 * bonus
    opt.zero_grad()
    loss.backward()
    opt.step()
