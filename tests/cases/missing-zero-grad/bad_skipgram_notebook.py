# Notebook style skip-gram: gradients of hand-made matrices, updated with data.sub_, never reset.
import torch

torch.manual_seed(0)
corpus = "the cat sat on the mat the dog sat on the rug".split()
vocab = sorted(set(corpus))
index = {word: i for i, word in enumerate(vocab)}
pairs = [
    (index[corpus[i]], index[corpus[j]]) for i in range(len(corpus)) for j in (i - 1, i + 1) if 0 <= j < len(corpus)
]

# %%
W1 = (0.1 * torch.randn(len(vocab), 5)).requires_grad_()
W2 = (0.1 * torch.randn(5, len(vocab))).requires_grad_()

# %%
for epo in range(3):
    total = 0
    for centre, context in pairs:
        h = W1[centre]
        log_probs = torch.log_softmax(h @ W2, dim=0)
        loss = -log_probs[context]
        total += loss.item()
        loss.backward()  # expect: GG101
        W1.data.sub_(0.01 * W1.grad.data)
        W2.data.sub_(0.01 * W2.grad.data)
    print(f"epoch {epo}: {total / len(pairs):.3f}")
