"""`requires_grad_()` on a loss that has lost its graph: the error is silenced, and nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.events import Backward, Site
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report, Rule

_CAUSE = {
    "mode": "the graph was lost here: {what} switches gradients off",
    "detach": "the graph was lost here: {what}",
    "data": "the graph was lost here: {what}",
    "number": "the graph was lost here: {what} gives a plain number",
    "numpy": "the graph was lost here: {what} leaves PyTorch",
    "rewrap": "the graph is lost here: {what} copies the values into a new tensor",
    "discrete": "the graph was lost here: no gradient goes through {what}",
    "sample": "the graph was lost here: no gradient goes through {what}",
    "gradient": "the graph was lost here: {what} without `create_graph=True`",
    "frozen": "the parameters were frozen here",
}


def detect(event: Backward, ledger: Ledger) -> Iterator[Report | Acquittal]:
    leaf = event.leaf
    site = event.site if leaf is None or leaf.site is None else leaf.site
    if leaf is None or event.seeded is not False:
        yield Acquittal(event.site, key=event.site)
        return
    of = leaf.name or event.name
    name = f"`{of}`" if of and "(" not in of else "the loss"
    how = f"`{leaf.what}` makes {name} a leaf" if leaf.what else f"{name} is made a leaf"
    notes: list[tuple[Site, str]] = []
    lost_by = event.cut.kind if event.cut is not None and event.cut.lost else ""
    elsewhere = ""
    if event.cut is not None and event.cut.site is not None and event.cut.kind in _CAUSE and event.cut.site != site:
        what = event.cut.what if "`" in event.cut.what else f"`{event.cut.what}`"
        elsewhere = "yes"
        notes.append((event.cut.site, _CAUSE[event.cut.kind].format(what=what)))
    if event.site != site:
        notes.append((event.site, "this backward reaches no parameter"))
    yield Report(
        site,
        f"{how} of its own: backward then succeeds, but no parameter gets a gradient and nothing is trained",
        tuple(notes),
        help="remove it, and repair the place where the graph was lost: the loss must be computed from the parameters "
        "by tensor operations",
        key=event.site,
        facts={"lost_by": lost_by, "elsewhere": elsewhere},
    )


RULE = Rule(
    code="GG204",
    name="leaf-loss",
    summary="the loss is made a leaf with requires_grad=True, so backward reaches no parameter",
    why="""
        `loss.requires_grad = True` (or `requires_grad_()`, `Variable(loss, requires_grad=True)`,
        `torch.tensor(loss, requires_grad=True)`) does not bring a lost graph back. It turns the loss into a leaf: the
        error "does not require grad" is gone, `backward()` fills `loss.grad` with 1, and the parameters get nothing.
    """,
    instead="""
        Find out where the graph is lost (`torch.no_grad()`, `.item()`, `.detach()`, `argmax`, `torch.tensor(…)`) and
        repair that.
    """,
    bad="""
        import torch

        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
        with torch.no_grad():
            logits = model(x)
        loss = torch.nn.functional.cross_entropy(logits, y)
        loss.requires_grad = True  # <- here
        loss.backward()
        optimizer.step()
    """,
    good="""
        import torch

        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    """,
    detect={Backward: detect},
)
