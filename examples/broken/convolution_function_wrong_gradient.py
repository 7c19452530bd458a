# The kernel is not turned by 180 degrees for the gradient of the image: no error in training, but check_function fails.
import torch
from torch.autograd import Function
from torch.nn.functional import pad

from gradguard.testing import check_function
from gradguard.testing.strategies import tensors


def valid(image, kernel):
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
        return valid(padded, kernel), valid(image, grad_output)  # expect: GG604


check_function(Convolution, tensors("4 3"), tensors("2 2"), examples=20)
