# The squared error is summed over the features only, so one value per sample is left.
import torch

torch.manual_seed(0)
autoencoder = torch.nn.Sequential(torch.nn.Linear(9, 3), torch.nn.ReLU(), torch.nn.Linear(3, 9))
optimizer = torch.optim.SGD(autoencoder.parameters(), lr=1e-2)
for batch in torch.rand(3, 8, 9):
    optimizer.zero_grad()
    reconstruction = autoencoder(batch)
    error = ((reconstruction - batch) ** 2).sum(dim=1)
    error.backward()  # expect: GG202
    optimizer.step()
