# The list of parameters is rebuilt as detached leaves that require grad.
import torch

torch.manual_seed(0)
params = [torch.randn(3, 2, requires_grad=True), torch.zeros(2, requires_grad=True)]
x, y = torch.randn(9, 3), torch.randint(0, 2, (9,))
for _ in range(4):
    loss = torch.nn.functional.cross_entropy(x @ params[0] + params[1], y)
    loss.backward()
    params = [(p - 0.1 * p.grad).detach().requires_grad_() for p in params]
    print(loss.item())
print(all(p.is_leaf for p in params))
