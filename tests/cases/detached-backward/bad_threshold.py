# A hard threshold in the middle: a comparison has no gradient.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(20, 3), torch.randint(0, 2, (20, 1)).float()
for _ in range(5):
    prob = torch.sigmoid(net(x))
    hard = (prob > 0.5).float()
    loss = ((hard - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
