# The data of the parameter is replaced, the name is not.
import torch

torch.manual_seed(0)
w1 = torch.randn(3, 4, requires_grad=True)
w2 = torch.randn(4, 1, requires_grad=True)
x, y = torch.randn(9, 3), torch.randn(9, 1)
for t in range(4):
    loss = (x.mm(w1).relu().mm(w2) - y).pow(2).mean()
    loss.backward()
    w1.data = w1.data - 0.01 * w1.grad.data
    w2.data.sub_(0.01 * w2.grad)
    w1.grad.data.zero_()
    w2.grad.data.zero_()
