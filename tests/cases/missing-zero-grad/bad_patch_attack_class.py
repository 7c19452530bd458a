# An adversarial patch is trained; only the frozen detector behind it is cleared.
import torch
from torch import nn


class Estimator:
    def __init__(self):
        self.model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 4))
        self.model.eval()

    def loss(self, images, labels):
        return nn.functional.cross_entropy(self.model(images), labels)


class PatchAttack:
    def __init__(self, estimator, size=3, learning_rate=0.05, max_iter=6):
        self.estimator = estimator
        self.max_iter = max_iter
        self._patch = torch.full((1, 1, size, size), 0.5, requires_grad=True)
        self._optimizer = torch.optim.Adam([self._patch], lr=learning_rate)

    def _place(self, images):
        s = self._patch.shape[-1]
        pad = nn.functional.pad(self._patch, (0, images.shape[-1] - s, 0, images.shape[-2] - s))
        mask = (pad.detach() != 0).float()
        return images * (1 - mask) + pad * mask

    def _train_step(self, images, target):
        self.estimator.model.zero_grad()
        loss = self.estimator.loss(self._place(images), target)
        loss.backward(retain_graph=False)  # expect: GG101
        self._optimizer.step()
        with torch.no_grad():
            self._patch.clamp_(0.01, 0.99)
        return loss.item()

    def generate(self, images, target):
        return [self._train_step(images, target) for _ in range(self.max_iter)]


torch.manual_seed(1)
print(PatchAttack(Estimator()).generate(torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)))
