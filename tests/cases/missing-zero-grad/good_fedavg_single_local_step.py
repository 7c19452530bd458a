# Federated SGD: every client makes one step on a fresh deep copy, so there is nothing to clear.
import copy
import torch
import torch.nn as nn

torch.manual_seed(0)
global_model = nn.Linear(5, 2)
client_data = [(torch.randn(12, 5), torch.randint(0, 2, (12,))) for _ in range(4)]


def client_update(weights, x, y, lr=0.2):
    model = nn.Linear(5, 2)
    model.load_state_dict(weights)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return model.state_dict(), loss.item()


for rnd in range(5):
    results = [client_update(copy.deepcopy(global_model.state_dict()), *d) for d in client_data]
    merged = {k: sum(r[0][k] for r in results) / len(results) for k in results[0][0]}
    global_model.load_state_dict(merged)
    print(rnd, sum(r[1] for r in results) / len(results))
