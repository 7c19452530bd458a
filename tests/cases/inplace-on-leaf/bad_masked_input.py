import torch

torch.manual_seed(0)
x = torch.randn(4, 3, requires_grad=True)
mask = torch.tensor([True, False, False, True])
x[mask] = 0.0  # expect: GG501
loss = x.pow(2).sum()
loss.backward()
