# A helper returns the new value and the caller binds it to the parameter's name.
import torch


def descend(p, rate):
    return p.sub(rate * p.grad)  # also: GG302


def main():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 4, 4, requires_grad=True)
    blur = torch.full((1, 1, 3, 3), 1 / 9)
    wanted = torch.zeros(1, 1, 2, 2)
    for _ in range(3):
        loss = (torch.conv2d(image, blur) - wanted).square().sum()
        loss.backward()
        image = descend(image, 0.5)  # expect: GG302
        image.grad.zero_()  # also: GG301


main()
