# The state attribute is renewed by the caller before every forward pass.
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, vocab=10, tags=3, width=6):
        super().__init__()
        self.width = width
        self.emb = nn.Embedding(vocab, width)
        self.lstm = nn.LSTM(width, width)
        self.fc = nn.Linear(width, tags)
        self.hidden = self.init_hidden()

    def init_hidden(self):
        return torch.zeros(1, 1, self.width), torch.zeros(1, 1, self.width)

    def forward(self, sentence):
        out, self.hidden = self.lstm(self.emb(sentence).unsqueeze(1), self.hidden)
        return self.fc(out.squeeze(1))


torch.manual_seed(0)
tagger = Tagger()
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.1)
corpus = [(torch.tensor([1, 4, 2]), torch.tensor([0, 1, 2])), (torch.tensor([7, 3]), torch.tensor([2, 0]))]
for epoch in range(2):
    for sentence, tags in corpus:
        tagger.zero_grad()
        tagger.hidden = tagger.init_hidden()
        loss = nn.functional.cross_entropy(tagger(sentence), tags)
        loss.backward()
        optimizer.step()
