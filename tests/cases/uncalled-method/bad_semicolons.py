# Everything on one line with semicolons; the middle statement lost its parentheses.
import torch

torch.manual_seed(0)
logits = torch.zeros(4, requires_grad=True)
opt = torch.optim.SGD([logits], lr=0.5)
observed = torch.tensor([0, 1, 1, 3, 1, 1, 0])
for _ in range(6):
    nll = torch.nn.functional.cross_entropy(logits.expand(7, 4), observed)
    nll.backward(); opt.step; opt.zero_grad()  # expect: GG401

final = logits.softmax(0)
frequency = torch.bincount(observed, minlength=4) / len(observed)
print(nll.item(), final.tolist())
print((final - frequency).abs().max().item())
