"""Methods that are named but not called, read from the code that is active around a backward or a step."""

import contextlib
import io
import linecache

import pytest
import torch

import gradguard

FOUND = {
    "in a function that is given the optimizer": """
        def update(model, tuner):
            tuner.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            tuner.step  # <- here

        model = nn.Linear(3, 1)
        tuner = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            update(model, tuner)
    """,
    "one that got its value after the first backward": """
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        plan = None
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
            if plan is None:
                plan = torch.optim.lr_scheduler.StepLR(optimizer, 1)
            plan.step  # <- here
    """,
    "a backward, seen from the step": """
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(2, 3)).sum()
            loss.backward  # <- here
            optimizer.step()
    """,
    "a gradient that is kept, seen when it is missed": """
        w = torch.ones(3, requires_grad=True)
        h = w * 2
        h.retain_grad  # <- here
        h.sum().backward()
        h.grad.norm()
    """,
}

SILENT = {
    "other objects with a step": """
        class Profiler:
            @property
            def step(self):
                self.count = getattr(self, "count", 0) + 1

        prof, model = Profiler(), nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
            prof.step
    """,
    "a property of the user's optimizer": """
        class Counting(torch.optim.SGD):
            looks = 0

            @property
            def zero_grad(self):
                Counting.looks += 1
                for group in self.param_groups:
                    for p in group["params"]:
                        p.grad = None

        model = nn.Linear(3, 1)
        optimizer = Counting(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
    """,
    "asked for in a try": """
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        try:
            optimizer.step
        except AttributeError:
            raise SystemExit("no optimizer")
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
    """,
    "bound, compared and handed over": """
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        advance, clear = optimizer.step, optimizer.zero_grad
        kept = [model.zero_grad]
        assert optimizer.step is not None
        for _ in range(3):
            clear()
            model(torch.ones(2, 3)).sum().backward()
            advance()
    """,
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND)
def test_found(watched, source):
    assert "uncalled-method" in watched(source)
    assert not watched.missing


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_silent(watched, source):
    assert watched(source) == set()


@pytest.mark.parametrize(("mode", "found"), [("single", ()), ("exec", ("uncalled-method",))])
def test_what_a_cell_shows_is_no_mistake(monkeypatch, mode, found):
    """A notebook prints the value of the last expression of a cell."""
    name, text = "<ipython-input-1-0>", "loss.backward(); optimizer.step\n"
    monkeypatch.setitem(linecache.cache, name, (len(text), None, [text], name))
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    variables = {"loss": model(torch.ones(3, 2)).sum(), "optimizer": optimizer}
    with gradguard.watch() as report, contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, name, mode), variables)
    assert tuple(finding.rule for finding in report.findings) == found
    assert report.errors == []


CLEARS = """
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def clear(opt):
        opt.zero_grad{call}  # <- here

    class Trainer:
        def __init__(self):
            self.optimizer = optimizer

        def clear(self, other=None):
            self.optimizer.zero_grad{call}  # <- here

    trainer = Trainer()

    def clear_global():
        optimizer.zero_grad{call}  # <- here

    def train_step():
        clear(optimizer)
        trainer.clear()
        clear_global()
        model(torch.ones(3, 2)).pow(2).mean().backward()
        optimizer.step()

    for _ in range(3):
        train_step()
"""


def test_in_functions_that_have_returned_by_then(watched):
    assert "uncalled-method" in watched(CLEARS.format(call=""))
    assert not watched.missing
    assert watched(CLEARS.format(call="()")) == set()


@pytest.mark.parametrize(
    "function",
    [
        "def clear(opt):\n    opt = settings\n    opt.zero_grad",
        "def clear(opt):\n    try:\n        opt.zero_grad\n    except AttributeError:\n        pass",
        "def clear(opt):\n    return opt.zero_grad",
        "def clear(opt):\n    method = opt.zero_grad\n    method()",
        "def clear(opt):\n    opt.param_groups\n    settings.zero_grad",
    ],
)
def test_functions_that_mean_something_else(watched, function):
    source = "import types\nsettings = types.SimpleNamespace(zero_grad=True)\n"
    source += "model = nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n" + function
    source += (
        "\nfor _ in range(3):\n    clear(opt)\n    opt.zero_grad()\n    model(torch.ones(3, 2)).mean().backward()\n"
    )
    assert watched(source + "    opt.step()\n") == set()
