# Weights under numbered names; the loop that updates them also clears them, by the same names.
import torch

torch.manual_seed(0)
sizes = [3, 5, 1]
weights = {}
for layer in range(len(sizes) - 1):
    weights["W" + str(layer)] = torch.randn(sizes[layer], sizes[layer + 1], requires_grad=True)
    weights[f"b{layer}"] = torch.zeros(sizes[layer + 1], requires_grad=True)

x = torch.randn(12, 3)
y = x.prod(1, keepdim=True)
for _ in range(4):
    hidden = torch.tanh(x @ weights["W0"] + weights["b0"])
    error = (hidden @ weights["W1"] + weights["b1"] - y).square().mean()
    error.backward()
    with torch.no_grad():
        for layer in range(len(sizes) - 1):
            for name in (f"W{layer}", f"b{layer}"):
                weights[name] -= 0.05 * weights[name].grad
                weights[name].grad.zero_()
