# FGSM training: the model is cleared after the attack's backward and before its own.
import torch
import torch.nn as nn

torch.manual_seed(0)
clf = nn.Sequential(nn.Linear(7, 10), nn.ReLU(), nn.Linear(10, 3))
opt = torch.optim.SGD(clf.parameters(), lr=0.1)
for _ in range(5):
    x, y = torch.rand(8, 7), torch.randint(0, 3, (8,))
    x.requires_grad = True
    loss = nn.functional.cross_entropy(clf(x), y)
    clf.zero_grad()
    loss.backward()
    x_adv = torch.clamp(x + 0.1 * x.grad.sign(), 0, 1).detach()
    opt.zero_grad()
    adv_loss = nn.functional.cross_entropy(clf(x_adv), y)
    adv_loss.backward()
    opt.step()
print(loss.item(), adv_loss.item())
