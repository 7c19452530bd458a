"""What a watch costs: CPU time of training steps with and without it, interleaved, as ratios of medians.

    python tests/benchmarks/overhead.py [--rounds 5] [--only mlp]

One thread. `warm` are the first steps of a watch, in which it looks at everything; `all` is a longer run from its
beginning. `trace` is `gradguard.watch(trace=True)`, and `anomaly` is `torch.autograd.detect_anomaly`, over the same
number of steps as `warm`.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import nn

import gradguard

Step = Callable[[], None]


def quadratic() -> Step:
    w = torch.tensor([1.0, 1.0, 1.0], requires_grad=True)

    def step() -> None:
        loss = (w[0] * 4.0 + w[1] * 2.0 + w[2] - 4.0) ** 2
        loss.backward()
        w.data = w.data - 0.01 * w.grad.data
        w.grad.data.zero_()

    return step


def with_optimizer(model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer) -> Step:
    def step() -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return step


def mlp() -> Step:
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    x, y = torch.randn(64, 784), torch.randint(0, 10, (64,))
    return with_optimizer(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01))


def transformer() -> Step:
    layer = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Flatten(), nn.LazyLinear(10))
    x, y = torch.randn(8, 16, 128), torch.randint(0, 10, (8,))
    model(x)
    return with_optimizer(model, x, y, torch.optim.AdamW(model.parameters(), lr=1e-4))


def convnet() -> Step:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
    )
    x, y = torch.randn(16, 1, 28, 28), torch.randint(0, 10, (16,))
    model(x)
    return with_optimizer(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))


# Steps of the warm run and of the whole run.
WORKLOADS = {"quadratic": (quadratic, 200, 3000), "mlp": (mlp, 64, 800)} | {
    "transformer": (transformer, 64, 300),
    "convnet": (convnet, 64, 400),
}


def cost(make: Callable[[], Step], steps: int, around: Callable[[], AbstractContextManager[object]]) -> float:
    """Seconds of CPU for one step."""
    torch.manual_seed(0)
    step = make()
    for _ in range(5):
        step()
    with around():
        begin = time.process_time()
        for _ in range(steps):
            step()
        return (time.process_time() - begin) / steps


def compare(make: Callable[[], Step], steps: int, rounds: int, **around: Callable[[], AbstractContextManager[object]]):
    samples: dict[str, list[float]] = {name: [] for name in around}
    for _ in range(rounds):
        for name, manager in around.items():
            samples[name].append(cost(make, steps, manager))
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"{'':12} {'step':>9} {'warm':>6} {'all':>6} {'trace':>6} {'anomaly':>8}")
    for name, (make, warm, steps) in WORKLOADS.items():
        if options.only not in name:
            continue
        cost(make, 20, gradguard.watch)
        first = compare(
            make,
            warm,
            options.rounds,
            plain=nullcontext,
            watch=gradguard.watch,
            trace=partial(gradguard.watch, trace=True),
            anomaly=torch.autograd.detect_anomaly,
        )
        whole = compare(make, steps, options.rounds, plain=nullcontext, watch=gradguard.watch)
        print(
            f"{name:12} {whole['plain'] * 1e6:6.0f} µs {first['watch'] / first['plain']:6.3f} "
            f"{whole['watch'] / whole['plain']:6.3f} "
            f"{first['trace'] / first['plain']:6.2f} {first['anomaly'] / first['plain']:8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
