# Actor update: between its backward and step only the critic is cleared, by name.
import torch
import torch.nn as nn

torch.manual_seed(0)
agents = nn.ModuleDict({"actor": nn.Linear(3, 1), "critic": nn.Linear(4, 1)})
opts = {k: torch.optim.Adam(m.parameters(), lr=1e-2) for k, m in agents.items()}
for _ in range(5):
    s, a, y = torch.randn(8, 3), torch.rand(8, 1), torch.randn(8, 1)
    opts["actor"].zero_grad()
    actor_loss = -agents["critic"](torch.cat([s, torch.tanh(agents["actor"](s))], 1)).mean()
    actor_loss.backward()
    opts["critic"].zero_grad()
    opts["actor"].step()

    critic_loss = (agents["critic"](torch.cat([s, a], 1)) - y).pow(2).mean()
    critic_loss.backward()
    opts["critic"].step()
print(actor_loss.item(), critic_loss.item())
