# Pipelined loop: the step for the former batch happens at the top, the first pass skips it.
import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
pending = False
for x in torch.randn(5, 6, 4):
    if pending:
        optimizer.step()
        optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    loss.backward()
    pending = True
if pending:
    optimizer.step()
print(loss.item())
