# float() of a float32 tensor and contiguous() of a contiguous one return the same tensor.
import torch

torch.manual_seed(0)
x = torch.randn(4, 2, dtype=torch.float32, requires_grad=True).float().contiguous()
assert x.is_leaf
y = x.to(torch.float32)
z = y.type(torch.float32)
loss = (y ** 3).sum() + z.norm()
loss.backward()
print(x.grad.norm())
print(x.grad is y.grad, z.grad.shape)
