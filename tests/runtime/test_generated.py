"""The two halves against an oracle, on training programs that are made at random as source text.

The oracle looks at values alone. Before each backward it derives the gradients anew with `torch.autograd.grad`; before
each use of a gradient it finds out which of those it is the sum of. It knows nothing of events, cells or ledgers.
`GRADGUARD_EXAMPLES` says how many programs are tried, and has new ones made; without it they are always the same.
A search finds that the static half says too much of about one program in two hundred: there a gradient is cleared in a
branch within an inner loop, which it takes for one that may never be taken.
"""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import gradguard
from gradguard.runtime.attention import Attention
from gradguard.runtime.watch import watch

OPTIMIZERS = (
    "torch.optim.SGD({}, lr=0.01)",
    "torch.optim.SGD({}, lr=0.01, momentum=0.9)",
    "torch.optim.Adam({}, lr=0.01)",
    "torch.optim.AdamW({}, lr=0.01, foreach=True)",
)
CLEARINGS = (
    "{w}.grad = None",
    "if {w}.grad is not None: {w}.grad.zero_()",
    "if {w}.grad is not None: {w}.grad.data.zero_()",
    "if {w}.grad is not None: {w}.grad.detach().mul_(0)",
    "{w}.grad = torch.zeros_like({w})",
)
UPDATES = (
    "{w}.data = {w}.data - 0.01 * {w}.grad",
    "{w}.data -= 0.01 * {w}.grad.data",
    "with torch.no_grad(): {w} -= 0.01 * {w}.grad",
    "with torch.no_grad(): {w}.sub_(0.01 * {w}.grad)",
    "{w}.data.add_({w}.grad, alpha=-0.01)",
)


@dataclass
class Program:
    """A program, the same with calls of the oracle, and both with the same lines."""

    plain: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add(self, depth: int, plain: str, question: str = "") -> None:
        indent = "    " * depth
        line = len(self.plain) + 1
        self.plain.append(indent + plain)
        self.asked.append(indent + (f"oracle.{question.format(line=line)}; " if question else "") + plain)

    @property
    def text(self) -> str:
        return "\n".join(self.plain) + "\n"

    def run(self, path: str) -> dict[str, object]:
        """Gives its variables: an update at its very end can only be seen while they live."""
        linecache.cache[path] = (len(self.text), None, self.text.splitlines(keepends=True), path)
        variables: dict[str, object] = {"__name__": "__main__"}
        exec(compile(self.text, path, "exec"), variables)
        return variables

    def others(self) -> Iterator[Program]:
        """The same program on other data and with longer loops: what source text says of one, it says of all."""
        for seed in range(6):
            asked = [re.sub(r"range\((\d+)\)", lambda n: f"range({3 * int(n[1])})", line) for line in self.asked]
            asked = [line.replace("torch.randn(17, 3)", "torch.randn(64, 3)") for line in asked]
            asked = [re.sub(r"manual_seed\(\d+\)", f"manual_seed({seed})", line) for line in asked]
            yield Program(self.plain, asked)

    def ask(self) -> Oracle:
        oracle = Oracle()
        exec(compile("\n".join(self.asked) + "\n", "<oracle>", "exec"), {"oracle": oracle})
        return oracle


class Oracle:
    """For each parameter all gradients ever derived for it, and how many of them each updater had seen used."""

    def __init__(self) -> None:
        self.guilty: set[int] = set()  # the lines of backward passes that have polluted what was used again
        self._derived: dict[int, list[tuple[int, torch.Tensor]]] = {}
        self._used: dict[tuple[str, int], int] = {}

    def backward(self, line, loss, *parameters):
        for parameter, grad in zip(parameters, torch.autograd.grad(loss(), parameters), strict=True):
            self._derived.setdefault(id(parameter), []).append((line, grad))

    def use(self, updater, *parameters):
        for parameter in parameters:
            if parameter.grad is None:
                continue
            derived = self._derived.get(id(parameter), [])
            size = self._size(parameter.grad, [grad for _, grad in derived])
            if size == 0:
                continue
            used = self._used.get((updater, id(parameter)))
            new = len(derived) - (used or 0)
            if used is not None and 0 < new < size:
                self.guilty.update(line for line, _ in derived[used:])
            self._used[updater, id(parameter)] = len(derived)

    def _size(self, grad, derived):
        """Of how many of the latest gradients it is the sum."""
        for size in range(len(derived) + 1):
            total = torch.zeros_like(grad)
            for part in derived[len(derived) - size :]:
                total = total + part
            if torch.allclose(total, grad, rtol=1e-4, atol=1e-6):
                return size
        raise AssertionError("the gradient is no sum of what was derived")


@st.composite
def programs(draw) -> Program:
    program = Program()
    count = draw(st.integers(1, 3))
    parameters = [f"w{number}" for number in range(count)]
    program.add(0, "import torch")
    program.add(0, f"torch.manual_seed({draw(st.integers(0, 5))})")
    program.add(0, "x = torch.randn(17, 3)")
    for name in parameters:
        program.add(0, f"{name} = torch.randn(3, requires_grad=True)")
    optimizers: dict[str, list[str]] = {}
    for number in range(draw(st.integers(0, 2))):
        owned = draw(st.lists(st.sampled_from(parameters), min_size=1, unique=True))
        optimizers[f"opt{number}"] = owned
        made = draw(st.sampled_from(OPTIMIZERS)).format(f"[{', '.join(owned)}]")
        program.add(0, f"opt{number} = {made}")
    owned_by_any = {name for owned in optimizers.values() for name in owned}
    by_hand = [name for name in parameters if name not in owned_by_any]
    _Body(draw, program, parameters, optimizers, by_hand).main()
    return program


class _Body:
    def __init__(self, draw, program, parameters, optimizers, by_hand):
        self.draw, self.program = draw, program
        self.parameters, self.optimizers, self.by_hand = parameters, optimizers, by_hand
        self.counters: list[str] = []

    def main(self):
        for _ in range(self.draw(st.integers(0, 2))):
            self.simple(0)
        for _ in range(self.draw(st.integers(1, 2))):
            self.loop(0)
        for _ in range(self.draw(st.integers(0, 2))):
            self.simple(0)

    def loop(self, depth):
        counter = "ij"[len(self.counters)]
        self.program.add(depth, f"for {counter} in range({self.draw(st.integers(3, 9))}):")
        self.counters.append(counter)
        for _ in range(self.draw(st.integers(2, 6))):
            self.statement(depth + 1)
        self.counters.pop()

    def statement(self, depth):
        kind = self.draw(st.sampled_from(["simple"] * 6 + ["branch", "loop"]))
        if kind == "branch":
            self.branch(depth)
        elif kind == "loop" and len(self.counters) == 1:
            self.loop(depth)
        else:
            self.simple(depth)

    def branch(self, depth):
        counter = self.counters[-1]
        condition = self.draw(
            st.sampled_from(
                [f"{counter} % 2 == 0", f"({counter} + 1) % 3 == 0", f"{counter} > 1", f"x[{counter}, 0] > 0"]
            )
        )
        self.program.add(depth, f"if {condition}:")
        for _ in range(self.draw(st.integers(1, 2))):
            self.simple(depth + 1)
        if self.draw(st.booleans()):
            self.program.add(depth, "else:")
            self.simple(depth + 1)

    def simple(self, depth):
        kinds = ["backward", "backward"] + ["step", "clear"] * bool(self.optimizers) + ["clear by hand"]
        kinds += ["update", "update", "clear by hand"] * bool(self.by_hand)
        getattr(self, self.draw(st.sampled_from(kinds)).replace(" ", "_"))(depth)

    def backward(self, depth):
        names = self.draw(st.lists(st.sampled_from(self.parameters), min_size=1, unique=True))
        at = " + ".join(self.counters) or str(self.draw(st.integers(0, 15)))
        factor = self.draw(st.sampled_from(["1.0", "0.5", "3.0"]))
        loss = " + ".join(f"({name} * x[{at}] - {factor}).pow(2).sum()" for name in names)
        self.program.add(depth, f"({loss}).backward()", f"backward({{line}}, lambda: {loss}, {', '.join(names)})")

    def step(self, depth):
        name = self.draw(st.sampled_from(sorted(self.optimizers)))
        self.program.add(depth, f"{name}.step()", f"use('{name}', {', '.join(self.optimizers[name])})")

    def clear(self, depth):
        name = self.draw(st.sampled_from(sorted(self.optimizers)))
        how = self.draw(st.sampled_from(["", "", "set_to_none=False"]))
        self.program.add(depth, f"{name}.zero_grad({how})")

    def clear_by_hand(self, depth):
        name = self.draw(st.sampled_from(self.by_hand or self.parameters))
        self.program.add(depth, self.draw(st.sampled_from(CLEARINGS)).format(w=name))

    def update(self, depth):
        name = self.draw(st.sampled_from(self.by_hand))
        self.program.add(depth, f"if {name}.grad is not None:")
        how = self.draw(st.sampled_from(UPDATES)).format(w=name)
        self.program.add(depth + 1, how, f"use('by hand', {name})" if not how.startswith("with") else "")
        if how.startswith("with"):
            self.program.asked[-1] = "    " * (depth + 1) + how.replace(": ", f": oracle.use('by hand', {name}); ", 1)


SEARCH = "GRADGUARD_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("GRADGUARD_EXAMPLES", "60"))
PROFILE = settings(
    max_examples=EXAMPLES, derandomize=not SEARCH, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@PROFILE
@given(programs())
def test_the_runtime_half_agrees_with_the_oracle(program):
    note(program.text)
    oracle = program.ask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Attention, "_is_calm", lambda _: False)  # what it sees while it looks
        patch.setattr("gradguard.runtime.attention._WARM_UP", 10_000)  # when it looks is tested elsewhere
        patch.setattr("gradguard.runtime.gradients._ALWAYS_SAMPLED", 10_000)
        patch.setattr("gradguard.runtime.gradients._ALWAYS_COMPARED", 10_000)
        with watch() as report:
            variables = program.run("/generated/program.py")
    del variables
    assert report.errors == []
    found = {finding.location.line for finding in report.findings if finding.code == "GG101"}
    note(f"oracle {sorted(oracle.guilty)}, found {sorted(found)}")
    assert found <= oracle.guilty
    assert bool(found) == bool(oracle.guilty)


@PROFILE
@given(programs())
def test_the_static_half_reports_nothing_that_the_oracle_denies(program):
    note(program.text)
    oracle = program.ask()
    result = gradguard.check_source(program.text)
    found = {finding.location.line for finding in result.findings if finding.code == "GG101"}
    note(f"oracle {sorted(oracle.guilty)}, found {sorted(found)}")
    assert not found or oracle.guilty or any(other.ask().guilty for other in program.others())
