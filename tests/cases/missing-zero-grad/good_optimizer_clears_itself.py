# An optimizer subclass whose step empties the gradients, so the loop needs no zero_grad.
import torch
import torch.nn as nn


class SelfClearingSGD(torch.optim.SGD):
    def step(self, closure=None):
        loss = super().step(closure)
        self.zero_grad(set_to_none=True)
        return loss


torch.manual_seed(0)
gate = nn.Linear(4, 4)
opt = SelfClearingSGD(gate.parameters(), lr=0.1, momentum=0.8)
for _ in range(6):
    x = torch.randn(5, 4)
    loss = (torch.sigmoid(gate(x)) - x.sigmoid()).pow(2).mean()
    loss.backward()
    opt.step()
print(loss.item())
