# A physics-informed network: the residual of u'' + u = 0 is squared but not averaged.
import torch

torch.manual_seed(0)
u = torch.nn.Sequential(torch.nn.Linear(1, 10), torch.nn.Tanh(), torch.nn.Linear(10, 1))
opt = torch.optim.Adam(u.parameters(), lr=1e-3)


def d(y, x):
    return torch.autograd.grad(y, x, grad_outputs=torch.ones_like(y), create_graph=True)[0]


for epoch in range(2):
    t = torch.linspace(0, 1, 11).reshape(-1, 1).requires_grad_()
    y = u(t)
    residual = d(d(y, t), t) + y
    boundary = (u(torch.zeros(1, 1)) - 1.0) ** 2
    loss = residual ** 2 + boundary
    opt.zero_grad()
    loss.backward()  # expect: GG202
    opt.step()
