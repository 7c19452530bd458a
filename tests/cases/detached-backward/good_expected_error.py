# A test that expects the error.
import contextlib

import torch


@contextlib.contextmanager
def raises(kind):
    try:
        yield
    except kind:
        return
    raise AssertionError


with raises(RuntimeError):
    torch.ones(2).sum().backward()
