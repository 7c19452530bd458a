# The step stands before the backward, and the next iteration clears what backward left.
import torch
import torch.nn as nn


def train_epoch(net, opt, batches):
    for x, y in batches:
        opt.zero_grad()
        loss = nn.functional.huber_loss(net(x), y)
        opt.step()  # expect: GG103
        loss.backward()
    return loss.item()


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
batches = [(torch.randn(5, 3), torch.randn(5, 1)) for _ in range(4)]
for epoch in range(2):
    print(epoch, train_epoch(net, opt, batches))
