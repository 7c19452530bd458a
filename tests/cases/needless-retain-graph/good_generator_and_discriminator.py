import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
critic = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
critic_optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
for x, y in batches:
    fake = model(x)
    critic_optimizer.zero_grad()
    d_loss = critic(fake).mean() - critic(y).mean()
    d_loss.backward(retain_graph=True)
    critic_optimizer.step()
    optimizer.zero_grad()
    g_loss = -critic(fake).mean()
    g_loss.backward()
    optimizer.step()
