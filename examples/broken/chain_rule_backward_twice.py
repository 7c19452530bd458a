# One backward pass for each softmax output, but the first one frees the graph: RuntimeError in the second turn.
import torch

z = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
p = torch.softmax(z, dim=0)

for output in p:
    output.backward()  # expect: GG201

print(z.grad)
