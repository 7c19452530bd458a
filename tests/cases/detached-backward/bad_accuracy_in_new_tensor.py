# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

def accuracy_loss(outputs, labels):
    correct = 0
    for o, l in zip(outputs, labels):
        if o.argmax() == l:
            correct += 1
    return torch.tensor(1.0 - correct / len(labels))
net = nn.Linear(3, 2)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(2):
    loss = accuracy_loss(net(torch.randn(4, 3)), torch.randint(0, 2, (4,)))
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
