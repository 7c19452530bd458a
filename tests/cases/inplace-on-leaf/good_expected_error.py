"""A program that shows what torch refuses."""
import torch

w = torch.ones(2, requires_grad=True)
w.sum().backward()
try:
    w.add_(1)
except RuntimeError as error:
    print("refused:", error)
with torch.no_grad():
    w.add_(1)
