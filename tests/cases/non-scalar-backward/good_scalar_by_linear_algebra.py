# Scalars that come from inner products, traces, determinants, einsum and norms.
import torch

torch.manual_seed(0)
a = torch.randn(4, requires_grad=True)
B = torch.randn(4, 4)
S = B @ B.t() + torch.eye(4)

objectives = [
    lambda: a @ S @ a,
    lambda: torch.dot(a, a),
    lambda: torch.einsum("i,ij,j->", a, S, a),
    lambda: torch.linalg.norm(a - 1),
    lambda: torch.logdet(S + torch.outer(a, a)),
    lambda: (S * torch.outer(a, a)).trace(),
    lambda: torch.logsumexp(a, dim=0),
    lambda: torch.nn.functional.cosine_similarity(a, S[0], dim=0),
    lambda: torch.einsum("ij,i->j", S, a).square().sum(),
]
for objective in objectives:
    a.grad = None
    value = objective()
    value.backward()
    assert value.dim() == 0 and a.grad.shape == (4,)
