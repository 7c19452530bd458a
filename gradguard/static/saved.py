"""Which tensors an operation saves for its backward, as data. Found by experiment; the tests try each row on torch.

An entry of a row is the position of an operand (`0`), the result (`r`), or the weights of the module (`w`). `0<1` says
that operand 0 is saved if operand 1 requires grad; `w<0` the same of the weights. What a row leaves out may be saved.
"""

from __future__ import annotations

from typing import Final

__all__ = ["IN_PLACE_RESULT", "SAVED", "VIEWS"]


def _rows(*rows: tuple[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """(what, under which condition) for each name."""
    return {
        name: tuple((entry.partition("<")[0], entry.partition("<")[2]) for entry in entries.split())
        for names, entries in rows
        for name in names.split()
    }


SAVED: Final = _rows(
    (
        """
        exp sigmoid tanh relu sqrt rsqrt reciprocal tan expm1 exp2 softmax log_softmax softmin inverse
        Sigmoid Tanh ReLU Softmax LogSoftmax Softmin pairwise_distance PairwiseDistance
        """,
        "r",
    ),
    (
        """
        log log1p log2 log10 sin cos sinh cosh asin acos atan asinh acosh atanh abs square erf lgamma digamma erfinv
        logit sinc gelu silu leaky_relu elu selu celu softplus softsign hardtanh relu6 hardswish hardsigmoid mish
        logsigmoid softshrink hardshrink threshold normalize glu clamp clamp_min clamp_max clip var nan_to_num
        max_pool1d max_pool2d max_pool3d avg_pool2d avg_pool3d instance_norm
        GELU SiLU LeakyReLU ELU SELU CELU Softplus Softsign Hardtanh ReLU6 Hardswish Hardsigmoid Mish LogSigmoid
        Softshrink Hardshrink Threshold GLU MaxPool2d MaxPool3d AvgPool2d AvgPool3d InstanceNorm1d InstanceNorm2d
        """,
        "0",
    ),
    ("prod std norm vector_norm amax amin logsumexp cumprod logcumsumexp det", "0 r"),
    ("mul matmul mm bmm mv dot outer", "0<1 1<0"),
    ("linear", "0<1 1<0"),
    ("div", "1 0<1"),
    (
        """
        maximum minimum atan2 logaddexp mse_loss smooth_l1_loss huber_loss binary_cross_entropy
        binary_cross_entropy_with_logits soft_margin_loss conv1d conv2d conv3d conv_transpose1d conv_transpose2d
        prelu grid_sample nll_loss gather masked_select take
        MSELoss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss SoftMarginLoss NLLLoss
        """,
        "0 1",
    ),
    ("cross_entropy CrossEntropyLoss masked_fill index_select scatter index_fill kl_div KLDivLoss", "1"),
    ("where", "0"),
    ("cosine_similarity CosineSimilarity", "0<0 1<1"),
    ("cross", "0<1 1<0"),
    ("addmm baddbmm addcmul", "1<2 2<1"),
    ("lerp", "2 0<2 1<2"),
    ("addcdiv", "2 1<2"),
    ("layer_norm", "0 2"),
    ("batch_norm group_norm", "0"),
    ("Linear LazyLinear", "0<w w<0"),
    ("Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d", "0 w"),
    ("BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm GroupNorm SyncBatchNorm PReLU", "0 w"),
    ("Embedding", "0<w"),
    ("RNNCell", "0<w 1<w r w<0 w<1"),
    ("GRUCell LSTMCell", "0<w 1<w w<0 w<1"),
    ("RNN GRU LSTM", "0<w w"),
    ("MultiheadAttention TransformerEncoderLayer TransformerEncoder TransformerDecoderLayer", "w"),
    ("Bilinear", "0<w 1<w w<0 w<1"),
)

# Operations that save their result when they are done in place; what they do with it before needs the old value of
# nothing, since torch keeps a copy where it does.
IN_PLACE_RESULT: Final = frozenset(
    """
    exp sigmoid tanh relu sqrt rsqrt reciprocal tan expm1 exp2 softmax leaky_relu elu selu celu
    ReLU LeakyReLU ELU SELU CELU
    """.split()
)

# Operations whose result shares the storage of their first operand, and with it the count of changes.
VIEWS: Final = frozenset(
    """
    view getitem t T mT H transpose swapaxes permute squeeze unsqueeze expand expand_as view_as narrow select chunk
    split unbind movedim diagonal unfold real imag
    """.split()
)
