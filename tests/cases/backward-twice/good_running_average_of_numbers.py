# A running average for the progress line is made of plain numbers.
import torch

torch.manual_seed(0)
net = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
smoothed, total_loss, history = None, 0.0, []
for it in range(6):
    x = torch.randn(8, 3)
    loss = (net(x) - x.mean(1, keepdim=True)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    value = loss.detach().item()
    smoothed = value if smoothed is None else 0.9 * smoothed + 0.1 * value
    total_loss += loss.item()
    history.append(loss.detach())
print(f"{smoothed:.3f} {total_loss / 6:.3f} {torch.stack(history).mean():.3f}")
