import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
critic = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
d_losses, g_losses = [], []
for x, _ in batches:
    critic_optimizer.zero_grad()
    d_loss = critic(model(x).detach()).mean() - critic(torch.randn(6, 1)).mean()
    d_loss.backward()
    critic_optimizer.step()
    optimizer.zero_grad()
    g_loss = -critic(model(x)).mean()
    g_loss.backward()
    optimizer.step()
    d_losses.append(d_loss.item())
    g_losses.append(g_loss)  # expect: GG209
print(len(d_losses), len(g_losses))
