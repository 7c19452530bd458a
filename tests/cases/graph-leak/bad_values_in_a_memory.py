from collections import deque

import torch
from torch import nn

torch.manual_seed(0)
q_net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2))
optimizer = torch.optim.Adam(q_net.parameters(), lr=1e-3)
memory = deque(maxlen=1000)
state = torch.zeros(3)
for _ in range(8):
    values = q_net(state)
    action = int(values.argmax())
    following = torch.tanh(state + 0.2 * (action - 0.5))
    memory.append((state, action, -following.abs().sum().item(), values[action]))  # expect: GG209
    old, a, reward, _ = memory[0]
    with torch.no_grad():
        target = reward + 0.9 * q_net(following).max()
    optimizer.zero_grad()
    (q_net(old)[a] - target).pow(2).backward()
    optimizer.step()
    state = following
