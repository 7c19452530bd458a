# Accumulation: the wrapped optimizer would skip clearing, but the model is cleared in every micro batch.
import contextlib
import torch
import torch.nn as nn


class MiniAccelerator:
    def __init__(self, steps):
        self.steps, self.calls, self.sync_gradients = steps, 0, True

    @contextlib.contextmanager
    def accumulate(self):
        self.calls += 1
        self.sync_gradients = self.calls % self.steps == 0
        yield

    def backward(self, loss):
        (loss / self.steps).backward()


torch.manual_seed(0)
accelerator = MiniAccelerator(steps=4)
policy = nn.Linear(5, 3)
optimizer = torch.optim.SGD(policy.parameters(), lr=0.1)
for rollout in torch.randn(8, 6, 5):
    with accelerator.accumulate():
        logp = policy(rollout).log_softmax(-1)[:, 0]
        loss = -(logp * rollout.mean(1)).mean()
        policy.zero_grad(set_to_none=True)  # expect: GG102
        accelerator.backward(loss)
        if accelerator.sync_gradients:
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
print(loss.item())
