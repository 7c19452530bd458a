"""The deeper mode: each place is exactly the one where it happened, and nobody but the report notices."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import json
import pickle
import re
import runpy
import subprocess
import sys
import textwrap
import threading
import traceback
import types
import warnings
import weakref
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import gradguard
from gradguard.runtime.script import run

test_harmless = types.SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("test_harmless.py"))))

HELPERS = """
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        hidden = self.layer(x)
        hidden = torch.sigmoid(
            hidden
        )  # <- sigmoid
        return hidden * 2  # <- doubled


def gather(items):
    return [
        item.exp()  # <- exp
        for item in items
    ]


def numbers(items):
    found = []
    for item in items:
        found.append(
            item.sum()
            .item()  # <- item
        )
    return found


def quietly(function, x):
    with torch.no_grad():  # <- no_grad
        return inner(function, x)


def inner(function, x):
    return function(x)


def switch(on):
    torch.set_grad_enabled(on)  # <- switched


def cut(x):
    return x.detach()  # <- detach


def as_array(x):
    return cut(x).numpy()


def overwrite(t):
    t.mul_(2)  # <- mul_


def fill(t):
    nn.init.ones_(t)  # <- ones_


def rewrapped(x):
    return torch.tensor([x.sum(), x.mean()])  # <- tensor


def best(x):
    return x.argmax(dim=-1)  # <- argmax


def positive(x):
    return x > 0  # <- compared


def decorated_loss(model, x):
    return loss_of(model, x)


@torch.no_grad()  # <- decorator
def loss_of(model, x):
    return model(x).sum()


def mean_loss(losses):
    return torch.tensor(losses, requires_grad=True)  # <- leaf


def each(criterion, x):
    return criterion(x, torch.zeros_like(x))  # <- unreduced
"""


@pytest.fixture
def traced(tmp_path, monkeypatch):
    """Run source text with helpers in another file. Gives the names of the marked lines that the findings point to."""

    def execute(source, trace=True):
        helpers, program = tmp_path / "helpers.py", tmp_path / "program.py"
        helpers.write_text(HELPERS.lstrip("\n"))
        program.write_text("import torch, helpers\nfrom torch import nn\n" + textwrap.dedent(source).strip("\n") + "\n")
        monkeypatch.setattr(sys, "argv", list(sys.argv))
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        monkeypatch.delitem(sys.modules, "helpers", raising=False)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            execute.status, execute.report = run(str(program), [], module=False, trace=trace)
        monkeypatch.delitem(sys.modules, "helpers", raising=False)
        assert execute.report.errors == []
        execute.rules = {finding.rule for finding in execute.report.findings}
        marks = set()
        for finding in execute.report.findings:
            for location in (finding.location, *(note.location for note in finding.notes)):
                lines = (helpers if location.path.endswith("helpers.py") else program).read_text().split("\n")
                shown = " ".join(lines[location.line - 1 : location.end_line])
                marks.update(re.findall(r"# <- (\w+)", shown))
        return marks

    return execute


CASES = {
    "non-scalar-backward doubled": """
        helpers.Block()(torch.ones(2, 3)).backward()
    """,
    "non-scalar-backward unreduced": """
        box = [helpers.each(nn.MSELoss(reduction="none"), x)]
        box[0].backward()
    """,
    "non-leaf-grad exp": """
        h = helpers.gather([x])[0]
        h.sum().backward()
        h.grad
    """,
    "backward-twice exp": """
        hs = helpers.gather([x])
        for _ in range(2):
            hs[0].sum().backward()
    """,
    "inplace-on-saved-tensor exp mul_": """
        h = helpers.gather([x])[0]
        helpers.overwrite(h)
        h.sum().backward()
    """,
    "inplace-on-saved-tensor exp ones_": """
        h = helpers.gather([x])[0]
        with torch.no_grad():
            helpers.fill(h)
        h.sum().backward()
    """,
    "inplace-on-saved-tensor mul_": """
        w = torch.randn(3, 3, requires_grad=True)
        loss = (torch.ones(2, 3) @ w).tanh() @ w
        with torch.no_grad():
            helpers.overwrite(w)
        loss.sum().backward()
    """,
    "detached-backward no_grad": """
        loss = helpers.quietly(torch.sin, x).sum()
        loss.backward()
    """,
    "detached-backward switched": """
        helpers.switch(False)
        box = [x.sin()]
        helpers.switch(True)
        box[0].sum().backward()
    """,
    "detached-backward decorator": """
        box = [helpers.loss_of(helpers.Block(), torch.ones(2, 3))]
        box[0].backward()
    """,
    "detached-backward detach": """
        pairs = [(i, helpers.cut(x.sin())) for i in range(3)]
        sum(pair[1].sum() for pair in pairs).backward()
    """,
    "detached-backward item": """
        torch.tensor(helpers.numbers([x])).sum().backward()
    """,
    "detached-backward detach numpy": """
        torch.from_numpy(helpers.as_array(x * 2)).sum().backward()
    """,
    "detached-backward tensor": """
        box = [helpers.rewrapped(x.sin())]
        box[0].mean().backward()
    """,
    "detached-backward argmax": """
        box = {"best": helpers.best(x * 2)}
        (box["best"].float() * 2).mean().backward()
    """,
    "detached-backward compared": """
        box = {"positive": helpers.positive(x * 2)}
        (box["positive"].float() * 2).mean().backward()
    """,
    "detached-backward frozen": """
        model, target = helpers.Block(), helpers.Block()
        for p in model.parameters():
            p.requires_grad_(False)  # <- frozen
        loss = nn.functional.mse_loss(model(torch.ones(2, 3)), helpers.cut(target(torch.ones(2, 3))))
        loss.backward()
    """,
    "leaf-loss leaf item": """
        loss = helpers.mean_loss(helpers.numbers([x]))
        loss.backward()
    """,
    "": """
        torch.stack(helpers.gather([x, x])).sum().backward()
        helpers.overwrite(helpers.cut(x.sin()))
        helpers.quietly(torch.sin, x)
        with torch.no_grad():
            helpers.fill(x)
    """,
}


@pytest.mark.parametrize("name", CASES)
def test_places_deep_inside_of_helpers(traced, name):
    rule, *marks = name.split() or [""]
    found = traced("x = torch.randn(4, 3, requires_grad=True)\n" + textwrap.dedent(CASES[name]))
    assert traced.rules == ({rule} if rule else set())
    assert found == set(marks) - {"numpy"}


def test_the_ordinary_report_offers_it_where_it_would_answer_something(traced):
    source = """
        x = torch.randn(4, 3, requires_grad=True)
        for h in helpers.gather([x]):
            h.sum().backward()
            h.grad
    """
    traced(source, trace=False)
    assert traced.report.open_questions == ("`h` was computed",)
    assert traced(source) == {"exp"}
    assert traced.report.open_questions == ()
    traced("w = torch.ones(2, requires_grad=True)\ny = w * 2\ny.sum().backward()\ny.grad", trace=False)
    assert traced.rules == {"non-leaf-grad"}
    assert traced.report.open_questions == ()


def test_two_places_that_took_the_same_number_are_no_cause(traced):
    source = """
        first = torch.randn(3, requires_grad=True).sum()
        a = first.item()
        b = first.item()
        box = {"a": a}
        torch.tensor([box["a"]]).sum().backward()
    """
    traced(source)
    (finding,) = traced.report.findings
    assert "item" not in {note.message for note in finding.notes}
    assert 6 not in {note.location.line for note in finding.notes}


# --- harmless --------------------------------------------------------------------------------------------------------


def test_the_numbers_are_bitwise_the_same():
    losses, weights = test_harmless.train(40)
    with gradguard.watch(trace=True) as report:
        traced_losses, traced_weights = test_harmless.train(40)
    assert losses == traced_losses
    assert all(torch.equal(one, other) for one, other in zip(weights, traced_weights, strict=True))
    assert report.errors == []
    assert report.findings == ()


def test_the_fast_path_of_a_transformer_is_taken_all_the_same():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    encoder = nn.TransformerEncoder(layer, 2).eval()
    x, mask = torch.randn(3, 5, 16), torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 4 + [True]])
    seen = []
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = encoder(x, src_key_padding_mask=mask)
        with torch.profiler.profile() as profile, gradguard.watch(trace=True):
            watched = encoder(x, src_key_padding_mask=mask)
        seen = {event.name for event in profile.events()}
    assert torch.equal(plain, watched)
    assert "aten::_transformer_encoder_layer_fwd" in seen


def test_everything_is_as_it_was():
    test_harmless.train(1)
    with gradguard.watch(trace=True):  # what torch imports with it
        pass
    before = test_harmless.patchable()
    size = torch._C._len_torch_function_stack()
    with gradguard.watch(trace=True):
        assert torch._C._len_torch_function_stack() == size + 1
        test_harmless.train(2)
        with gradguard.watch(trace=True), gradguard.watch():
            test_harmless.train(2)
        test_harmless.train(2)
    with pytest.raises(ZeroDivisionError), gradguard.watch(trace=True):
        raise ZeroDivisionError
    assert torch._C._len_torch_function_stack() == size
    assert test_harmless.changed(before) == set()


def test_nothing_is_kept_alive():
    class Mine(nn.Module):
        def forward(self, x):
            return x.tanh() * 2

    with gradguard.watch(trace=True):
        w = torch.ones(3, requires_grad=True)
        y = Mine()(w)
        things = [y, y.detach(), y * 1, torch.tensor([y.sum().item()]), y.detach().requires_grad_(), y.sum()]
        y.mul_(2)
        things[-1].backward()
        references = [weakref.ref(thing) for thing in things]
        del things, y
        gc.collect()
        assert [reference() for reference in references] == [None] * len(references)


def test_memory_is_bounded():
    with gradguard.watch(trace=True):
        from gradguard.runtime.watch import _open

        tracer = _open[-1][0].places
        w = torch.ones(3, requires_grad=True)
        sizes = []
        for turn in range(300):
            y = (w * turn).detach()
            y.add_(1).sum().item()
            (w * 1.1).sum().backward()
            w.grad = None
            if turn in (100, 299):
                sizes.append((len(tracer._cuts), len(tracer._leaves)))
        assert sizes[0] == sizes[1]
        assert len(tracer._floats) <= 4096
        assert len(tracer._writes) <= 8192


def test_warnings_are_the_users():
    source = textwrap.dedent(
        """
        import torch
        w = torch.ones(2, requires_grad=True)
        for _ in range(2):
            (w * 2).grad
            (w * 3).grad
        torch.tensor(w.detach())
        torch.nn.functional.mse_loss(w, torch.ones(1))
        """
    )

    def told():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            space = {"__name__": "users"}
            exec(compile(source, "users.py", "exec"), space)
        return [(str(w.message).split(". ")[0], w.filename, w.lineno) for w in caught]

    plain = told()
    with gradguard.watch(trace=True):
        assert told() == plain
    assert [line for _, _, line in plain] == [5, 6, 7, 8]


def test_an_exception_is_the_users():
    def fails():
        torch.ones(2) @ torch.ones(3)

    def fails_in_torch():
        nn.functional.cross_entropy(torch.ones(2, 3), torch.ones(2))

    def frames(action, watch):
        with pytest.raises((RuntimeError, IndexError)) as caught, watch:
            action()
        found = [(entry.name, entry.lineno) for entry in traceback.extract_tb(caught.value.__traceback__)]
        return str(caught.value), found

    for action in (fails, fails_in_torch):
        assert frames(action, gradguard.watch(trace=True)) == frames(action, contextlib.nullcontext())


class Counting(TorchFunctionMode):
    def __init__(self):
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_modes_of_the_user():
    with Counting() as outer, gradguard.watch(trace=True) as report:
        torch.ones(2) + 1
        with Counting() as inner, torch.device("cpu"):
            torch.ones(2) * 2
    assert {"ones", "add", "mul"} <= set(outer.calls)
    assert {"ones", "mul"} <= set(inner.calls)
    watch = gradguard.watch(trace=True)
    watch.__enter__()
    mode = Counting()
    mode.__enter__()
    watch.__exit__(None, None, None)  # not in the order of a `with`
    torch.ones(2) - 1
    mode.__exit__(None, None, None)
    assert "sub" in mode.calls
    assert torch._C._len_torch_function_stack() == 0
    assert report.errors == []


class Marked(torch.Tensor):
    """A subclass, as users make them."""


def test_subclasses_copies_and_pickles():
    with gradguard.watch(trace=True) as report:
        marked = torch.ones(3).as_subclass(Marked)
        assert type(marked * 2) is Marked
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        other = pickle.loads(pickle.dumps(copy.deepcopy(model)))
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        file.seek(0)
        torch.load(file)
        parameter = copy.deepcopy(nn.Parameter(torch.ones(2)))
        assert isinstance(parameter, nn.Parameter)
    assert report.errors == []
    assert report.findings == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_functional_transforms():
    def everything():
        torch.manual_seed(0)
        w = torch.randn(3)

        def loss(w, x):
            return (w * x).sin().sum()

        x = torch.randn(4, 3)
        return [
            torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(w, x),
            torch.func.hessian(loss)(w, x[0]),
            torch.func.jvp(lambda w: loss(w, x[0]), (w,), (torch.ones(3),))[1],
        ]

    plain = everything()
    with gradguard.watch(trace=True) as report:
        traced = everything()
    assert all(torch.equal(one, other) for one, other in zip(plain, traced, strict=True))
    assert report.errors == []


def test_compiled_code_is_compiled_as_ever():
    def train():
        torch._dynamo.reset()
        torch.manual_seed(0)
        graphs = []

        def backend(graph, _inputs):
            graphs.append(graph)
            return graph.forward

        model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
        step = torch.compile(lambda x: model(x).pow(2).mean(), backend=backend, fullgraph=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = step(torch.randn(4, 3))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses, len(graphs)

    plain = train()
    with gradguard.watch(trace=True) as report:
        assert train() == plain
        y = torch.ones(2, requires_grad=True) * 2
        assert torch._C._len_torch_function_stack() == 1
    assert report.errors == []
    assert y.grad_fn is not None


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.full((2,), float(index)) + 1


def test_workers_and_threads():
    def squares(out):
        w = torch.ones(2, requires_grad=True)
        out.append((w * 3).detach().sum().item())

    found = []
    with gradguard.watch(trace=True) as report:
        loader = torch.utils.data.DataLoader(Numbers(), batch_size=4, num_workers=1)
        total = sum(batch.sum().item() for batch in loader)
        thread = threading.Thread(target=squares, args=(found,))
        thread.start()
        thread.join()
    assert total == 2 * sum(range(1, 9))
    assert found == [6.0]
    assert report.errors == []


def test_an_error_of_its_own_is_told_once(monkeypatch):
    from gradguard.runtime import tracing

    monkeypatch.setattr(tracing.Tracer, "_note", lambda *_: 1 / 0)
    with gradguard.watch(trace=True) as report:
        w = torch.ones(2, requires_grad=True)
        loss = (w * 2).sum()
        loss.backward()
    assert torch.equal(w.grad, torch.full((2,), 2.0))
    (error,) = report.errors
    assert error.message.startswith("internal error, where operations are called (--trace) is no longer watched")


def test_the_option(tmp_path):
    (tmp_path / "train.py").write_text(
        "import torch\nw = torch.ones(2, requires_grad=True)\nhs = [w * 2]\n"
        "for h in hs:\n    h.sum().backward()\n    h.grad\n"
    )

    def told(*options):
        command = [sys.executable, "-m", "gradguard", "run", *options, "train.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr

    assert "Run again with --trace to see where `h` was computed." in told()
    traced = told("--trace")
    assert "again" not in traced
    (finding,) = json.loads(told("--trace", "--format", "json").partition("{")[2].join(["{", ""]))["findings"]
    assert [note["line"] for note in finding["notes"]] == [3]
