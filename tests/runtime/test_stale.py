"""Stale gradients: found in all the ways in which gradients are used, and silent where they are cleared in time."""

from __future__ import annotations

import textwrap

import pytest

MODEL = """
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
def loss_of():
    return model(torch.randn(5, 3)).pow(2).mean()
"""

OPTIMIZERS = {
    "foreach": "torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)",
    "fused": "torch.optim.Adam(model.parameters(), lr=0.1, fused=True)",
    "momentum and decay": "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)",
    "adamw": "torch.optim.AdamW(model.parameters())",
    "rmsprop": "torch.optim.RMSprop(model.parameters())",
    "adagrad": "torch.optim.Adagrad(model.parameters())",
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_optimizer_that_is_never_cleared(watched, optimizer):
    source = f"{MODEL}\nopt = {optimizer}\nfor _ in range(3):\n    loss_of().backward()  # <- here\n    opt.step()\n"
    assert watched(source) == {"missing-zero-grad"}
    assert not watched.missing
    assert not watched.elsewhere


@pytest.mark.parametrize("clear", ["opt.zero_grad()", "opt.zero_grad(set_to_none=False)", "model.zero_grad()"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_optimizer_that_is_cleared(watched, optimizer, clear):
    source = f"{MODEL}\nopt = {optimizer}\nfor _ in range(5):\n    {clear}\n    loss_of().backward()\n    opt.step()\n"
    assert watched(source) == set()


BY_HAND = {
    "data is replaced": "w.data = w.data - 0.01 * w.grad.data",
    "data is changed": "w.data -= 0.01 * w.grad",
    "in place": "with torch.no_grad(): w.sub_(w.grad, alpha=0.01)",
    "augmented": "with torch.no_grad(): w -= 0.01 * w.grad",
}
CLEARED_BY_HAND = [
    "w.grad.data.zero_()",
    "w.grad.zero_()",
    "w.grad = None",
    "w.grad.data.mul_(0)",
    "w.grad.detach().fill_(0)",
]


@pytest.mark.parametrize("update", BY_HAND.values(), ids=BY_HAND)
def test_updates_by_hand_that_never_clear(watched, update):
    source = f"""
w = torch.tensor([1.0, 1.0, 1.0], requires_grad=True)
for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
    (w[0] * x**2 + w[1] * x + w[2] - y).pow(2).backward()  # <- here
    {update}
"""
    assert watched(source) == {"missing-zero-grad"}
    assert not watched.missing


@pytest.mark.parametrize("clear", CLEARED_BY_HAND)
@pytest.mark.parametrize("update", BY_HAND.values(), ids=BY_HAND)
def test_updates_by_hand_that_clear(watched, update, clear):
    source = f"""
w = torch.tensor([1.0, 1.0, 1.0], requires_grad=True)
for _ in range(3):
    for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
        (w[0] * x**2 + w[1] * x + w[2] - y).pow(2).backward()
        {update}
        {clear}
"""
    assert watched(source) == set()


def test_the_three_places_the_names_and_the_count(watched):
    watched(
        f"{MODEL}\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\nfor _ in range(4):\n"
        "    loss_of().backward()\n    opt.step()\n"
    )
    (finding,) = watched.report.findings
    assert "`opt.step()`" in finding.message
    texts = [note.message for note in finding.notes]
    assert any("used here" in text for text in texts)
    assert "4 gradients are stale: `0.weight`, `0.bias`, `2.weight` and 1 more" in texts
    assert "seen 3 times in this run" in texts


def test_a_closure_of_lbfgs(watched):
    source = """
    w = torch.randn(3, requires_grad=True)
    opt = torch.optim.LBFGS([w], max_iter=4)
    def closure():
        {clear}
        loss = (w.pow(2) + w.sin()).sum()
        loss.backward()  {mark}
        return loss
    for _ in range(2):
        opt.step(closure)
    """
    assert watched(source.format(clear="pass", mark="# <- here")) == {"missing-zero-grad"}
    assert not watched.missing
    assert watched(source.format(clear="opt.zero_grad()", mark="")) == set()


@pytest.mark.parametrize("clear", ["", "optimizer.zero_grad()"])
def test_a_gradient_scaler(watched, clear):
    source = f"""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for _ in range(4):
        {clear or "pass"}
        scaler.scale(model(torch.randn(4, 3)).pow(2).mean()).backward()  # <- here
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    """
    assert watched(source) == (set() if clear else {"missing-zero-grad"})
    if not clear:
        assert not watched.missing


@pytest.mark.parametrize("batches", [2, 7, 30])
def test_accumulation_is_no_fault(watched, batches):
    source = f"""
    model = nn.Linear(3, 1)
    opt = torch.optim.Adam(model.parameters())
    for i in range(1, {batches} * 4 + 1):
        model(torch.randn(4, 3)).pow(2).mean().backward()
        if i % {batches} == 0:
            opt.step()
            opt.zero_grad()
    """
    assert watched(source) == set()


def test_the_generators_backward_is_no_fault_when_the_discriminator_clears(watched):
    source = """
    G, D = nn.Linear(2, 2), nn.Linear(2, 1)
    og, od = torch.optim.SGD(G.parameters(), lr=0.1), torch.optim.SGD(D.parameters(), lr=0.1)
    for _ in range(5):
        {clear}
        fake = G(torch.randn(4, 2))
        (D(fake.detach()).mean() - D(torch.randn(4, 2)).mean()).backward()  {mark}
        od.step()
        og.zero_grad()
        (-D(fake).mean()).backward()
        og.step()
    """
    assert watched(source.format(clear="od.zero_grad()", mark="")) == set()
    assert watched(source.format(clear="pass", mark="# <- here")) == {"missing-zero-grad"}
    assert not watched.missing


def test_a_new_optimizer_in_each_turn_is_the_same_updater(watched):
    source = """
    w = torch.randn(3, requires_grad=True)
    for _ in range(4):
        w.pow(2).sum().backward()  # <- here
        torch.optim.SGD([w], lr=0.1).step()
    """
    assert watched(source) == {"missing-zero-grad"}
    assert not watched.missing


def test_a_fault_that_begins_late_is_found(watched):
    source = """
    w = torch.randn(3, requires_grad=True)
    opt = torch.optim.SGD([w], lr=0.01)
    for turn in range(900):
        if turn < 300:
            opt.zero_grad()
        w.pow(2).sum().backward()  # <- here
        opt.step()
    """
    assert watched(source) == {"missing-zero-grad"}
    assert not watched.missing


PERTURBATIONS = {
    "a step of projected ascent": """
        x = torch.rand(4, 3, requires_grad=True)
        for _ in range(5):
            model(x).sum().backward()
            with torch.no_grad():
                x += 0.1 * x.grad.sign()
                x.clamp_(0, 1)
            x.grad = None
    """,
    "FGM on the weights": """
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            opt.zero_grad()
            model(torch.rand(4, 3)).sum().backward()
            saved = model.weight.data.clone()
            model.weight.data.add_(0.1 * model.weight.grad / model.weight.grad.norm())
            model(torch.rand(4, 3)).sum().backward()
            model.weight.data = saved
            opt.step()
    """,
    "a moving average": """
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        average = [p.detach().clone().requires_grad_() for p in model.parameters()]
        for _ in range(5):
            opt.zero_grad()
            model(torch.rand(4, 3)).pow(2).sum().backward()
            opt.step()
            with torch.no_grad():
                for a, p in zip(average, model.parameters()):
                    a.lerp_(p, 0.1)
    """,
    "input gradients": """
        total = 0
        x = torch.rand(4, 3, requires_grad=True)
        for _ in range(5):
            model(x).sum().backward()
            total += x.grad.sum().item()
    """,
}


@pytest.mark.parametrize("body", PERTURBATIONS.values(), ids=PERTURBATIONS)
def test_perturbations_are_no_fault(watched, body):
    assert watched("model = nn.Linear(3, 1)\n" + "\n".join(line[8:] for line in body.strip("\n").split("\n"))) == set()


def test_an_optimizer_that_clears_in_its_own_step_is_no_fault(watched):
    source = """
    class Clearing(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            self.zero_grad(set_to_none={to_none})
    w = torch.randn(3, requires_grad=True)
    opt = Clearing([w], lr=0.1)
    for turn in range(5):
        if turn == 3:
            try:
                opt.step(closure=lambda: 1 / 0)
            except ZeroDivisionError:
                pass
        w.pow(2).sum().backward()
        opt.step()
    """
    assert watched(source.format(to_none=True)) == set()
    assert watched(source.format(to_none=False)) == set()


def test_a_new_place_and_a_new_optimizer_have_attention(watched):
    source = """
    w = torch.randn(3, requires_grad=True)
    opt = torch.optim.SGD([w], lr=0.01)
    def pass_back():
        w.pow(2).sum().backward()  # <- here
    for turn in range(200):
        opt.zero_grad()
        pass_back()
        opt.step()
    """
    new_optimizer = "second = torch.optim.Adam([w])\nfor turn in range(4):\n    pass_back()\n    second.step()\n"
    assert watched(textwrap.dedent(source) + new_optimizer) == {"missing-zero-grad"}
    assert not watched.elsewhere
    new_place = "for turn in range(4):\n    w.exp().sum().backward()\n    opt.step()\n"
    assert watched(textwrap.dedent(source).replace("# <- here", "") + new_place.replace("d()", "d()  # <- here"))
    assert not watched.elsewhere
    assert not watched.missing


def test_a_check_before_the_loop_leaves_its_gradient(watched):
    assert watched("""
        model = nn.Linear(3, 1)
        print(model(torch.ones(2, 3)).sum().backward(), model.weight.grad.norm())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            model(torch.ones(2, 3)).sum().backward()  # <- here
            optimizer.step()
            optimizer.zero_grad()
    """) == {"missing-zero-grad"}
    assert not watched.missing
    assert not watched.elsewhere


def test_parameters_that_join_with_the_gradients_of_earlier_turns(watched):
    assert watched("""
        body, head = nn.Linear(3, 3), nn.Linear(3, 1)
        optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
        for turn in range(5):
            if turn == 3:
                optimizer.add_param_group({"params": body.parameters()})
            head(body(torch.ones(2, 3))).sum().backward()  # <- here
            optimizer.step()
            optimizer.zero_grad()
    """) == {"missing-zero-grad"}
    assert not watched.missing
    assert not watched.elsewhere


BEFORE_THE_OPTIMIZER = {
    "cleared by the loop": """
        model(x).sum().backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
    """,
    "cleared by hand": """
        model(x).sum().backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for p in model.parameters():
            p.grad.data.zero_()
        for _ in range(3):
            model(x).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    """,
    "zeros that allocate the gradients": """
        (0.0 * model(x)).sum().backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            model(x).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    """,
    "made in the middle of an accumulation": """
        optimizer = None
        for turn in range(8):
            model(x).sum().backward()
            if optimizer is None:
                optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            if turn % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    """,
    "a part that joins with an empty gradient": """
        body = nn.Linear(3, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for turn in range(6):
            if turn == 3:
                optimizer.add_param_group({"params": body.parameters()})
            body.zero_grad()
            optimizer.zero_grad()
            model(body(x)).sum().backward()
            optimizer.step()
    """,
}


@pytest.mark.parametrize("source", BEFORE_THE_OPTIMIZER.values(), ids=BEFORE_THE_OPTIMIZER)
def test_silent_about_what_was_there_before_the_optimizer(watched, source):
    assert watched("model, x = nn.Linear(3, 1), torch.ones(2, 3)\n" + textwrap.dedent(source).strip()) == set()
