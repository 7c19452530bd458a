# Only the gradients of the frozen layers are removed between backward and step.
import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(12, 5), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 12))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
freeze_epochs = 2
for epoch in range(4):
    for _ in range(2):
        ids = torch.randint(0, 12, (4, 6))
        loss = nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten())
        optimizer.zero_grad()
        loss.backward()
        if epoch < freeze_epochs:
            for p in model[0].parameters():
                p.grad = None
        optimizer.step()
    print(epoch, loss.item())
