# Learning-rate wrapper around Adam: it has a zero_grad method, which the loop never calls.
import math
import torch
import torch.nn as nn


class WarmupAdam:
    def __init__(self, params, d_model, warmup):
        self._optimizer = torch.optim.Adam(params, lr=0.0, betas=(0.9, 0.98), eps=1e-9)
        self.d_model, self.warmup, self.n = d_model, warmup, 0

    def zero_grad(self):
        self._optimizer.zero_grad()

    def _rate(self):
        return self.d_model**-0.5 * min(1 / math.sqrt(self.n), self.n * self.warmup**-1.5)

    def step_and_update_lr(self):
        self.n += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        self._optimizer.step()


class Copier(nn.Module):
    def __init__(self, vocab=9, d=8):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.enc = nn.TransformerEncoderLayer(d, 2, 16, dropout=0.0, batch_first=True)
        self.out = nn.Linear(d, vocab)

    def forward(self, ids):
        return self.out(self.enc(self.emb(ids)))


torch.manual_seed(0)
model = Copier()
optim = WarmupAdam(model.parameters(), 8, warmup=4)
criterion = nn.CrossEntropyLoss()
for i in range(6):
    ids = torch.randint(0, 9, (4, 5))
    loss = criterion(model(ids).transpose(1, 2), ids)
    loss.backward()  # expect: GG101
    optim.step_and_update_lr()
print(loss.item())
