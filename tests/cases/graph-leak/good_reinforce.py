import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]


class Agent:
    def __init__(self):
        self.log_probs, self.rewards = [], []

    def act(self, state):
        distribution = torch.distributions.Normal(model(state), 1.0)
        action = distribution.sample()
        self.log_probs.append(distribution.log_prob(action).sum())
        self.rewards.append(-action.abs().mean().item())

    def update(self):
        returns = torch.tensor(self.rewards)
        loss = -(torch.stack(self.log_probs) * returns).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.log_probs.clear()
        self.rewards.clear()


agent = Agent()
for _ in range(4):
    for x, _ in batches[:3]:
        agent.act(x)
    agent.update()
