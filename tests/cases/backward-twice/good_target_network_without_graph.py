# Q-learning: the bootstrap target comes from a frozen copy under no_grad.
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F


class DQN:
    def __init__(self, obs=4, actions=2):
        self.online = nn.Sequential(nn.Linear(obs, 8), nn.ReLU(), nn.Linear(8, actions))
        self.target = copy.deepcopy(self.online)
        self.opt = torch.optim.Adam(self.online.parameters(), lr=1e-3)

    @torch.no_grad()
    def bootstrap(self, reward, nxt, gamma=0.99):
        return reward + gamma * self.target(nxt).max(dim=1).values

    def update(self, obs, act, reward, nxt):
        q = self.online(obs).gather(1, act[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(q, self.bootstrap(reward, nxt))
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()

    def sync(self, tau=0.05):
        for t, o in zip(self.target.parameters(), self.online.parameters()):
            t.data.copy_(tau * o.data + (1 - tau) * t.data)


torch.manual_seed(0)
dqn = DQN()
for _ in range(4):
    dqn.update(torch.randn(6, 4), torch.randint(0, 2, (6,)), torch.rand(6), torch.randn(6, 4))
    dqn.sync()
