import torch
from torch.autograd import Function


class Square(Function):
    def forward(self, x):  # expect: GG603
        self.save_for_backward(x)
        return x * x

    def backward(self, grad_output):
        (x,) = self.saved_tensors
        return 2 * x * grad_output


x = torch.ones(3, requires_grad=True)
loss = Square()(x).sum()
loss.backward()
