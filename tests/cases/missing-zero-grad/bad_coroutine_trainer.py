# A coroutine that receives batches and yields losses, without ever clearing.
import torch
import torch.nn as nn


def trainer(model, optimizer):
    value = None
    while True:
        batch = yield value
        if batch is None:
            return
        x, y = batch
        loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
        loss.backward()  # expect: GG101
        optimizer.step()
        value = loss.item()


torch.manual_seed(0)
clf = nn.Linear(5, 1)
worker = trainer(clf, torch.optim.SGD(clf.parameters(), lr=0.3))
next(worker)
for _ in range(6):
    x = torch.randn(7, 5)
    print(worker.send((x, (x[:, 0] > 0).float())))
worker.close()
