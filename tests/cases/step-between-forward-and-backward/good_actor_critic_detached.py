import torch
from torch import nn

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
actor_optimizer = torch.optim.Adam(actor.parameters())
critic_optimizer = torch.optim.Adam(critic.parameters())
for _ in range(2):
    states, returns, actions = torch.rand(8, 4), torch.rand(8, 1), torch.randint(0, 2, (8,))
    advantage = returns - critic(states)
    log_probs = torch.log_softmax(actor(states), 1)[torch.arange(8), actions]
    critic_loss = advantage.pow(2).mean()
    actor_loss = -(log_probs * advantage.detach().squeeze(1)).mean()
    critic_optimizer.zero_grad()
    critic_loss.backward()
    critic_optimizer.step()
    actor_optimizer.zero_grad()
    actor_loss.backward()
    actor_optimizer.step()
