# Depth completion: the error map is flattened, not reduced.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Conv2d(2, 1, kernel_size=3, padding=1)
adam = torch.optim.Adam(net.parameters())
criterion = nn.MSELoss(reduction="none")

rgbd, depth = torch.rand(2, 2, 5, 5), torch.rand(2, 1, 5, 5)
adam.zero_grad()
loss_map = criterion(net(rgbd), depth)
loss = loss_map.view(-1)
loss.backward()  # expect: GG202
adam.step()
