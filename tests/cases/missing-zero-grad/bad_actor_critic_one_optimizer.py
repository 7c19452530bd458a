# Advantage actor-critic with two optimizers; the critic's gradients are never reset.
import torch
from torch import nn, optim

torch.manual_seed(11)
actor = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 2), nn.Softmax(dim=-1))
critic = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 1))
adam_actor = optim.Adam(actor.parameters(), lr=1e-3)
adam_critic = optim.Adam(critic.parameters(), lr=1e-2)
gamma = 0.98


def env_step(state, action):
    nxt = torch.roll(state, 1) * 0.9 + 0.1 * (action.float() - 0.5)
    return nxt, nxt[0].item(), bool(nxt.abs().sum() < 0.2)


for episode in range(3):
    state, done, total, t = torch.randn(4), False, 0.0, 0
    while not done and t < 10:
        dist = torch.distributions.Categorical(probs=actor(state))
        action = dist.sample()
        next_state, reward, done = env_step(state, action)
        advantage = reward + (1 - done) * gamma * critic(next_state).detach() - critic(state)
        total += reward
        state, t = next_state, t + 1

        critic_loss = advantage.pow(2).mean()
        critic_loss.backward()  # expect: GG101
        adam_critic.step()

        actor_loss = (-dist.log_prob(action) * advantage.detach()).sum()
        adam_actor.zero_grad()
        actor_loss.backward()
        adam_actor.step()
    print(episode, round(total, 3))
