# Leaves that live in dicts, lists and dataclasses, rebuilt by clone, detach and requires_grad_.
from dataclasses import dataclass

import torch


@dataclass
class Camera:
    focal: torch.Tensor
    shift: torch.Tensor

    def leaves(self):
        return {"focal": self.focal, "shift": self.shift}


def fresh(t):
    return t.clone().detach().requires_grad_(True)


template = torch.tensor([1.0, 2.0])
cam = Camera(focal=fresh(template[0] * 2), shift=fresh(template))
pixels = cam.focal * torch.tensor([[0.1, 0.2], [0.3, 0.1]]) + cam.shift
pixels.norm().backward()
for name, leaf in cam.leaves().items():
    print(name, leaf.grad)
    leaf.grad = None
