"""Hooks for saved tensors that hand back what they are given switch off a check of autograd."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import SavedTensorsHooks
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule


def detect(event: SavedTensorsHooks, ledger: Ledger) -> Iterator[Report]:
    if event.returns_input:
        yield Report(
            event.site,
            "the pack hook returns the saved tensor itself: autograd no longer checks whether it is changed in place "
            "before the backward",
            help="leave the hooks out; where something must be packed, return a copy (`x.clone()`) or a handle",
        )


RULE = Rule(
    code="GG505",
    name="identity-saved-tensors-hooks",
    summary="a pack hook for saved tensors returns the tensor itself",
    default=False,
    why="""
        Without hooks, autograd compares the version of a saved tensor with the one it had when it was saved, and raises
        if it was changed in place in between. What a pack hook returns is not compared. So with
        `saved_tensors_hooks(lambda x: x, lambda x: x)` such a change gives a wrong gradient without a word.
    """,
    instead="""
        Leave out hooks that do nothing. A pack hook that stores something should return a copy, or a name or number
        under which the unpack hook finds it.
    """,
    bad="""
        import torch
        from torch.autograd.graph import saved_tensors_hooks

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        with saved_tensors_hooks(lambda t: t, lambda t: t):  # <- here
            y = torch.exp(x)
        y.sum().backward()
    """,
    good="""
        import torch
        from torch.autograd.graph import saved_tensors_hooks

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        with saved_tensors_hooks(lambda t: t.to(torch.bfloat16), lambda t: t.to(torch.float32)):
            y = torch.exp(x)
        y.sum().backward()
    """,
    detect={SavedTensorsHooks: detect},
)
