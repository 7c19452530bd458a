# One-hot of argmax minus its own value plus the soft value.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(6, 4), nn.Linear(4, 6)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
for _ in range(2):
    x = torch.randn(5, 6)
    soft = F.softmax(encoder(x), dim=-1)
    hard = F.one_hot(soft.argmax(dim=-1), 4).float()
    code = hard - soft.detach() + soft
    loss = F.mse_loss(decoder(code), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
