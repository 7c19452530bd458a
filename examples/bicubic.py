"""Bicubic resampling written with numpy, as a custom autograd Function.

Autograd cannot look into numpy, so the Function brings its own backward. Resampling is linear, so that is the same sum
with the two matrices transposed; `check_function` compares it with finite differences.
"""

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from gradguard.testing import check_function
from gradguard.testing.strategies import tensors


def cubic(t, a=-0.75):
    """The cubic convolution kernel at the distances t, in samples."""
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def weights(size, new_size):
    """The matrix, shape (new_size, size), that resamples one axis. Samples beyond the edge repeat the last one."""
    matrix = np.zeros((new_size, size))
    for row in range(new_size):
        center = (row + 0.5) * size / new_size - 0.5
        for sample in range(int(np.floor(center)) - 1, int(np.floor(center)) + 3):
            matrix[row, np.clip(sample, 0, size - 1)] += cubic(center - sample)
    return matrix


class Bicubic(Function):
    @staticmethod
    def forward(ctx, image, height, width):
        ctx.rows, ctx.columns = weights(image.shape[0], height), weights(image.shape[1], width)
        resampled = ctx.rows @ image.detach().numpy() @ ctx.columns.T
        return torch.as_tensor(resampled, dtype=image.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        gradient = ctx.rows.T @ grad_output.numpy() @ ctx.columns
        return torch.as_tensor(gradient, dtype=grad_output.dtype), None, None


def main():
    check_function(Bicubic, tensors("rows columns", min_size=1), 5, 4, examples=20)
    print("the gradient of Bicubic is right")


if __name__ == "__main__":
    main()
