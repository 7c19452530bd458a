# The base trainer clears in its step method; the subclass overrides the method and forgets it.
import torch
import torch.nn as nn


class Trainer:
    def __init__(self, model, lr=0.1):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.history = []

    def train_step(self, batch):
        self.optimizer.zero_grad()
        loss = self.model(batch).pow(2).mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, batches, epochs=2):
        for _ in range(epochs):
            for batch in batches:
                self.history.append(self.train_step(batch))
        return self


class ClippedTrainer(Trainer):
    def __init__(self, model, lr=0.1, clip=0.5):
        super().__init__(model, lr)
        self.clip = clip

    def train_step(self, batch):
        loss = nn.functional.huber_loss(self.model(batch), batch.sum(-1, keepdim=True))
        loss.backward()  # expect: GG101
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return loss.item()


torch.manual_seed(0)
trainer = ClippedTrainer(nn.Linear(3, 1)).fit([torch.randn(4, 3) for _ in range(4)])
print(trainer.history[-1])
