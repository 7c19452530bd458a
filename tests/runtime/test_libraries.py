"""Training loops inside of an installed library, of which the user's code has one line: `library.fit(…)`."""

from __future__ import annotations

import sys
import textwrap

import pytest

from gradguard.runtime import sites

LIBRARY = """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    def fit_gan(generator, critic, steps=20, clears=True):
        g = torch.optim.Adam(generator.parameters(), lr=0.01)
        d = torch.optim.Adam(critic.parameters(), lr=0.01)
        one, zero = torch.ones(8, 1), torch.zeros(8, 1)
        for _ in range(steps):
            fake = generator(torch.randn(8, 2))
            real = torch.randn(8, 3)
            if clears:
                d.zero_grad(set_to_none=False)
            (critic(real).square().mean()).backward(retain_graph=True)
            (bce(critic(fake.detach()), zero) + bce(critic(real), one)).backward()
            d.step()
            fake = generator(torch.randn(8, 2))
            if clears:
                g.zero_grad()
            bce(critic(fake), one).backward()
            g.step()

    def backward(loss):
        loss.backward()

    def step(optimizer):
        optimizer.step()
"""


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "some_library.py").write_text(textwrap.dedent(LIBRARY))
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    known = sites._foreign_folders()
    monkeypatch.setattr(sites, "_foreign_folders", lambda: (*known, f"{folder.resolve()}/"))
    sites._is_foreign.cache_clear()
    yield
    sys.modules.pop("some_library", None)
    sites._is_foreign.cache_clear()


@pytest.mark.parametrize("clears", [True, False])
def test_what_happens_in_one_call_of_a_library_is_its_own_affair(watched, clears):
    assert not watched(f"""
        import some_library
        some_library.fit_gan(nn.Linear(2, 3), nn.Linear(3, 1), clears={clears})
    """)
    assert watched.status == 0


def test_small_helpers_of_a_library_are_seen_through(watched):
    found = watched("""
        import some_library
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            loss = model(torch.ones(3, 2)).pow(2).mean()
            some_library.backward(loss)  # <- here
            some_library.step(optimizer)
    """)
    assert watched.status == 0
    assert found == {"missing-zero-grad"}
    assert not watched.missing
    assert not watched.elsewhere
