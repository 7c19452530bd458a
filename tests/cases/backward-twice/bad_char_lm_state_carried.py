# Character language model: the (h, c) pair of one window enters the next window with its graph.
import torch
import torch.nn as nn

text = "the quick brown fox jumps over the lazy dog " * 4
chars = sorted(set(text))
codes = torch.tensor([chars.index(c) for c in text])
bptt, hidden_size = 16, 12

torch.manual_seed(0)
embed = nn.Embedding(len(chars), 8)
lstm = nn.LSTM(8, hidden_size, batch_first=True)
decode = nn.Linear(hidden_size, len(chars))
params = [*embed.parameters(), *lstm.parameters(), *decode.parameters()]
optimizer = torch.optim.Adam(params, lr=3e-3)

state = (torch.zeros(1, 1, hidden_size), torch.zeros(1, 1, hidden_size))
for start in range(0, len(codes) - bptt - 1, bptt):
    x = codes[start:start + bptt].unsqueeze(0)
    y = codes[start + 1:start + bptt + 1]
    out, state = lstm(embed(x), state)
    loss = nn.functional.cross_entropy(decode(out).squeeze(0), y)
    optimizer.zero_grad()
    loss.backward()  # expect: GG201
    nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()
