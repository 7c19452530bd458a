import torch

torch.manual_seed(0)
w = torch.rand(3, requires_grad=True)
prediction = (w * w * torch.rand(3)).sum()
for target in (1.0, 2.0):
    loss = (prediction - target).pow(2)
    loss.backward(retain_graph=True)
    w.data -= 0.1 * w.grad  # expect: GG504
    w.grad.zero_()
