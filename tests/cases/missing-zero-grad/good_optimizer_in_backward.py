# The optimizer runs inside backward: a hook per parameter steps and clears as soon as the gradient is complete.
import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 8), nn.SiLU(), nn.Linear(8, 5))
optimizer_dict = {p: torch.optim.Adam([p], lr=5e-3, foreach=False) for p in model.parameters()}


def optimizer_hook(parameter):
    optimizer_dict[parameter].step()
    optimizer_dict[parameter].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(optimizer_hook)

for _ in range(6):
    x = torch.randn(7, 5)
    loss = (model(x) - x.flip(1)).pow(2).mean()
    loss.backward()
print(loss.item())
