# Three scales share one pyramid; the graph is retained by the first backward call only.
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, mse_loss

torch.manual_seed(0)
sr = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Conv2d(4, 1, 3, padding=1))
opt = torch.optim.Adam(sr.parameters(), lr=1e-4)

low, high = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8)
full = sr(low)
full_loss = mse_loss(full, high)
half_loss = mse_loss(avg_pool2d(full, 2), avg_pool2d(high, 2))
quarter_loss = mse_loss(avg_pool2d(full, 4), avg_pool2d(high, 4))

opt.zero_grad()
full_loss.backward(retain_graph=True)
half_loss.backward()
quarter_loss.backward()  # expect: GG201
opt.step()
