"""Updates that are bound to a name and lost: told when the weights stay as they are, or a step finds nothing."""

import pytest

from gradguard.runtime.lost import lost_updates

START = """
class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))
        self.b = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        return (x * self.w).sum(1) + self.b

model, x = Line(), torch.ones(4, 3)
"""
LOOP = """
for turn in range(4):
    model.zero_grad()
    model(x).pow(2).mean().backward()
    {statement}
"""


def function(update):
    return f"""
@torch.no_grad()
def update(params, lr=0.1):
    for name, p in params:
        {update}
""" + LOOP.format(statement="update(model.named_parameters())")


LOST = [
    "p = p - lr * p.grad  # <- here",
    "p = torch.sub(p, p.grad, alpha=lr)  # <- here",
    "p = p.sub(lr * p.grad).clamp(-1, 1)  # <- here",
    "if p.grad is not None:\n            p = p.data - lr * p.grad.data  # <- here",
    "g = p.grad + 0.01 * p\n        d = lr * g\n        p = p - d  # <- here",
]
KEPT = [
    "p -= lr * p.grad",
    "p.copy_(p - lr * p.grad)",
    "p = p.sub_(lr * p.grad)",
    "p = p.data.add_(p.grad, alpha=-lr)",
    "p = torch.sub(p, lr * p.grad, out=p)",
    "new = p - lr * p.grad\n        p.copy_(new)",
    "p.data = p - lr * p.grad",
    "old, p = p, p - lr * p.grad\n        old.copy_(p)",
    "before = p\n        p = p - lr * p.grad\n        before.copy_(p)",
    "params = [p - lr * p.grad]",
    "p = p.grad.norm() + p.shape[0]",
]


@pytest.mark.parametrize("update", LOST)
def test_the_variable_of_a_loop_is_no_parameter(watched, update):
    assert watched(START + function(update)) == {"parameter-rebound"}
    assert not watched.missing
    assert not watched.elsewhere


@pytest.mark.parametrize("update", KEPT)
def test_an_update_that_is_kept(watched, update):
    assert "parameter-rebound" not in watched(START + function(update))


def test_a_loop_beside_the_backward(watched):
    loop = "with torch.no_grad():\n        for p in model.parameters():\n            p = p - 0.1 * p.grad  # <- here"
    assert watched(START + LOOP.format(statement=loop)) == {"parameter-rebound"}
    assert not watched.missing


def test_a_list_that_is_read_once_more_is_used(watched):
    loop = "new = []\n    for p in model.parameters():\n        p = p - 0.1 * p.grad\n        new.append(p)"
    assert watched(START + LOOP.format(statement=loop)) == set()


def test_nothing_is_said_where_the_weights_move(watched):
    """The text alone proves nothing: the function is there, and an optimizer updates the weights."""
    source = START + function("p = p - lr * p.grad").replace(
        "update(model.named_parameters())", "optimizer.step() if True else update(model.named_parameters())"
    ).replace("for turn", "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\nfor turn")
    assert watched(source) == set()


ARGUMENT = """
def descend(w, rate):
    {update}

w = torch.ones(3, requires_grad=True)
for turn in range(4):
    w.grad = None
    w.pow(2).sum().backward()
    {call}
"""


def test_the_argument_of_a_function(watched):
    source = ARGUMENT.format(update="w = w.detach() - rate * w.grad  # <- here", call="descend(w, 0.1)")
    assert watched(source) == {"parameter-rebound"}
    assert not watched.missing


@pytest.mark.parametrize(
    ("update", "call"),
    [
        ("w = w.detach() - rate * w.grad; return w.norm()", "print(descend(w, 0.1))"),
        ("w = w.data; w -= rate", "descend(w, 0.1)"),
        ("w = w - rate * w.grad", "descend(w.numpy(force=True), 0.1) if turn < 0 else None"),
        ("w = w.detach() - rate * w.grad; return w.requires_grad_()", "w = descend(w, 0.1)"),
    ],
)
def test_an_argument_that_is_used(watched, update, call):
    assert watched(ARGUMENT.format(update=update, call=call)) == set()


TUNED = """
class Temperature:
    def __init__(self):
        self.log_alpha = torch.zeros(1, requires_grad=True)
        self.tuner = torch.optim.Adam([{given}], lr=0.1)

    def update(self, gap):
        loss = (self.log_alpha * gap).mean()
        self.tuner.zero_grad()
        loss.backward()
        self.tuner.step()
        {bind}
        {ask}

temperature = Temperature()
for turn in range(5):
    temperature.update(torch.ones(3) + turn)
"""
ASK = "self.log_alpha.requires_grad_()"


@pytest.mark.parametrize(
    "given", ["self.log_alpha", "{'params': [self.log_alpha], 'lr': 0.2}", "{'params': self.log_alpha}"]
)
@pytest.mark.parametrize(
    "value", ["self.log_alpha.detach().clamp(-4.0, 2.0)", "torch.clamp(self.log_alpha.data, max=2)"]
)
def test_an_optimizer_that_keeps_the_old_tensor(watched, given, value):
    bind = f"self.log_alpha = {value}  # <- here"
    assert watched(TUNED.format(given=given, bind=bind, ask=ASK)) == {"parameter-rebound"}
    assert not watched.missing
    assert not watched.elsewhere


@pytest.mark.parametrize(
    ("bind", "ask"),
    [
        ("self.log_alpha.data = self.log_alpha.data.clamp(-4.0, 2.0)", "pass"),
        ("self.log_alpha.data.clamp_(-4.0, 2.0)", "pass"),
        (
            "self.log_alpha = self.log_alpha.detach().clamp(-4.0, 2.0).requires_grad_()",
            "self.tuner = torch.optim.Adam([self.log_alpha], lr=0.1)",
        ),
        (
            "self.log_alpha = self.log_alpha.detach().clamp(-4.0, 2.0).requires_grad_()",
            "self.tuner.param_groups[0]['params'][0] = self.log_alpha",
        ),
        ("self.alpha = self.log_alpha.detach().clamp(-4.0, 2.0)", "pass"),
        ("self.alpha = self.log_alpha.exp()", "self.alpha = self.alpha.detach()"),
    ],
)
def test_an_optimizer_that_has_the_new_one(watched, bind, ask):
    assert "parameter-rebound" not in watched(TUNED.format(given="self.log_alpha", bind=bind, ask=ask))


def test_a_variable_that_an_optimizer_keeps(watched):
    source = """
        w = torch.ones(3, requires_grad=True)
        tuner = torch.optim.SGD([w], lr=0.1)
        for turn in range(4):
            tuner.zero_grad()
            w.pow(2).sum().backward()
            tuner.step()
            w = w.detach().clamp(min=0).requires_grad_()  # <- here
    """
    assert watched(source) == {"parameter-rebound"}
    assert not watched.missing


def test_the_text_of_lost_updates():
    import ast

    tree = ast.parse("""
def f(a, b, c):
    a = a - a.grad
    for p in b:
        for q in p:
            p = p - p.grad
            q = q - q.grad
    def inner():
        return c
    c = c - c.grad
""")
    assert [(lost.name, lost.of_loop) for lost in lost_updates(tree.body[0])] == [("a", False), ("q", True)]
