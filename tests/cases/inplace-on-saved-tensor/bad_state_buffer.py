"""A recurrence that writes its states into the buffer it reads them from."""
import torch

torch.manual_seed(0)
steps, width = 5, 3
recurrent = (0.1 * torch.randn(width, width)).requires_grad_()
inputs = torch.randn(steps, width)
states = torch.zeros(steps + 1, width)
for t in range(steps):
    states[t + 1] = torch.tanh(inputs[t] + states[t] @ recurrent)  # expect: GG502
loss = states[1:].pow(2).sum()
loss.backward()
