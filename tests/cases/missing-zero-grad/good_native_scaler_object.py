# A callable scaler object does backward, clipping, step and update; accumulation is a keyword of the call.
import torch
import torch.nn as nn


class NativeScaler:
    def __init__(self):
        self._scaler = torch.amp.GradScaler("cpu", init_scale=128.0)

    def __call__(self, loss, optimizer, clip_grad=None, parameters=None, update_grad=True):
        self._scaler.scale(loss).backward()
        if update_grad:
            self._scaler.unscale_(optimizer)
            if clip_grad is not None:
                torch.nn.utils.clip_grad_norm_(parameters, clip_grad)
            self._scaler.step(optimizer)
            self._scaler.update()

    def state_dict(self):
        return self._scaler.state_dict()


torch.manual_seed(0)
vit = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 3))
optimizer = torch.optim.AdamW(vit.parameters(), lr=1e-2)
loss_scaler, acc_it = NativeScaler(), 2
optimizer.zero_grad()
for i in range(8):
    samples, targets = torch.rand(4, 1, 4, 4), torch.randint(0, 3, (4,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(vit(samples), targets) / acc_it
    loss_scaler(loss, optimizer, clip_grad=1.0, parameters=vit.parameters(), update_grad=(i + 1) % acc_it == 0)
    if (i + 1) % acc_it == 0:
        optimizer.zero_grad()
print(loss.item(), loss_scaler.state_dict()["scale"])
