# .data on the right-hand side gives a plain tensor; the name loses requires_grad.
import torch

torch.manual_seed(0)
U = torch.randn(4, 2, requires_grad=True)
V = torch.randn(3, 2, requires_grad=True)
ratings = torch.rand(4, 3)
for epoch in range(2):
    loss = torch.norm(ratings - U @ V.t()) ** 2
    loss.backward()
    U = U.data - 0.01 * U.grad.data  # expect: GG302
    V.data -= 0.01 * V.grad.data
    V.grad.zero_()
    U.grad.zero_()
