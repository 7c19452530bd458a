# Sequence to sequence: train() gets two optimizers and clears the encoder's only.
import random
import torch
import torch.nn as nn
from torch import optim


class EncoderRNN(nn.Module):
    def __init__(self, n, h):
        super().__init__()
        self.emb, self.gru = nn.Embedding(n, h), nn.GRU(h, h)

    def forward(self, tokens):
        return self.gru(self.emb(tokens).unsqueeze(1))[1]


class DecoderRNN(nn.Module):
    def __init__(self, n, h):
        super().__init__()
        self.emb, self.gru, self.out = nn.Embedding(n, h), nn.GRU(h, h), nn.Linear(h, n)

    def forward(self, token, hidden):
        o, hidden = self.gru(self.emb(token).view(1, 1, -1), hidden)
        return torch.log_softmax(self.out(o[0]), dim=1), hidden


def train(source, target, encoder, decoder, enc_opt, dec_opt, criterion, teacher_forcing=0.5):
    enc_opt.zero_grad()
    hidden, token, loss = encoder(source), torch.tensor([0]), 0
    forced = random.random() < teacher_forcing
    for di in range(target.size(0)):
        out, hidden = decoder(token, hidden)
        loss += criterion(out, target[di : di + 1])
        token = target[di : di + 1] if forced else out.topk(1)[1].squeeze(0).detach()
    loss.backward()  # expect: GG101
    enc_opt.step()
    dec_opt.step()
    return loss.item() / target.size(0)


random.seed(0)
torch.manual_seed(0)
enc, dec = EncoderRNN(10, 6), DecoderRNN(10, 6)
opts = [optim.SGD(m.parameters(), lr=0.01) for m in (enc, dec)]
for it in range(5):
    seq = torch.randint(1, 10, (4,))
    print(it, train(seq, seq.flip(0), enc, dec, *opts, nn.NLLLoss()))
