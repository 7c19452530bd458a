# The gradient of one row of a weight matrix is asked of the slice.
import torch

torch.manual_seed(0)
embedding = torch.nn.Embedding(6, 3)
head = torch.nn.Linear(3, 2)
tokens = torch.tensor([[1, 4, 4, 2]])
logits = head(embedding(tokens).mean(dim=1))
torch.nn.functional.cross_entropy(logits, torch.tensor([1])).backward()
print("bias:", head.bias.grad)
for index in (1, 4):
    print(f"row {index}: {embedding.weight[index].grad}")  # expect: GG301
