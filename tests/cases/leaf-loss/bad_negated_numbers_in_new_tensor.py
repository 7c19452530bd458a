# Scores as plain numbers, weighted and negated, and put into a new tensor that requires grad: nothing is trained.
import torch
from torch.distributions import Bernoulli

torch.manual_seed(0)
policy = torch.nn.Linear(3, 1)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for _episode in range(3):
    terms = []
    for _ in range(4):
        gate = Bernoulli(logits=policy(torch.randn(3)))
        choice = gate.sample()
        reward = 1.0 if choice.item() else -0.5
        terms.append(-gate.log_prob(choice).item() * reward)
    optimizer.zero_grad()
    loss = torch.tensor(terms, requires_grad=True).mean()  # expect: GG204
    loss.backward()
    optimizer.step()
