# A bundle of optimizers that behaves like one: step and zero_grad loop over the members.
import torch
import torch.nn as nn


class MultiOptimizer:
    def __init__(self, **optimizers):
        self.optimizers = optimizers
        self.keys = list(optimizers)

    def step(self, key=None):
        for k in [key] if key is not None else self.keys:
            self.optimizers[k].step()

    def zero_grad(self, key=None):
        if key is not None:
            self.optimizers[key].zero_grad()
        else:
            _ = [self.optimizers[k].zero_grad() for k in self.keys]


torch.manual_seed(0)
nets = {"text": nn.Linear(4, 5), "style": nn.Linear(3, 5), "decoder": nn.Linear(5, 2)}
optimizer = MultiOptimizer(**{k: torch.optim.AdamW(n.parameters(), lr=1e-2) for k, n in nets.items()})
for it in range(5):
    text, ref, mel = torch.randn(6, 4), torch.randn(6, 3), torch.randn(6, 2)
    optimizer.zero_grad()
    loss = (nets["decoder"](nets["text"](text) + nets["style"](ref)) - mel).abs().mean()
    loss.backward()
    optimizer.step("text")
    optimizer.step("style")
    optimizer.step("decoder")
print(loss.item())
