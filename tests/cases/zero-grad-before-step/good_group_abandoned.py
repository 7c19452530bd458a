# Accumulation in which a whole group is abandoned when the episode is invalid.
import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.GRUCell(3, 4)
readout = nn.Linear(4, 1)
opt = torch.optim.SGD([*model.parameters(), *readout.parameters()], lr=0.05)
episodes = [[torch.randn(2, 3) for _ in range(3)] for _ in range(5)]
episodes[2][1][0, 0] = float("inf")
used = 0
for episode in episodes:
    valid = True
    for x in episode:
        if not torch.isfinite(x).all():
            valid = False
            break
        loss = readout(model(x)).pow(2).mean() / len(episode)
        loss.backward()
    if valid:
        opt.step()
        used += 1
    opt.zero_grad()
print(used, loss.item())
