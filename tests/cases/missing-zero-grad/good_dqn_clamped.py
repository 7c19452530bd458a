# DQN with a soft target update; gradients are cleared after the loss and clamped by hand.
import copy
import torch
import torch.nn as nn


class Agent:
    def __init__(self, obs=4, act=3, tau=0.05):
        self.online = nn.Sequential(nn.Linear(obs, 16), nn.ReLU(), nn.Linear(16, act))
        self.target = copy.deepcopy(self.online).eval()
        self.opt = torch.optim.RMSprop(self.online.parameters(), lr=1e-3)
        self.tau = tau

    def learn(self, s, a, r, s2, done):
        q = self.online(s).gather(1, a)
        best = self.online(s2).argmax(1, keepdim=True)
        y = r + 0.95 * self.target(s2).gather(1, best).detach() * (1 - done)
        loss = nn.functional.smooth_l1_loss(q, y)
        self.opt.zero_grad()
        loss.backward()
        for param in self.online.parameters():
            param.grad.data.clamp_(-1, 1)
        self.opt.step()
        self._soft_update()
        return loss.item()

    def _soft_update(self):
        for t, o in zip(self.target.parameters(), self.online.parameters()):
            t.data.copy_(self.tau * o.data + (1.0 - self.tau) * t.data)


torch.manual_seed(0)
agent = Agent()
for _ in range(6):
    n = 10
    v = agent.learn(
        torch.randn(n, 4), torch.randint(0, 3, (n, 1)), torch.randn(n, 1), torch.randn(n, 4), torch.zeros(n, 1)
    )
print(v)
