# Objects and attributes of the same name.
import torch


class Modes:
    def __init__(self):
        self.no_grad = torch.no_grad()

    def enable_grad(self):
        torch.set_grad_enabled(True)


modes = Modes()
no_grad = torch.no_grad()
w = torch.ones(2, requires_grad=True)
with modes.no_grad:
    w.sum()
with no_grad:
    w.sum()
modes.enable_grad()
torch.set_grad_enabled(True)
w.sum().backward()
