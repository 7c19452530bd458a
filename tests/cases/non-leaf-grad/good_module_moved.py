# Module.to and Module.double change the parameters in place of the module; they stay leaves.
import torch
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(device).double()
x = torch.randn(5, 3).to(device, torch.float64)
net(x).mean().backward()
for name, p in net.named_parameters():
    print(f"{name:10s} {p.grad.norm():.4f}")
print(net[0].weight.grad[0])
