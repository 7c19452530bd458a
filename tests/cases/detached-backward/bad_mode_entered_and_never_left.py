# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
def evaluate():
    net.eval()
    torch.no_grad().__enter__()
    return net(torch.randn(4, 3)).mean().item()
for epoch in range(2):
    net.train()
    loss = net(torch.randn(4, 3)).pow(2).mean()
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
    evaluate()
