# Soft actor-critic: the temperature has an optimizer of its own and nobody clears it.
import torch
import torch.nn as nn


class TemperatureAgent:
    def __init__(self, obs_dim=3, act_dim=1, lr=3e-3):
        self.actor = nn.Linear(obs_dim, 2 * act_dim)
        self.q = nn.Linear(obs_dim + act_dim, 1)
        self.log_alpha = torch.tensor(0.0, requires_grad=True)
        self.target_entropy = -float(act_dim)
        self.actor_opt = torch.optim.Adam(self.actor.parameters(), lr=lr)
        self.q_opt = torch.optim.Adam(self.q.parameters(), lr=lr)
        self.alpha_opt = torch.optim.Adam([self.log_alpha], lr=lr)

    @property
    def alpha(self):
        return self.log_alpha.exp()

    def sample(self, s):
        mu, log_std = self.actor(s).chunk(2, -1)
        dist = torch.distributions.Normal(mu, log_std.clamp(-5, 2).exp())
        a = dist.rsample()
        return torch.tanh(a), dist.log_prob(a).sum(-1, keepdim=True)

    def update(self, s, a, r, s2):
        with torch.no_grad():
            a2, lp2 = self.sample(s2)
            y = r + 0.99 * (self.q(torch.cat([s2, a2], -1)) - self.alpha * lp2)
        q_loss = nn.functional.mse_loss(self.q(torch.cat([s, a], -1)), y)
        self.q_opt.zero_grad()
        q_loss.backward()
        self.q_opt.step()

        new_a, lp = self.sample(s)
        pi_loss = (self.alpha.detach() * lp - self.q(torch.cat([s, new_a], -1))).mean()
        self.actor_opt.zero_grad()
        pi_loss.backward()
        self.actor_opt.step()

        alpha_loss = -(self.log_alpha * (lp + self.target_entropy).detach()).mean()
        alpha_loss.backward()  # expect: GG101
        self.alpha_opt.step()
        return q_loss.item(), pi_loss.item(), self.alpha.item()


torch.manual_seed(0)
agent = TemperatureAgent()
for _ in range(5):
    out = agent.update(torch.randn(8, 3), torch.rand(8, 1) * 2 - 1, torch.randn(8, 1), torch.randn(8, 3))
print(out)
