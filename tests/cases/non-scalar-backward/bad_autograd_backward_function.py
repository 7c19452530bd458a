# torch.autograd.backward on a vector without grad_tensors.
import torch
from torch import autograd

torch.manual_seed(0)
anchor = torch.randn(5, 3, requires_grad=True)
positive, negative = torch.randn(5, 3), torch.randn(5, 3)
triplet = torch.nn.TripletMarginLoss(margin=0.7, reduction="none")
hinge = triplet(anchor, positive, negative)
print("active:", (hinge > 0).sum().item())
autograd.backward(hinge)  # expect: GG202
print(anchor.grad)
