# As a decorator the parentheses may be left out.
import torch
from torch import nn


@torch.no_grad
def evaluate(model, x):
    return model(x).mean()


@torch.inference_mode()
def predict(model, x):
    return model(x)


@torch.enable_grad
def gradient(model, x):
    x = x.clone().requires_grad_()
    model(x).sum().backward()
    return x.grad


net = nn.Linear(3, 1)
predict_again = torch.no_grad()(net.forward)
batch = torch.ones(2, 3)
evaluate(net, batch), predict(net, batch), predict_again(batch), gradient(net, batch)
