# Uncertainty weighting: the stacked task losses stay a vector.
import torch
import torch.nn as nn


class MultiTask(nn.Module):
    def __init__(self, n_tasks):
        super().__init__()
        self.body = nn.Linear(6, 6)
        self.heads = nn.ModuleList(nn.Linear(6, 1) for _ in range(n_tasks))
        self.log_var = nn.Parameter(torch.zeros(n_tasks))

    def forward(self, x, targets):
        h = torch.relu(self.body(x))
        losses = [nn.functional.mse_loss(head(h), t) for head, t in zip(self.heads, targets)]
        losses = torch.stack(losses)
        return torch.exp(-self.log_var) * losses + self.log_var


torch.manual_seed(0)
model = MultiTask(3)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(2):
    opt.zero_grad()
    loss = model(torch.randn(5, 6), [torch.randn(5, 1) for _ in range(3)])
    loss.backward()  # expect: GG202
    opt.step()
