# Logistic regression by hand with w.data = w.data - lr * w.grad in a method; the fit loop never resets.
import torch


class LogisticRegression:
    def __init__(self, n_features, lr=0.5):
        self.w = torch.zeros(n_features, 1, requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)
        self.lr = lr

    def __call__(self, X):
        return torch.sigmoid(X @ self.w + self.b)

    def _update(self):
        self.w.data = self.w.data - self.lr * self.w.grad
        self.b.data = self.b.data - self.lr * self.b.grad

    def fit(self, X, y, n_iter=10):
        for _ in range(n_iter):
            p = self(X).clamp(1e-6, 1 - 1e-6)
            loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
            loss.backward()  # expect: GG101
            self._update()
        return loss.item()


torch.manual_seed(0)
X = torch.randn(50, 3)
y = (X[:, :1] - X[:, 1:2] > 0).float()
clf = LogisticRegression(3)
print(clf.fit(X, y), clf.w.flatten().tolist())
