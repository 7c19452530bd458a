# inference_mode around the forward pass, the loss outside of it.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
model = nn.Linear(5, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
inputs, labels = torch.randn(6, 5), torch.randint(0, 2, (6,))
with torch.inference_mode():
    logits = model(inputs)
loss = F.cross_entropy(logits.clone(), labels)
optimizer.zero_grad()
loss.backward()  # expect: GG203
optimizer.step()
