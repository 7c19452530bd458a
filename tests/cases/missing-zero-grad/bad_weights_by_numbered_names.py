# Weights under numbered names, made in one loop and updated by hand in another: nothing clears them.
import torch

torch.manual_seed(0)
sizes = [3, 5, 1]
weights = {}
for layer in range(len(sizes) - 1):
    weights["W" + str(layer)] = torch.randn(sizes[layer], sizes[layer + 1], requires_grad=True)
    weights[f"b{layer}"] = torch.zeros(sizes[layer + 1], requires_grad=True)


def predict(x):
    hidden = torch.tanh(x @ weights["W0"] + weights["b0"])
    return hidden @ weights["W1"] + weights["b1"]


x = torch.randn(12, 3)
y = x.prod(1, keepdim=True)
for _ in range(4):
    error = (predict(x) - y).square().mean()
    error.backward()  # expect: GG101
    with torch.no_grad():
        for weight in weights.values():
            weight -= 0.05 * weight.grad
