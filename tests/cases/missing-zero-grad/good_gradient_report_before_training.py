# Gradients are printed layer by layer before training starts and cleared before the loop.
import torch
import torch.nn as nn

torch.manual_seed(0)
deep = nn.Sequential(*[m for _ in range(4) for m in (nn.Linear(6, 6), nn.Tanh())], nn.Linear(6, 1))
probe = torch.randn(16, 6)
deep(probe).pow(2).mean().backward()
for name, p in deep.named_parameters():
    if name.endswith("weight"):
        print(f"{name:10s} {p.grad.abs().mean().item():.2e}")
deep.zero_grad(set_to_none=True)

optimizer = torch.optim.NAdam(deep.parameters(), lr=5e-3)
for it in range(5):
    x = torch.randn(16, 6)
    loss = (deep(x).squeeze(1) - x.mean(1)).pow(2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
print(loss.item())
