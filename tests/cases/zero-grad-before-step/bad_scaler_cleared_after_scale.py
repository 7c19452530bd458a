# Mixed precision: the optimizer is cleared after the scaled backward, so scaler.step finds no gradient at all.
import torch
import torch.nn as nn

torch.manual_seed(0)
denoiser = nn.Conv1d(1, 1, 5, padding=2)
optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-2)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
for step in range(3):
    clean = torch.sin(torch.linspace(0, 6, 30)).expand(4, 1, 30)
    noisy = clean + 0.2 * torch.randn(4, 1, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = denoiser(noisy)
    loss = nn.functional.mse_loss(out.float(), clean)
    scaler.scale(loss).backward()
    optimizer.zero_grad()  # expect: GG102
    scaler.step(optimizer)
    scaler.update()
    print(step, loss.item())
