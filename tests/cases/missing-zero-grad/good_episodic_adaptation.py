# Test-time adaptation, episodic: adapts in forward, clears after the step, then restores the saved state.
import copy
import torch
import torch.nn as nn


class EpisodicAdapter(nn.Module):
    def __init__(self, model, lr=1e-2, steps=2):
        super().__init__()
        self.model, self.steps = model, steps
        self.params = [p for n, p in model.named_parameters() if n.startswith("1.")]
        for p in model.parameters():
            p.requires_grad_(any(p is q for q in self.params))
        self.optimizer = torch.optim.SGD(self.params, lr=lr)
        self.model_state = copy.deepcopy(model.state_dict())
        self.optimizer_state = copy.deepcopy(self.optimizer.state_dict())

    def reset(self):
        self.model.load_state_dict(self.model_state, strict=True)
        self.optimizer.load_state_dict(self.optimizer_state)

    def forward(self, x):
        self.reset()
        for _ in range(self.steps):
            with torch.enable_grad():
                probs = self.model(x).softmax(1)
                loss = -(probs * probs.log()).sum(1).mean()
                loss.backward()
                self.optimizer.step()
                self.optimizer.zero_grad()
        return self.model(x)


torch.manual_seed(0)
adapter = EpisodicAdapter(nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 3)))
with torch.no_grad():
    for _ in range(3):
        print(adapter(torch.randn(4, 5)).argmax(1).tolist())
