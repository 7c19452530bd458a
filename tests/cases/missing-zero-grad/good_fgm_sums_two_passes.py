# FGM adversarial training on embeddings: clean and adversarial gradients are summed on purpose, then cleared.
import torch
import torch.nn as nn


class FGM:
    def __init__(self, model):
        self.model, self.backup = model, {}

    def attack(self, epsilon=0.5, emb_name="emb"):
        for name, param in self.model.named_parameters():
            if param.requires_grad and emb_name in name:
                self.backup[name] = param.data.clone()
                norm = torch.norm(param.grad)
                if norm != 0 and not torch.isnan(norm):
                    param.data.add_(epsilon * param.grad / norm)

    def restore(self, emb_name="emb"):
        for name, param in self.model.named_parameters():
            if param.requires_grad and emb_name in name:
                param.data = self.backup[name]
        self.backup = {}


class TextCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 6)
        self.conv, self.fc = nn.Conv1d(6, 8, 3), nn.Linear(8, 2)

    def forward(self, ids):
        return self.fc(torch.relu(self.conv(self.emb(ids).transpose(1, 2))).amax(-1))


torch.manual_seed(0)
model = TextCNN()
optimizer, fgm = torch.optim.Adam(model.parameters(), lr=1e-2), FGM(model)
for _ in range(5):
    ids, y = torch.randint(0, 20, (6, 7)), torch.randint(0, 2, (6,))
    loss = nn.functional.cross_entropy(model(ids), y)
    loss.backward()
    fgm.attack()
    loss_adv = nn.functional.cross_entropy(model(ids), y)
    loss_adv.backward()
    fgm.restore()
    optimizer.step()
    model.zero_grad()
print(loss.item(), loss_adv.item())
