"""Values are clipped after the step, right before the gradients are cleared."""

import torch
from torch import nn

torch.manual_seed(0)
rnn = nn.GRU(3, 5, batch_first=True)
head = nn.Linear(5, 1)
params = list(rnn.parameters()) + list(head.parameters())
optimizer = torch.optim.RMSprop(params, lr=1e-3)
for _ in range(4):
    x = torch.randn(2, 7, 3)
    out, _ = rnn(x)
    loss = (head(out[:, -1]) - x.sum((1, 2), keepdim=False)[:, None]).pow(2).mean()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_value_(params, 0.25)  # expect: GG106
    optimizer.zero_grad()
