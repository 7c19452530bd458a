"""Three ways to freeze a part of a network, and what each of them cuts.

`requires_grad_(False)` says it of the parameters and is the clearest. `detach()` says it of a value: what lies in front
of it gets no gradient. `torch.no_grad()` computes a value without a graph. The head trains in all three.
"""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from gradguard.testing import assert_trains


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(torch.tanh(self.encoder(x)))


class Detached(Network):
    def forward(self, x):
        return self.head(torch.tanh(self.encoder(x)).detach())


class WithoutGraph(Network):
    def forward(self, x):
        with torch.no_grad():
            features = torch.tanh(self.encoder(x))
        return self.head(features)


def frozen_parameters():
    network = Network()
    network.encoder.requires_grad_(False)
    return network


def main():
    torch.manual_seed(0)
    batch = torch.randn(8, 3), torch.randn(8, 1)
    for network in (frozen_parameters(), Detached(), WithoutGraph()):
        assert_trains(network, batch, mse_loss, frozen=["encoder"])
        print(f"{type(network).__name__}: the encoder stays as it is, the head trains")


if __name__ == "__main__":
    main()
