import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
for x, y in batches:
    out = model(x)
    terms = {"mse": (out - y).pow(2).mean(), "l1": (out - y).abs().mean()}
    terms["weights"] = sum(p.pow(2).sum() for p in model.parameters())
    penalties = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            penalties.append(layer.weight.abs().mean())
    loss = sum(terms.values()) + 0.1 * torch.stack(penalties).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    numbers = {name: term.item() for name, term in terms.items()}
print(numbers)
