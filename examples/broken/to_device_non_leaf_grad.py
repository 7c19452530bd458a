# a is the result of .to(), not a leaf: its .grad is None, with a warning.
import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

a = torch.ones(2, 2, requires_grad=True).to(device, torch.float64)
loss = (a**2).sum()
loss.backward()
print("its gradient:", a.grad)  # expect: GG301
