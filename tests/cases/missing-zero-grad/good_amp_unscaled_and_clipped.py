# The usual AMP recipe with clipping and accumulation, cleared after each step.
import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
batches, accumulate = [torch.randn(6, 3) for _ in range(5)], 2
for i, x in enumerate(batches):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = model(x)
    loss = (prediction.float() - x[:, :1]).pow(2).mean()
    scaler.scale(loss / accumulate).backward()
    if (i + 1) % accumulate == 0 or i + 1 == len(batches):
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
