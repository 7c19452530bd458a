# An auxiliary head has an optimizer of its own, but its loss is left out of the sum that is backpropagated.
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(6, 8)
        self.main, self.aux = nn.Linear(8, 3), nn.Linear(8, 2)

    def forward(self, x):
        h = torch.relu(self.base(x))
        return self.main(h), self.aux(h)


torch.manual_seed(0)
net = Tagger()
opt_main = torch.optim.SGD([*net.base.parameters(), *net.main.parameters()], lr=0.1)
opt_aux = torch.optim.SGD(net.aux.parameters(), lr=0.01)
for _ in range(4):
    x, y, z = torch.randn(8, 6), torch.randint(0, 3, (8,)), torch.randint(0, 2, (8,))
    opt_main.zero_grad()
    opt_aux.zero_grad()
    main_out, aux_out = net(x)
    main_loss = nn.functional.cross_entropy(main_out, y)
    aux_loss = nn.functional.cross_entropy(aux_out, z)
    main_loss.backward()
    opt_main.step()
    opt_aux.step()  # expect: GG103
print(main_loss.item(), aux_loss.item())
