# The state is cut with .data before the next window.
import numpy as np
import torch
from torch import nn

torch.manual_seed(1)
rnn, out = nn.RNN(1, 8, batch_first=True), nn.Linear(8, 1)
optimizer = torch.optim.Adam(list(rnn.parameters()) + list(out.parameters()), lr=0.02)
loss_func = nn.MSELoss()

h_state = None
for step in range(5):
    steps = np.linspace(step * np.pi, (step + 1) * np.pi, 10, dtype=np.float32)
    x = torch.from_numpy(np.sin(steps))[None, :, None]
    y = torch.from_numpy(np.cos(steps))[None, :, None]
    r_out, h_state = rnn(x, h_state)
    prediction = out(r_out)
    h_state = h_state.data
    loss = loss_func(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
