# VQ-VAE: both halves of the loss detach one side.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
encoder, decoder, codebook = nn.Linear(6, 3), nn.Linear(3, 6), nn.Embedding(8, 3)
params = [*encoder.parameters(), *decoder.parameters(), *codebook.parameters()]
optimizer = torch.optim.Adam(params, lr=1e-3)
for _ in range(2):
    x = torch.randn(4, 6)
    z = encoder(x)
    index = torch.cdist(z, codebook.weight).argmin(dim=1)
    quantized = codebook(index)
    commitment = F.mse_loss(z, quantized.detach())
    embedding = F.mse_loss(quantized, z.detach())
    quantized = z + (quantized - z).detach()
    loss = F.mse_loss(decoder(quantized), x) + embedding + 0.25 * commitment
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
