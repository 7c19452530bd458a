# A helper that is meant to finish the update runs its two halves in the wrong order.
import torch
import torch.nn as nn


class Updater:
    def __init__(self, optimizers, max_norm=1.0):
        self.optimizers, self.max_norm = list(optimizers), max_norm

    def flush(self):
        for opt in self.optimizers:
            for group in opt.param_groups:
                nn.utils.clip_grad_norm_(group["params"], self.max_norm)
        for opt in self.optimizers:
            opt.zero_grad(set_to_none=False)  # expect: GG102
        for opt in self.optimizers:
            opt.step()


torch.manual_seed(0)
query, doc = nn.Linear(8, 4), nn.Linear(8, 4)
updater = Updater([torch.optim.Adam(query.parameters(), lr=1e-3), torch.optim.Adam(doc.parameters(), lr=1e-3)])
for _ in range(4):
    q, d = torch.randn(6, 8), torch.randn(6, 8)
    loss = nn.functional.cross_entropy(query(q) @ doc(d).T, torch.arange(6))
    loss.backward()
    updater.flush()
print(loss.item())
