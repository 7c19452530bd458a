# Dual ascent: the multiplier is clamped and rebound.
import torch

torch.manual_seed(0)
policy_cost = torch.tensor([0.8, 0.6, 0.9])
limit = 0.5
multiplier = torch.tensor(0.1, requires_grad=True)
trace = []
for cost in policy_cost:
    penalty = multiplier * (cost - limit)
    penalty.backward()
    with torch.no_grad():
        multiplier = torch.clamp(torch.add(multiplier, multiplier.grad, alpha=0.5), min=0.0)  # expect: GG302
    trace.append(multiplier.item())
print(trace)
