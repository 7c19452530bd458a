"""Steps without a gradient, and clearing between the backward and the step."""

from __future__ import annotations

HEAD = """
model = nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
"""


def test_clearing_before_the_step(watched):
    for clear in ("opt.zero_grad()", "opt.zero_grad(set_to_none=False)", "model.weight.grad = model.bias.grad = None"):
        source = f"""{HEAD}
for _ in range(4):
    model(torch.randn(4, 3)).pow(2).mean().backward()
    {clear}  # <- here
    opt.step()
"""
        found = watched(source)
        if "None" not in clear:
            assert found == {"zero-grad-before-step"}, clear
            assert not watched.missing


def test_a_step_that_never_has_a_gradient(watched):
    assert watched(f"{HEAD}\nfor _ in range(3):\n    opt.zero_grad()\n    opt.step()  # <- here\n") == {
        "step-without-backward"
    }
    assert not watched.missing


def test_a_single_step_before_the_training_is_no_fault(watched):
    source = f"""{HEAD}
opt.step()
for _ in range(3):
    opt.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    opt.step()
"""
    assert watched(source) == set()


def test_skipping_a_bad_update_by_clearing_is_no_fault(watched):
    source = f"""{HEAD}
for turn in range(9):
    opt.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    if turn % 3 == 2:
        opt.zero_grad()
    opt.step()
"""
    assert watched(source) == set()


def test_a_gradient_that_is_applied_twice(watched):
    source = f"""{HEAD}
for _ in range(4):
    opt.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    opt.step()
    opt.step()  # <- here
"""
    assert watched(source) == {"step-without-backward"}
    assert not watched.missing


def test_gradients_that_are_written_by_hand_are_no_fault(watched):
    source = f"""{HEAD}
for _ in range(4):
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    opt.step()
"""
    assert watched(source) == set()


def test_a_closure_that_never_runs_backward(watched):
    source = """
    w = torch.ones(3, requires_grad=True)
    opt = torch.optim.LBFGS([w])
    for _ in range(3):
        opt.step(lambda: w.pow(2).sum())  # <- here
    """
    assert watched(source) == {"step-without-backward"}
    assert not watched.missing


def test_a_frozen_copy_that_moves_does_not_hide_the_clearing(watched):
    source = """
    online, target = nn.Linear(3, 1), nn.Linear(3, 1).requires_grad_(False)
    opt = torch.optim.SGD([*online.parameters(), *target.parameters()], lr=0.1)
    for _ in range(4):
        (online(torch.randn(4, 3)) - target(torch.randn(4, 3))).pow(2).mean().backward()
        opt.zero_grad()  # <- here
        opt.step()
        with torch.no_grad():
            for t, o in zip(target.parameters(), online.parameters()):
                t.lerp_(o, 0.1)
    """
    assert watched(source) == {"zero-grad-before-step"}
    assert not watched.missing
