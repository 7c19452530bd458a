# An affine shift of the offset is built once; addition and reshape save no tensor, so each backward call may pass it.
import torch

torch.manual_seed(0)
offset = torch.zeros(3, requires_grad=True)
shifted = (offset + 1.0).unsqueeze(0)

for shard in torch.randn(4, 5, 3):
    loss = (shard - shifted).square().mean()
    loss.backward()

with torch.no_grad():
    offset -= 0.1 * offset.grad
print(offset)
