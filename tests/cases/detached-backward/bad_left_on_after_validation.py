# The validation switches gradients off and returns early; the second epoch fails.
import torch
from torch import nn


def validate(model, batches):
    torch.set_grad_enabled(False)
    worst = 0.0
    for x, y in batches:
        worst = max(worst, nn.functional.cross_entropy(model(x), y).item())
    return worst


def main():
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(torch.randn(4, 3), torch.randint(0, 2, (4,))) for _ in range(2)]
    for epoch in range(2):
        for x, y in batches:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()  # expect: GG203
            optimizer.step()
        print(epoch, validate(model, batches))


main()
