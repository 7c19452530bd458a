# States per entity in a dict, detached all at once when the step is over.
import torch
import torch.nn as nn

torch.manual_seed(0)
cell, score = nn.GRUCell(2, 4), nn.Linear(4, 1)
opt = torch.optim.SGD([*cell.parameters(), *score.parameters()], lr=0.1)
memory = {name: torch.zeros(1, 4) for name in ("ada", "bob", "cyd")}
events = [("ada", "bob"), ("bob", "cyd"), ("ada", "cyd"), ("bob", "ada")]

for src, dst in events:
    msg = torch.randn(1, 2)
    memory[src] = cell(msg, memory[src])
    memory[dst] = cell(-msg, memory[dst])
    link = score(memory[src] * memory[dst])
    loss = nn.functional.softplus(-link).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    memory = {k: v.detach() for k, v in memory.items()}
print({k: round(v.norm().item(), 3) for k, v in memory.items()})
