# Several epochs over one rollout: stored log-probabilities are detached, new ones are computed each epoch.
import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
pi = nn.Linear(3, 2)
opt = torch.optim.Adam(pi.parameters(), lr=1e-2)

buffer = {"obs": [], "act": [], "logp": [], "adv": []}
for t in range(8):
    obs = torch.randn(3)
    dist = Categorical(logits=pi(obs))
    act = dist.sample()
    buffer["obs"].append(obs)
    buffer["act"].append(act)
    buffer["logp"].append(dist.log_prob(act).detach())
    buffer["adv"].append(obs.sum())
rollout = {k: torch.stack(v) for k, v in buffer.items()}

for epoch in range(4):
    logp = Categorical(logits=pi(rollout["obs"])).log_prob(rollout["act"])
    ratio = torch.exp(logp - rollout["logp"])
    clipped = ratio.clamp(0.8, 1.2)
    loss = -torch.min(ratio * rollout["adv"], clipped * rollout["adv"]).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
