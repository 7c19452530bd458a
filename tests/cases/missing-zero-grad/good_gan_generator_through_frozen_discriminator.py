# Feature matching through a discriminator with requires_grad off; each optimizer clears its own network.
import torch
import torch.nn as nn


class Disc(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 1)])

    def forward(self, x, features=False):
        acts = []
        for block in self.blocks[:-1]:
            x = nn.functional.leaky_relu(block(x), 0.2)
            acts.append(x)
        return (self.blocks[-1](x), acts) if features else self.blocks[-1](x)


torch.manual_seed(0)
G, D = nn.Linear(5, 5), Disc()
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for x in torch.randn(5, 6, 5):
    y = G(x)
    d_loss = (D(x) - 1).pow(2).mean() + D(y.detach()).pow(2).mean()
    od.zero_grad()
    d_loss.backward()
    od.step()

    D.requires_grad_(False)
    score, fake_acts = D(y, features=True)
    with torch.no_grad():
        _, real_acts = D(x, features=True)
    g_loss = (score - 1).pow(2).mean() + sum((f - r).abs().mean() for f, r in zip(fake_acts, real_acts))
    og.zero_grad()
    g_loss.backward()
    og.step()
    D.requires_grad_(True)
print(d_loss.item(), g_loss.item())
