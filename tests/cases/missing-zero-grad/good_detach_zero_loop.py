# Old-style clearing loop: if p.grad is not None: p.grad.detach_(); p.grad.zero_().
import torch
import torch.nn as nn


def clear(module):
    for p in module.parameters():
        if p.grad is not None:
            p.grad.detach_()
            p.grad.zero_()


def apply_gradients(module, lr):
    for p in module.parameters():
        p.data.add_(p.grad.data, alpha=-lr)


torch.manual_seed(0)
lstm = nn.LSTM(3, 4, batch_first=True)
h = c = torch.zeros(1, 2, 4)
lr = 0.1
for chunk in torch.randn(5, 2, 7, 3):
    h, c = h.detach(), c.detach()
    out, (h, c) = lstm(chunk, (h, c))
    loss = (out.sum(-1) - chunk.sum(-1)).pow(2).mean()
    clear(lstm)
    loss.backward()
    nn.utils.clip_grad_norm_(lstm.parameters(), 0.25)
    apply_gradients(lstm, lr)
print(loss.item())
