# SAC with a shared encoder in two optimizers; everything is cleared through one helper before each backward.
import itertools
import torch
import torch.nn as nn


class SAC:
    def __init__(self):
        self.encoder = nn.Linear(6, 4)
        self.actor, self.critic = nn.Linear(4, 2), nn.Linear(5, 1)
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.critic_optim = torch.optim.Adam(
            itertools.chain(self.encoder.parameters(), self.critic.parameters()), lr=1e-3
        )
        self.actor_optim = torch.optim.Adam(self.actor.parameters(), lr=1e-3)
        self.alpha_optim = torch.optim.Adam([self.log_alpha], lr=1e-2)

    def _optimize(self, optim, loss, retain=False):
        for o in (self.critic_optim, self.actor_optim, self.alpha_optim):
            o.zero_grad()
        loss.backward(retain_graph=retain)
        optim.step()
        return loss.item()

    def pi(self, h):
        mu, log_std = self.actor(h).chunk(2, 1)
        dist = torch.distributions.Normal(mu, log_std.clamp(-4, 1).exp())
        u = dist.rsample()
        a = torch.tanh(u)
        return a, (dist.log_prob(u) - torch.log(1 - a.pow(2) + 1e-6)).sum(1, keepdim=True)

    def update(self, s, a, r, s2):
        with torch.no_grad():
            h2 = self.encoder(s2)
            a2, lp2 = self.pi(h2)
            y = r + 0.9 * (self.critic(torch.cat([h2, a2], 1)) - self.log_alpha.exp() * lp2)
        q = self.critic(torch.cat([self.encoder(s), a], 1))
        critic = self._optimize(self.critic_optim, nn.functional.mse_loss(q, y))
        h = self.encoder(s).detach()
        new_a, lp = self.pi(h)
        actor = self._optimize(
            self.actor_optim, (self.log_alpha.exp().detach() * lp - self.critic(torch.cat([h, new_a], 1))).mean()
        )
        alpha = self._optimize(self.alpha_optim, -(self.log_alpha * (lp.detach() - 1)).mean())
        return critic, actor, alpha


torch.manual_seed(0)
agent = SAC()
for _ in range(5):
    out = agent.update(torch.randn(8, 6), torch.rand(8, 1), torch.randn(8, 1), torch.randn(8, 6))
print(out)
