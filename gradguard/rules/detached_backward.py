"""`backward()` on something that has no graph, or a loss with a term that has none."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward, Cut, CutOff, Site
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule

_CAUSE = {
    "mode": "{what} switches gradients off here",
    "detach": "{what} cuts the graph here",
    "data": "{what} cuts the graph here",
    "number": "{what} gives a plain number here, and the graph is lost",
    "numpy": "{what} leaves PyTorch here, and the graph is lost",
    "rewrap": "{what} copies the values into a new tensor that has no graph",
    "discrete": "no gradient goes through {what}",
    "sample": "no gradient goes through {what}",
    "gradient": "{what} without `create_graph=True` gives gradients that have no graph of their own",
    "frozen": "the parameters are frozen here, and nothing else in it requires a gradient",
}
_HELP = {
    "mode": "move the forward pass that the loss needs out of the part that runs without gradients; after "
    "`torch.set_grad_enabled(False)`, switch them on again before training",
    "detach": "leave the graph whole between the parameters and the loss, and detach only copies for logging",
    "data": "leave the graph whole between the parameters and the loss, and detach only copies for logging",
    "number": "add up the tensors themselves (`total = total + loss`) and call `.item()` only on copies for logging",
    "numpy": "compute the loss with PyTorch operations throughout",
    "rewrap": "join tensors with `torch.stack(losses)` or `sum(losses)`, which keep the graph",
    "discrete": "compute the loss from the scores themselves (`cross_entropy(logits, target)`, softmax, a soft "
    "version of the metric)",
    "sample": "use `rsample()`, where the distribution has it, or the `log_prob` of the sample",
    "gradient": "pass `create_graph=True` to it",
    "frozen": "train at least one parameter (`requires_grad_(True)`), or drop the backward",
    "made": "create what is to be trained with `requires_grad=True`, or as `nn.Parameter`",
}


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    for term in event.dead:
        if term.site is not None:
            yield _report_term(event, term, term.site)
    cut = event.cut
    if cut is not None and cut.kind == "rebound":
        return  # parameter-rebound tells of that
    if event.requires_grad is not False or cut is None:
        yield Acquittal(event.site)
        return
    name = f"`{event.name}`" if event.name and "(" not in event.name else "the loss"
    because = "" if cut.kind != "made" else ": nothing that it is computed from requires a gradient"
    yield Report(
        event.site,
        f"backward on {name}, which has no graph{because or ': nothing is left to differentiate'}",
        tuple(_notes(cut)),
        help=_HELP.get(cut.kind, ""),
        facts={"lost_by": cut.kind if cut.lost else ""},
    )


def detect_cut_off(event: CutOff, ledger: Ledger) -> Iterator[Report | Acquittal]:
    if event.reached:
        yield Acquittal(event.site, key="cut off")
        return
    cause = _CAUSE[event.cut.kind].format(what=_quoted(event.cut.what)).replace(" here", "")
    yield Report(
        event.site,
        f"what is computed before this gets no gradient at all: {cause}",
        ((event.backward, "this backward does not reach the parameters that it was computed from"),),
        help=_HELP.get(event.cut.kind, ""),
        key="cut off",
        facts={"lost_by": event.cut.kind if event.cut.lost else ""},
    )


def _notes(cut: Cut) -> Iterator[tuple[Site, str]]:
    if cut.site is not None and cut.kind in _CAUSE:
        yield cut.site, _CAUSE[cut.kind].format(what=_quoted(cut.what))


def _quoted(what: str) -> str:
    return what if not what or "`" in what else f"`{what}`"


def _report_term(event: Backward, term: Cut, site: Site) -> Report:
    cause = _CAUSE[term.kind].format(what=_quoted(term.what))
    return Report(
        site,
        f"a term of the loss has no gradient: {cause.replace(' here', '')}",
        ((event.site, "this backward computes no gradient for that term"),),
        help=_HELP.get(term.kind, ""),
        key="term",
        facts={"lost_by": term.kind if term.lost else ""},
    )


RULE = Rule(
    code="GG203",
    name="detached-backward",
    summary="backward() is called on a loss that has no graph, or a part of the loss has none",
    why="""
        A loss can be differentiated only if an unbroken chain of tensor operations leads from the parameters to it. The
        chain breaks under `torch.no_grad()`, with `.detach()`, `.data`, `.item()`, `float(…)`, `.numpy()`, and where
        values are put into a new tensor (`torch.tensor(losses)`); `argmax`, comparisons and integers have no gradient
        at all. PyTorch then raises "element 0 of tensors does not require grad and does not have a grad_fn" and does
        not say where the chain broke. If only one term of the loss is cut off, nothing is raised, and that term trains
        nothing.
    """,
    instead="""
        Compute the loss from the outputs of the model with tensor operations, outside of `torch.no_grad()`. Add losses
        up as tensors, and use `.item()` and `.detach()` for logging only.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(3, 2)
        x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
        predicted = model(x).argmax(dim=1)
        loss = (predicted != y).float().mean()
        loss.backward()  # <- here
    """,
    good="""
        import torch

        model = torch.nn.Linear(3, 2)
        x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
    """,
    raises=True,
    detect={Backward: detect, CutOff: detect_cut_off},
    aliases=("tensor-rewrap",),
)
