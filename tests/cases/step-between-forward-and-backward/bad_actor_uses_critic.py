"""The advantage is not detached, and the critic has stepped by the time the actor's loss runs through it."""
import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, state):
        return self.out(torch.tanh(self.hidden(state)))


torch.manual_seed(0)
actor, critic = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2)), Critic()
actor_optimizer = torch.optim.Adam(actor.parameters())
critic_optimizer = torch.optim.Adam(critic.parameters())
for _ in range(2):
    states, returns, actions = torch.rand(8, 4), torch.rand(8, 1), torch.randint(0, 2, (8,))
    advantage = returns - critic(states)
    log_probs = torch.log_softmax(actor(states), 1)[torch.arange(8), actions]
    critic_loss = advantage.pow(2).mean()
    actor_loss = -(log_probs * advantage.squeeze(1)).mean()

    critic_optimizer.zero_grad()
    critic_loss.backward(retain_graph=True)
    critic_optimizer.step()  # expect: GG503

    actor_optimizer.zero_grad()
    actor_loss.backward()
    actor_optimizer.step()
