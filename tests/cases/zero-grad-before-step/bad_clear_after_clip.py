# Gradients are clipped with care and then set to None one line above the step.
import torch
import torch.nn as nn


def optimise(loss, params, optimizer, max_norm):
    loss.backward()
    norm = nn.utils.clip_grad_norm_(params, max_norm)
    for p in params:
        p.grad = None  # expect: GG102
    optimizer.step()
    return norm.item()


torch.manual_seed(0)
attention = nn.MultiheadAttention(8, 2, batch_first=True)
weights = list(attention.parameters())
adam = torch.optim.Adam(weights, lr=1e-3)
for tokens in torch.randn(4, 2, 5, 8):
    out, _ = attention(tokens, tokens, tokens)
    print(optimise((out - tokens).pow(2).mean(), weights, adam, 0.5))
