# Two bound methods are unpacked in the wrong order, so "advance" clears and "reset" steps.
import torch
import torch.nn as nn


def methods(optimizer):
    return optimizer.step, optimizer.zero_grad


torch.manual_seed(0)
reranker = nn.Linear(6, 1)
reset, advance = methods(torch.optim.SGD(reranker.parameters(), lr=0.1))
for _ in range(5):
    good, bad = torch.randn(8, 6) + 0.3, torch.randn(8, 6)
    loss = nn.functional.margin_ranking_loss(reranker(good), reranker(bad), torch.ones(8, 1), margin=0.2)
    loss.backward()
    advance()  # expect: GG102
    reset()
print(loss.item())
