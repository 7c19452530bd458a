# Federated client: gradients are reset when new weights arrive, not between the local steps.
import copy
import torch
import torch.nn as nn


class Client:
    def __init__(self, data):
        self.data = data
        self.model = nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05)

    def receive(self, state):
        self.model.load_state_dict(state)
        self.optimizer.zero_grad()

    def local_train(self, epochs=2):
        for _ in range(epochs):
            for x, y in self.data:
                loss = nn.functional.mse_loss(self.model(x), y)
                loss.backward()  # expect: GG101
                self.optimizer.step()
        return {k: v.clone() for k, v in self.model.state_dict().items()}, loss.item()


def average(states):
    return {k: torch.stack([s[k] for s in states]).mean(0) for k in states[0]}


torch.manual_seed(0)
server = nn.Linear(4, 1)
clients = [Client([(x := torch.randn(5, 4), x.sum(1, keepdim=True)) for _ in range(3)]) for _ in range(2)]
for rnd in range(3):
    replies = []
    for c in clients:
        c.receive(copy.deepcopy(server.state_dict()))
        replies.append(c.local_train())
    server.load_state_dict(average([r[0] for r in replies]))
    print(rnd, [r[1] for r in replies])
