# Mean teacher: the teacher follows by moving average and never has gradients; the student is cleared.
import torch
import torch.nn as nn


class ModelEMA:
    def __init__(self, model, decay=0.9):
        self.decay = decay
        self.shadow = {n: p.detach().clone() for n, p in model.named_parameters()}
        self.backup = {}

    def update(self, model):
        with torch.no_grad():
            for n, p in model.named_parameters():
                self.shadow[n].mul_(self.decay).add_(p.data, alpha=1 - self.decay)

    def apply_shadow(self, model):
        for n, p in model.named_parameters():
            self.backup[n] = p.data
            p.data = self.shadow[n]

    def restore(self, model):
        for n, p in model.named_parameters():
            p.data = self.backup[n]
        self.backup = {}


torch.manual_seed(0)
student = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
opt = torch.optim.Adam(student.parameters(), lr=1e-2)
ema = ModelEMA(student)
for it in range(6):
    x = torch.randn(10, 4)
    noisy = x + 0.05 * torch.randn_like(x)
    ema.apply_shadow(student)
    with torch.no_grad():
        teacher = student(noisy).softmax(1)
    ema.restore(student)
    logits = student(x)
    loss = nn.functional.cross_entropy(logits[:5], (x[:5, 0] > 0).long()) + (logits.softmax(1) - teacher).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    ema.update(student)
print(loss.item())
