import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
w = torch.randn(4, requires_grad=True)
(w.pow(3).sum()).backward(create_graph=True)
first = w.grad
product = torch.autograd.grad((first * torch.ones(4)).sum(), w)[0]
print(product)
w.grad = None
