# A loop over several optimizers names zero_grad for each of them; all on one line.
import torch
import torch.nn as nn

torch.manual_seed(0)
experts = [nn.Linear(4, 1) for _ in range(3)]
optims = [torch.optim.Adam(e.parameters(), lr=1e-2) for e in experts]
for _ in range(5):
    x = torch.randn(6, 4)
    for o in optims: o.zero_grad  # expect: GG401
    loss = (torch.stack([e(x) for e in experts]).mean(0) - x[:, :1]).pow(2).mean()
    loss.backward()  # also: GG101
    for o in optims: o.step()
final = loss.item()
print(final)
