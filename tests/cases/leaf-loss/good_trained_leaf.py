# The leaf that requires grad is what is trained.
import torch

torch.manual_seed(0)
w = torch.randn(3).requires_grad_()
temperature = torch.tensor(1.5, requires_grad=True)
optimizer = torch.optim.SGD([w, temperature], lr=0.1)
for _ in range(2):
    loss = (w * torch.randn(3)).sum().pow(2) / temperature
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
