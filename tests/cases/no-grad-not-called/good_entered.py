# All the ways to enter a grad mode.
import contextlib

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
x = torch.ones(2, 3)
off = torch.no_grad()
with off:
    model(x)
with torch.no_grad(), contextlib.suppress(ValueError):
    model(x)
with contextlib.ExitStack() as stack:
    stack.enter_context(torch.no_grad())
    model(x)
with torch.inference_mode() if x.is_cuda else torch.no_grad():
    model(x)
model(x).sum().backward()
