"""What its module does not know of: layers in a plain list or dict, plain tensors, layers made in each forward."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Ownership
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule


def detect(event: Ownership, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.cause not in ("container", "tensor", "computed", "forward"):
        return
    if event.owned:
        yield Acquittal(event.site)
    elif event.cause == "tensor":
        yield Report(
            event.site,
            f"`{event.name}` is a plain tensor and no parameter of its module: `parameters()` does not have it, and "
            f"`{event.optimizer}` never trains it",
            help="wrap it in `nn.Parameter(…)`: then it is trained, moved by `.to(device)` and saved by "
            "`state_dict()`; if it is meant to stay as it is, drop `requires_grad=True`",
        )
    elif event.cause == "computed":
        yield Report(
            event.site,
            f"`{event.name}` is computed from a parameter and is none itself: `parameters()` does not have it, and "
            f"`{event.optimizer}` never trains it",
            help="compute the values first and wrap the result, `nn.Parameter(torch.randn(4, 1) * 0.1)`; the `.to(…)` "
            "of the module moves its parameters",
            instead_of=tuple(("backward-twice", site) for site in event.fails_at),
        )
    elif event.cause == "container":
        name = f"`{event.name}` is" if event.name else "this is"
        yield Report(
            event.site,
            f"{name} a plain list, tuple or dict: `parameters()` does not see what is in it, "
            f"and `{event.optimizer}` never trains it",
            help="use `nn.ModuleList` or `nn.ModuleDict` (`nn.ParameterList` for parameters) in its place",
            facts={"holds": event.holds},
        )
    else:
        name = f"`{event.name}`" if event.name else "this layer"
        yield Report(
            event.site,
            f"{name} is made while `forward` runs: `{event.optimizer}` does not have its weights, and they stay random",
            help="make it once, in `__init__`, as an attribute of the module",
        )


RULE = Rule(
    code="GG304",
    name="unregistered-parameters",
    summary="layers lie in a plain list or dict, a plain tensor is used as a parameter, or forward makes them",
    why="""
        A module registers the layers and parameters that are its attributes, and those in `nn.ModuleList` and its kin.
        What lies in a plain list or dict, is a plain tensor with `requires_grad=True`, or is made while `forward` runs,
        is missing in `parameters()`: the optimizer does not train it, `.to(device)` does not move it, and
        `state_dict()` does not save it. It still works, with the random weights that it began with.
    """,
    instead="""
        `self.layers = nn.ModuleList([...])`, `nn.ModuleDict`, `nn.ParameterList`, and for a single tensor
        `self.w = nn.Parameter(torch.randn(4, 1))`; make every layer in `__init__`.
    """,
    bad="""
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = [torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)]  # <- here
                self.last = torch.nn.Linear(2, 1)

            def forward(self, x):
                for layer in self.layers:
                    x = torch.tanh(layer(x))
                return self.last(x)

        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    good="""
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])
                self.last = torch.nn.Linear(2, 1)

            def forward(self, x):
                for layer in self.layers:
                    x = torch.tanh(layer(x))
                return self.last(x)

        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 2)).pow(2).mean().backward()
            optimizer.step()
    """,
    detect={Ownership: detect},
)
