# The loss is computed from predicted classes.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
for epoch in range(3):
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    logits = model(x)
    predicted = torch.argmax(logits, dim=1).float()
    loss = criterion(predicted, y.float())
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
