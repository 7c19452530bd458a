# Two losses on one network in turn: clearing happens before the first, but not before the second.
import torch
import torch.nn as nn

torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
cls_head, rot_head = nn.Linear(6, 3), nn.Linear(6, 4)
params = [*encoder.parameters(), *cls_head.parameters(), *rot_head.parameters()]
solver = torch.optim.SGD(params, lr=0.05)
ce = nn.CrossEntropyLoss()

for labelled, unlabelled in zip(torch.randn(5, 8, 6), torch.randn(5, 8, 6)):
    y = torch.randint(0, 3, (8,))
    solver.zero_grad()
    sup = ce(cls_head(encoder(labelled)), y)
    sup.backward()
    solver.step()

    turns = torch.randint(0, 4, (8,))
    rotated = torch.stack([torch.roll(u, int(k)) for u, k in zip(unlabelled, turns)])
    ssl = ce(rot_head(encoder(rotated)), turns)
    ssl.backward()  # expect: GG101
    solver.step()
print(sup.item(), ssl.item())
