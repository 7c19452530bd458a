# The parentheses are missing.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
model(torch.ones(2, 3)).sum().backward()
with torch.inference_mode:  # expect: GG402
    print(model(torch.ones(2, 3)))
