# The forward pass of the training loop was copied from the evaluation, no_grad included.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2))
optimizer = torch.optim.Adam(model.parameters())
loss_fn = nn.CrossEntropyLoss()
for epoch in range(2):
    model.train()
    x, y = torch.randn(6, 5), torch.randint(0, 2, (6,))
    with torch.no_grad():
        out = model(x)
        loss = loss_fn(out, y)
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
