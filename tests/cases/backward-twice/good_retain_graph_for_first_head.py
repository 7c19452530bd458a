# Two heads on one trunk: the first backward call retains the graph, the second frees it.
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
trunk = nn.Sequential(nn.Linear(5, 8), nn.ReLU())
age_head, sex_head = nn.Linear(8, 1), nn.Linear(8, 2)
modules = nn.ModuleList([trunk, age_head, sex_head])
optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)

for _ in range(3):
    x, age, sex = torch.randn(6, 5), torch.rand(6, 1), torch.randint(0, 2, (6,))
    shared = trunk(x)
    age_loss = F.mse_loss(age_head(shared), age)
    sex_loss = F.cross_entropy(sex_head(shared), sex)
    optimizer.zero_grad()
    age_loss.backward(retain_graph=True)
    sex_loss.backward()
    optimizer.step()
