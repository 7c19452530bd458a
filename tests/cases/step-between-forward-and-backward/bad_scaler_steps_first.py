import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(4, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 4))
opt_e = torch.optim.SGD(encoder.parameters(), lr=0.1)
opt_d = torch.optim.SGD(decoder.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", enabled=False)
for _ in range(2):
    x = torch.rand(6, 4)
    code = encoder(x)
    out = decoder(code)
    reconstruction = (out - x).pow(2).mean()
    smoothness = out.diff(dim=0).abs().mean() + code.abs().mean()
    opt_d.zero_grad()
    scaler.scale(reconstruction).backward(retain_graph=True)
    scaler.step(opt_d)  # expect: GG503
    opt_e.zero_grad()
    scaler.scale(smoothness).backward()
    scaler.step(opt_e)
    scaler.update()
