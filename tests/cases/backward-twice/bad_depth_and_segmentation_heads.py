# Two task heads on one trunk, each loss with its own backward call.
import torch
import torch.nn as nn
import torch.nn.functional as F


class SceneNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.seg = nn.Conv2d(6, classes, 1)
        self.depth = nn.Conv2d(6, 1, 1)

    def forward(self, image):
        f = self.trunk(image)
        return self.seg(f), self.depth(f)


def train_step(net, optimizer, image, mask, depth):
    optimizer.zero_grad(set_to_none=True)
    seg_logits, depth_hat = net(image)
    loss_seg = F.cross_entropy(seg_logits, mask)
    loss_depth = F.l1_loss(depth_hat, depth)
    loss_seg.backward()
    loss_depth.backward()  # expect: GG201
    optimizer.step()
    return loss_seg.item(), loss_depth.item()


torch.manual_seed(0)
net = SceneNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
print(train_step(net, optimizer, torch.rand(2, 3, 6, 6), torch.randint(0, 3, (2, 6, 6)), torch.rand(2, 1, 6, 6)))
