"""The valid convolution of neural networks as a custom Function, with the gradients for kernel and input by hand.

out[i, j] = sum over k, l of image[i + k, j + l] * kernel[k, l]

The gradient for the kernel is a valid convolution too: of the image with the gradient that comes in. That for the image
is a full one: the incoming gradient, padded with zeros, with the kernel turned by 180 degrees.
"""

import torch
from torch.autograd import Function
from torch.nn.functional import pad

from gradguard.testing import check_function
from gradguard.testing.strategies import tensors


def valid(image, kernel):
    """image: shape (H, W). kernel: shape (h, w), not larger. Returns shape (H - h + 1, W - w + 1)."""
    height, width = kernel.shape
    windows = image.unfold(0, height, 1).unfold(1, width, 1)
    return torch.einsum("ijkl,kl->ij", windows, kernel)


class Convolution(Function):
    @staticmethod
    def forward(ctx, image, kernel):
        ctx.save_for_backward(image, kernel)
        return valid(image, kernel)

    @staticmethod
    def backward(ctx, grad_output):
        image, kernel = ctx.saved_tensors
        height, width = kernel.shape
        padded = pad(grad_output, (width - 1, width - 1, height - 1, height - 1))
        return valid(padded, kernel.flip(0, 1)), valid(image, grad_output)


def main():
    check_function(Convolution, tensors("4 3"), tensors("2 2"), examples=20)
    print("the gradients of Convolution are right")


if __name__ == "__main__":
    main()
