# DQN: zero_grad is called on the target network, which never has gradients.
import collections
import random
import torch
import torch.nn as nn
import torch.nn.functional as F

Transition = collections.namedtuple("Transition", "s a r s2 done")


class QNet(nn.Module):
    def __init__(self, n_obs, n_act):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(n_obs, 16), nn.Linear(16, n_act)

    def forward(self, s):
        return self.fc2(F.relu(self.fc1(s)))


random.seed(0)
torch.manual_seed(0)
policy_net, target_net = QNet(3, 2), QNet(3, 2)
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-2)
memory = collections.deque(maxlen=100)
for _ in range(60):
    memory.append(
        Transition(torch.randn(3), random.randrange(2), random.random(), torch.randn(3), random.random() < 0.1)
    )


def optimize_model(batch_size=16, gamma=0.9):
    batch = Transition(*zip(*random.sample(memory, batch_size)))
    s, s2 = torch.stack(batch.s), torch.stack(batch.s2)
    a, r = torch.tensor(batch.a).unsqueeze(1), torch.tensor(batch.r)
    done = torch.tensor(batch.done, dtype=torch.float32)
    q = policy_net(s).gather(1, a).squeeze(1)
    with torch.no_grad():
        target = r + gamma * (1 - done) * target_net(s2).max(1).values
    loss = F.smooth_l1_loss(q, target)
    target_net.zero_grad()
    loss.backward()  # expect: GG101
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    return loss.item()


for t in range(8):
    value = optimize_model()
    if t % 4 == 3:
        target_net.load_state_dict(policy_net.state_dict())
print(value)
