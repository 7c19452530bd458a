# Macro batches in a while loop, micro batches in an inner for: clear, sum up, clip, step.
import torch
import torch.nn as nn


def get_batch(data, block, batch):
    ix = torch.randint(len(data) - block - 1, (batch,))
    x = torch.stack([data[i : i + block] for i in ix])
    y = torch.stack([data[i + 1 : i + 1 + block] for i in ix])
    return x, y


torch.manual_seed(1337)
text = torch.randint(0, 10, (200,))
model = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
gradient_accumulation_steps, max_iters, grad_clip = 3, 4, 1.0
scaler = torch.amp.GradScaler("cpu", enabled=False)
X, Y = get_batch(text, 6, 4)
iter_num = 0
while True:
    for micro_step in range(gradient_accumulation_steps):
        logits = model(X)
        loss = nn.functional.cross_entropy(logits.view(-1, 10), Y.view(-1))
        loss = loss / gradient_accumulation_steps
        X, Y = get_batch(text, 6, 4)
        scaler.scale(loss).backward()
    if grad_clip != 0.0:
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    print(iter_num, loss.item() * gradient_accumulation_steps)
    iter_num += 1
    if iter_num > max_iters:
        break
