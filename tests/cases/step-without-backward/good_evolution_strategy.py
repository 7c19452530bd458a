# Evolution strategy: the gradient is estimated from returns and handed to Adam, autograd is off.
import torch


class EvolutionStrategy:
    def __init__(self, dim, sigma=0.1, population=16):
        self.theta = torch.nn.Parameter(torch.zeros(dim), requires_grad=False)
        self.optimizer = torch.optim.Adam([self.theta], lr=0.05)
        self.sigma, self.population = sigma, population

    def tell(self, fitness):
        noise = torch.randn(self.population, self.theta.numel())
        scores = torch.tensor([fitness(self.theta + self.sigma * e) for e in noise])
        scores = (scores - scores.mean()) / (scores.std() + 1e-8)
        self.theta.grad = -(scores @ noise) / (self.population * self.sigma)
        self.optimizer.step()
        return scores.max().item()


torch.manual_seed(0)
goal = torch.tensor([0.5, -0.3, 0.2])
es = EvolutionStrategy(3)
for _ in range(10):
    es.tell(lambda w: -(w - goal).pow(2).sum().item())
print((es.theta - goal).norm().item())
