# Virtual adversarial training: the power iteration's gradients are dropped, the supervised ones are kept.
import torch
import torch.nn as nn
import torch.nn.functional as F


def unit(d):
    return d / (d.flatten(1).norm(dim=1).view(-1, 1) + 1e-8)


class VAT:
    def __init__(self, model, xi=1e-2, eps=0.5, iterations=1):
        self.model, self.xi, self.eps, self.iterations = model, xi, eps, iterations

    def __call__(self, x):
        with torch.no_grad():
            p = self.model(x).softmax(1)
        d = unit(torch.randn_like(x))
        for _ in range(self.iterations):
            d.requires_grad_()
            F.kl_div(self.model(x + self.xi * d).log_softmax(1), p, reduction="batchmean").backward()
            d = unit(d.grad)
            self.model.zero_grad()
        return F.kl_div(self.model(x + self.eps * d).log_softmax(1), p, reduction="batchmean")


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
vat, opt = VAT(net), torch.optim.Adam(net.parameters(), lr=1e-2)
for x in torch.randn(4, 10, 4):
    lds = vat(x)
    loss = F.cross_entropy(net(x), (x[:, 0] > 0).long()) + lds
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item(), lds.item())
