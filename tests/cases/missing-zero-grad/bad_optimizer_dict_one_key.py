# Optimizers in a dict: all of them step, one key is cleared.
import torch
import torch.nn as nn

torch.manual_seed(1)
nets = nn.ModuleDict({"encoder": nn.Linear(7, 3), "decoder": nn.Linear(3, 7)})
optimizers = {name: torch.optim.Adam(net.parameters(), lr=5e-3) for name, net in nets.items()}


def vae_loss(x):
    h = nets["encoder"](x)
    z = h + 0.1 * torch.randn_like(h)
    return (nets["decoder"](z) - x).pow(2).sum(1).mean() + 0.01 * h.pow(2).sum(1).mean()


for epoch in range(6):
    x = torch.randn(9, 7)
    loss = vae_loss(x)
    optimizers["encoder"].zero_grad()
    loss.backward()  # expect: GG101
    for opt in optimizers.values():
        opt.step()
print(loss.item())
