# Two losses, two optimizers: only the policy loss is propagated, the value loss is only reported.
import torch
import torch.nn as nn


class Learner:
    def __init__(self):
        self.policy, self.value = nn.Linear(4, 2), nn.Linear(4, 1)
        self.policy_opt = torch.optim.Adam(self.policy.parameters(), lr=1e-2)
        self.value_opt = torch.optim.Adam(self.value.parameters(), lr=1e-2)

    def learn(self, obs, act, ret):
        v = self.value(obs).squeeze(1)
        logp = torch.distributions.Categorical(logits=self.policy(obs)).log_prob(act)
        policy_loss = -(logp * (ret - v.detach())).mean()
        entropy_bonus = 0.01 * logp.mean()
        self.policy_opt.zero_grad()
        self.value_opt.zero_grad()
        (policy_loss + entropy_bonus).backward()
        self.policy_opt.step()
        self.value_opt.step()  # expect: GG103
        return policy_loss.item(), (v - ret).pow(2).mean().item()


torch.manual_seed(0)
learner = Learner()
for _ in range(4):
    print(learner.learn(torch.randn(8, 4), torch.randint(0, 2, (8,)), torch.randn(8)))
