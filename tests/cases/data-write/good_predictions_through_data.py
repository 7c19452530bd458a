"""What is rounded through `.data` is a tensor that the loss does not use."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    output = model(torch.rand(6, 4))
    target = torch.randint(0, 2, (6, 1)).float()
    loss = nn.functional.binary_cross_entropy_with_logits(output, target)
    predictions = torch.sigmoid(output).data
    predictions[predictions >= 0.5] = 1
    predictions[predictions < 0.5] = 0
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
