# Numbers that came out of a model, negated, are where another search begins: the new tensor is what is moved.
import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 2)
x = torch.randn(5, 3)
start = [-value.item() for value in model(x).mean(0)]
point = torch.tensor(start, requires_grad=True)
optimizer = torch.optim.SGD([point], lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    loss = (point - 1.0).square().sum()
    loss.backward()
    optimizer.step()
