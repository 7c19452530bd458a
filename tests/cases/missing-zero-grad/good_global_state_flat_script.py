# Flat notebook style: everything global, comprehensions for clearing, update inside a no_grad block.
import torch

torch.manual_seed(2147483647)
words = ["emma", "olivia", "ava", "isabella", "sophia"]
chars = sorted(set("".join(words)))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi["."] = 0
xs, ys = [], []
for w in words:
    cs = ["."] + list(w) + ["."]
    for a, b in zip(cs, cs[1:]):
        xs.append(stoi[a])
        ys.append(stoi[b])
xs, ys = torch.tensor(xs), torch.tensor(ys)
V = len(stoi)

C = torch.randn((V, 4))
W = torch.randn((4, V))
bias = torch.zeros(V)
parameters = [C, W, bias]
for p in parameters:
    p.requires_grad = True

for k in range(12):
    logits = torch.tanh(C[xs]) @ W + bias
    loss = torch.nn.functional.cross_entropy(logits, ys) + 0.01 * (W**2).mean()
    for p in parameters:
        p.grad = None
    loss.backward()
    for p in parameters:
        p.data += -0.5 * p.grad
print(loss.item())
