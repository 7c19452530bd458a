# Gradients are saved, cleared for a probing backward, and restored before the step.
import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Linear(4, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
similarity = []
for x in torch.randn(5, 8, 4):
    y = (x[:, 0] > 0).long()
    opt.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    saved = {n: p.grad.detach().clone() for n, p in net.named_parameters()}
    opt.zero_grad()
    nn.functional.cross_entropy(net(-x), y).backward()
    similarity.append(sum((saved[n] * p.grad).sum() for n, p in net.named_parameters()).item())
    for n, p in net.named_parameters():
        p.grad.copy_(saved[n])
    opt.step()
print(similarity)
