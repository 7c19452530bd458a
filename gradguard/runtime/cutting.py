"""How a call that took a value out of its graph is told: its kind, its place, and how the source writes it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import FrameType

from gradguard.events import Cut
from gradguard.runtime import text
from gradguard.runtime.origins import DISCRETE, switched_off_in
from gradguard.runtime.sites import Instruction, Sites, expression_at
from gradguard.runtime.syntax import last_name, short

__all__ = ["Ran", "as_cut", "as_maker", "is_sampling"]

_KINDS = {
    "detach": "detach",
    "detach_": "detach",
    "data": "data",
    "numpy": "numpy",
    "__array__": "numpy",
    "item": "number",
    "tolist": "number",
    "__float__": "number",
    "__int__": "number",
    "__index__": "number",
    "grad": "gradient",
} | dict.fromkeys(("tensor", "as_tensor", "new_tensor", "full", "asarray"), "rewrap")
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "__eq__", "__ne__"})


@dataclass(frozen=True, slots=True)
class Ran:
    """A function of torch that was called: its name, the user's calls that led there, the innermost first."""

    name: str
    calls: tuple[Instruction, ...]
    off: bool  # while gradients were switched off
    samples: bool  # by a distribution
    off_at: Instruction | None = None  # where they were switched off, unless for a block


def is_sampling(frame: FrameType | None) -> bool:
    """Whether a distribution of torch makes a sample without a graph."""
    for _ in range(4):
        if frame is None or "distributions" not in frame.f_code.co_filename:
            return False
        if frame.f_code.co_name == "sample":
            return True
        frame = frame.f_back
    return False


def as_cut(ran: Ran, sites: Sites) -> Cut | None:
    """None where no name can be given to it."""
    here = ran.calls[0]
    code = sites.codes[here.code]
    if ran.samples:
        return Cut(kind="sample", site=here, what=".sample()")
    if ran.off:
        for call in ran.calls:
            line = text.instruction_line(sites, call)
            found = None if line is None else switched_off_in(sites.codes[call.code], line)
            if found is not None:
                return Cut(kind="mode", site=found[0], what=found[1])
        call_off = None if ran.off_at is None else expression_at(sites.codes[ran.off_at.code], ran.off_at.offset)
        if isinstance(call_off, ast.Call) and last_name(call_off.func) == "set_grad_enabled":
            return Cut(kind="mode", site=ran.off_at, what=short(call_off))
        return None
    kind = _KINDS.get(ran.name, "discrete" if ran.name.strip("_") in DISCRETE or ran.name in _COMPARISONS else "")
    if not kind:
        return None
    node = expression_at(code, here.offset)
    return Cut(kind=kind, site=here, what=_written(node, ran.name))


def as_maker(ran: Ran, sites: Sites) -> Cut:
    here = ran.calls[0]
    node = expression_at(sites.codes[here.code], here.offset)
    if ran.name == "requires_grad_":
        what = ".requires_grad_()"
    elif ran.name == "requires_grad":
        what = ".requires_grad = True"
    elif isinstance(node, ast.Call):
        what = f"{short(node.func)}(…, requires_grad=True)"
    else:
        what = "requires_grad=True"
    return Cut(kind="releaf", site=here, what=what)


def _written(node: ast.expr | None, name: str) -> str:
    if isinstance(node, ast.Compare):
        return f"the comparison `{short(node)}`"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id}(…)"
    if isinstance(node, ast.Call) and name in ("grad", "tensor", "as_tensor", "new_tensor", "full", "asarray"):
        return f"{short(node.func)}(…)"
    if name == "data":
        return ".data"
    return f".{name}()" if not name.startswith("__") else {"__float__": "float(…)", "__int__": "int(…)"}.get(name, name)
