# Accumulation with a count-down variable at the top of the loop, as in the early write-ups of the trick.
import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
batch_multiplier = 3

count = 0
optimizer.zero_grad()
for it in range(13):
    inputs = torch.randn(5, 4)
    targets = inputs.prod(1, keepdim=True)
    if count == 0 and it > 0:
        optimizer.step()
        optimizer.zero_grad()
    if count == 0:
        count = batch_multiplier
    loss = nn.functional.mse_loss(net(inputs), targets) / batch_multiplier
    loss.backward()
    count -= 1
print(loss.item())
