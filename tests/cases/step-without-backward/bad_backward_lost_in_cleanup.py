# The backward line was deleted while the code was tidied up; clearing and stepping remain.
import torch
import torch.nn as nn


class Similarity(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, a, p, n):
        return self.embed(a), self.embed(p), self.embed(n)


torch.manual_seed(0)
model = Similarity()
criterion = nn.TripletMarginLoss(margin=0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(2):
    epoch_loss = 0.0
    for anchor, positive, negative in zip(*torch.randn(3, 3, 6, 9)):
        optimizer.zero_grad()
        loss = criterion(*model(anchor, positive, negative))
        optimizer.step()  # expect: GG103
        epoch_loss += loss.item()
    print(epoch, epoch_loss / 3)
