# One clearing call before the branch serves mixed and full precision.
import torch
import torch.nn as nn


def train(model, loader, use_amp):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0) if use_amp else None
    for x, y in loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=use_amp):
            loss = nn.functional.mse_loss(model(x).float(), y)
        if scaler is not None:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        else:
            loss.backward()
            optimizer.step()
    return loss.item()


torch.manual_seed(0)
loader = [(torch.randn(6, 3), torch.randn(6, 1)) for _ in range(4)]
for flag in (False, True):
    print(flag, train(nn.Linear(3, 1), loader, flag))
