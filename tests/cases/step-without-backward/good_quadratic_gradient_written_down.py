# The gradient of a quadratic form is known in closed form and written into .grad.
import torch

torch.manual_seed(0)
B = torch.randn(4, 4)
A = B @ B.T + torch.eye(4)
c = torch.randn(4)
x = torch.nn.Parameter(torch.zeros(4))
solvers = {"sgd": torch.optim.SGD([x], lr=0.02, momentum=0.9)}
for it in range(20):
    with torch.no_grad():
        x.grad = A @ x - c
    solvers["sgd"].step()
residual = (A @ x - c).norm()
print(residual.item())
