"""A list and `torch.stack` instead of a buffer; a state that is cut off may be reset in place."""
import torch

torch.manual_seed(0)
steps, width = 5, 3
recurrent = (0.1 * torch.randn(width, width)).requires_grad_()
inputs = torch.randn(steps, width)
carried = torch.zeros(width)
for epoch in range(2):
    states = [carried]
    for t in range(steps):
        states.append(torch.tanh(inputs[t] + states[t] @ recurrent))
    loss = torch.stack(states[1:]).pow(2).sum()
    loss.backward()
    carried = states[-1].detach()
    carried[carried > 1] = 1
    with torch.no_grad():
        recurrent -= 0.01 * recurrent.grad
        recurrent.grad.zero_()
