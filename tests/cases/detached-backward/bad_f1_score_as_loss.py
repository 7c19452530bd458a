# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

def f1(y_true, y_pred):
    tp = (y_true * y_pred).sum().to(torch.float32)
    fp = ((1 - y_true) * y_pred).sum().to(torch.float32)
    fn = (y_true * (1 - y_pred)).sum().to(torch.float32)
    return 2 * tp / (2 * tp + fp + fn + 1e-7)
net = nn.Linear(3, 2)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(2):
    logits = net(torch.randn(8, 3))
    y = torch.randint(0, 2, (8,))
    loss = 1 - f1(y, logits.argmax(dim=1))
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
