# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class Runner:
    def __init__(self):
        self.net = nn.Linear(3, 2)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=.1)
    def run(self, train):
        torch.set_grad_enabled(False)
        if train:
            self.net.train()
        x, y = torch.randn(4, 3), torch.randint(0, 2, (4,))
        loss = F.cross_entropy(self.net(x), y)
        if train:
            self.opt.zero_grad()
            loss.backward()  # expect: GG203
            self.opt.step()
        return loss.item()
r = Runner()
r.run(True)
r.run(False)
