# while loop with a counter: clearing at the top of every micro batch, step after the third.
import torch
import torch.nn as nn

torch.manual_seed(0)
source = iter(torch.randn(9, 4, 6))
codec = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 6))
optim = torch.optim.AdamW(codec.parameters(), lr=1e-2)
micro, updates = 0, 0
while (x := next(source, None)) is not None:
    optim.zero_grad()  # expect: GG102
    loss = nn.functional.mse_loss(codec(x), x) / 3
    loss.backward()
    micro += 1
    if micro == 3:
        optim.step()
        micro, updates = 0, updates + 1
print(updates, loss.item() * 3)
