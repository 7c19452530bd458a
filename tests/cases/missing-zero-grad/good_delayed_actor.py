# TD3: the actor is updated every second step only; both optimizers are cleared where they are used.
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F


class Critic(nn.Module):
    def __init__(self, s, a):
        super().__init__()
        self.l1, self.l2 = nn.Linear(s + a, 12), nn.Linear(12, 1)
        self.l3, self.l4 = nn.Linear(s + a, 12), nn.Linear(12, 1)

    def forward(self, s, a):
        return self.Q1(s, a), self.l4(F.relu(self.l3(torch.cat([s, a], 1))))

    def Q1(self, s, a):
        return self.l2(F.relu(self.l1(torch.cat([s, a], 1))))


class TD3:
    def __init__(self, s, a, policy_freq=2):
        self.actor = nn.Sequential(nn.Linear(s, 12), nn.ReLU(), nn.Linear(12, a), nn.Tanh())
        self.actor_target = copy.deepcopy(self.actor)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=3e-3)
        self.critic = Critic(s, a)
        self.critic_target = copy.deepcopy(self.critic)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=3e-3)
        self.policy_freq, self.total_it = policy_freq, 0

    def train(self, state, action, next_state, reward, not_done):
        self.total_it += 1
        with torch.no_grad():
            next_action = (self.actor_target(next_state) + 0.1 * torch.randn_like(action)).clamp(-1, 1)
            target = reward + not_done * 0.99 * torch.min(*self.critic_target(next_state, next_action))
        q1, q2 = self.critic(state, action)
        critic_loss = F.mse_loss(q1, target) + F.mse_loss(q2, target)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        if self.total_it % self.policy_freq == 0:
            actor_loss = -self.critic.Q1(state, self.actor(state)).mean()
            self.actor_optimizer.zero_grad()
            actor_loss.backward()
            self.actor_optimizer.step()
            for net, tgt in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
                for p, t in zip(net.parameters(), tgt.parameters()):
                    t.data.copy_(0.005 * p.data + 0.995 * t.data)
        return critic_loss.item()


torch.manual_seed(0)
agent = TD3(3, 1)
for _ in range(6):
    value = agent.train(torch.randn(8, 3), torch.rand(8, 1), torch.randn(8, 3), torch.randn(8, 1), torch.ones(8, 1))
print(value)
