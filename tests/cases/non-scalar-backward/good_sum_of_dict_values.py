# The entries of a loss dict are scalars, some of them reduced late.
import torch
import torch.nn.functional as F
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls, self.reg = nn.Linear(6, 3), nn.Linear(6, 4)

    def forward(self, roi, labels, boxes):
        out = {"cls": F.cross_entropy(self.cls(roi), labels, reduction="none")}
        out["reg"] = F.smooth_l1_loss(self.reg(roi), boxes, reduction="none").sum(dim=1)
        return {f"loss_{k}": v.mean() for k, v in out.items()}


torch.manual_seed(0)
det = Detector()
opt = torch.optim.SGD(det.parameters(), lr=0.01)
loss_dict = det(torch.randn(5, 6), torch.randint(0, 3, (5,)), torch.rand(5, 4))
losses = sum(loss for loss in loss_dict.values())
opt.zero_grad()
losses.backward()
opt.step()
