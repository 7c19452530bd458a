# Update by hand under no_grad; w.grad = None afterwards takes the place of zero_grad.
import torch

torch.manual_seed(0)
coeff = torch.randn(4, requires_grad=True)
x = torch.linspace(-1, 1, 100)
powers = torch.stack([x**k for k in range(4)], 1)
truth = torch.sin(3 * x)
for t in range(20):
    loss = (powers @ coeff - truth).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        coeff -= 0.2 * coeff.grad
    coeff.grad = None
print(loss.item(), coeff.tolist())
