# Methods are compared, printed and stored in tuples, and a trailing tuple expression shows a repr in a notebook.
import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Linear(2, 1)
opt = torch.optim.Adagrad(net.parameters(), lr=0.1)
hooks = []
for fn in (opt.step, opt.zero_grad):
    hooks.append((fn.__name__, fn))
print([name for name, _ in hooks], opt.zero_grad.__self__ is opt)
for x in torch.randn(4, 5, 2):
    hooks[1][1]()
    loss = net(x).pow(2).mean()
    loss.backward()
    hooks[0][1]()
loss.item(), type(opt.step).__name__
print(loss.item())
