# The gradient is never cleared: w overshoots and swings around 2 instead of settling there.
import torch

X = torch.tensor([1.0, 2.0, 3.0])
Y = torch.tensor([2.0, 4.0, 6.0])

w = torch.tensor(0.0, requires_grad=True)
path = []

for step in range(50):
    loss = ((w * X - Y) ** 2).mean()
    loss.backward()  # expect: GG101
    with torch.no_grad():
        w -= 0.02 * w.grad
    path.append(w.item())

print("gradient descent from w = 0 ends at", w.item())
