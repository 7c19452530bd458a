# The weights are arrays; a leaf is made of them for every gradient.
import numpy as np
import torch

rng = np.random.default_rng(0)
w = rng.standard_normal(3).astype(np.float32)
x, y = torch.from_numpy(rng.standard_normal((8, 3)).astype(np.float32)), torch.ones(8)
for epoch in range(5):
    leaf = torch.tensor(w, requires_grad=True)
    loss = torch.nn.functional.mse_loss(x @ leaf, y)
    loss.backward()
    w = w - 0.1 * leaf.grad.numpy()
print(w.round(3))
