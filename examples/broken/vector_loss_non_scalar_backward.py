# backward on three errors at once: RuntimeError, grad can be implicitly created only for scalar outputs.
import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])

w = torch.tensor(1.0, requires_grad=True)
loss = (w * X - Y) ** 2
loss.backward()  # expect: GG202
print("gradient:", w.grad.item())
