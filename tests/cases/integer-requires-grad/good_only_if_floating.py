# Asked only of what can have one.
import torch

loss = torch.zeros(())
for t in (torch.tensor([1, 2]), torch.tensor([1.0, 2.0])):
    if t.is_floating_point():
        t.requires_grad_()
        loss = loss + t.sum()
loss.backward()
