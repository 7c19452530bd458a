# Tracking states live in a dict keyed by camera; the second visit reaches the first visit's graph.
import torch
import torch.nn as nn

torch.manual_seed(0)
cell = nn.GRUCell(3, 5)
readout = nn.Linear(5, 2)
sgd = torch.optim.SGD([*cell.parameters(), *readout.parameters()], lr=0.05)

tracks = {}
stream = [("north", torch.randn(1, 3)), ("south", torch.randn(1, 3)), ("north", torch.randn(1, 3))]
for camera, frame in stream:
    h = tracks.get(camera)
    if h is None:
        h = torch.zeros(1, 5)
    h = cell(frame, h)
    tracks[camera] = h
    miss = (readout(h) - frame[:, :2]).pow(2).sum()
    sgd.zero_grad()
    miss.backward()  # expect: GG201
    sgd.step()
    print(camera, miss.item())
