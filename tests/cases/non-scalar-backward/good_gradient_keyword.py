# A vector-Jacobian product with the gradient keyword and with grad_tensors.
import torch

torch.manual_seed(0)
mix = torch.randn(3, 2)
x = torch.randn(4, 3, requires_grad=True)
cotangent = torch.rand(4, 2)

y = torch.tanh(x @ mix)
y.backward(gradient=cotangent)
first = x.grad.clone()

x.grad = None
y = torch.tanh(x @ mix)
torch.autograd.backward([y], grad_tensors=[cotangent])
assert torch.allclose(first, x.grad)
