# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

vgg = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
for p in vgg.parameters():
    p.requires_grad = False
content = torch.rand(1, 3, 8, 8)
target = content.clone()
feats = vgg(content)
for _ in range(2):
    loss = ((vgg(target) - feats) ** 2).mean()
    loss.backward()  # expect: GG203
