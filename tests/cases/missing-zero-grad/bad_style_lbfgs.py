# Style transfer with LBFGS: the closure computes and returns the loss but does not reset the picture's gradient.
import torch
import torch.nn as nn


def gram(f):
    b, c, h, w = f.shape
    f = f.reshape(b, c, h * w)
    return f @ f.transpose(1, 2) / (c * h * w)


def run_style_transfer(content, style, steps=3):
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()).requires_grad_(False)
    style_gram, content_feat = gram(net(style)), net(content)
    picture = content.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([picture], max_iter=5)
    scores = []

    for _ in range(steps):

        def closure():
            feat = net(picture)
            score = 100 * nn.functional.mse_loss(gram(feat), style_gram) + nn.functional.mse_loss(feat, content_feat)
            score.backward()  # expect: GG101
            scores.append(score.item())
            return score

        optimizer.step(closure)
        with torch.no_grad():
            picture.clamp_(0, 1)
    return scores


torch.manual_seed(0)
print(run_style_transfer(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8))[-1])
