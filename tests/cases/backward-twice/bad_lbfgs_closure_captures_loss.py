# LBFGS evaluates the closure several times, but the loss in it was built outside.
import torch

x = torch.linspace(0, 1, 20)
y = 3.0 * torch.exp(-2.0 * x)
amp = torch.tensor(1.0, requires_grad=True)
rate = torch.tensor(1.0, requires_grad=True)
fitter = torch.optim.LBFGS([amp, rate], max_iter=10)

fit = amp * torch.exp(-rate * x)
residual = ((fit - y) ** 2).sum()


def closure():
    fitter.zero_grad()
    residual.backward()  # expect: GG201
    return residual


fitter.step(closure)
print(amp.item(), rate.item())
