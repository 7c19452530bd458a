# The old `Variable(…, requires_grad=True)` around a loss.
import torch
from torch import nn
from torch.autograd import Variable

torch.manual_seed(0)
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
for _ in range(2):
    output = model(torch.randn(5, 4))
    loss = criterion(output, torch.randint(0, 2, (5,)))
    loss = Variable(loss.data, requires_grad=True)  # expect: GG204
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
