"""Which operation hides behind a name of torch."""

from __future__ import annotations

from functools import partial
from typing import Final

from gradguard.static import shape_layers as layers
from gradguard.static import shape_operations as op
from gradguard.static.shape_algebra import matmul
from gradguard.static.shape_operations import Operation

__all__ = ["ALIASES", "FUNCTIONS", "METHODS", "MODULES", "RESHAPES_IN_PLACE"]


def _named(*rows: tuple[str, Operation]) -> dict[str, Operation]:
    return {name: operation for names, operation in rows for name in names.split()}


ALIASES: Final = {
    "axis": "dim",
    "keepdims": "keepdim",
    "data": "input",
    "tensor": "input",
    "logits": "input",
    "obj": "input",
    "mat2": "other",
    "vec": "other",
    "vec2": "other",
}

RESHAPES_IN_PLACE: Final = frozenset("squeeze unsqueeze transpose t swapaxes swapdims resize resize_as set".split())

_ELEMENTWISE: Final = """
    abs absolute acos acosh alpha_dropout angle arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh
    bernoulli bitwise_not ceil celu clone conj contiguous cos cosh cumprod cumsum deg2rad detach digamma dropout
    dropout1d dropout2d dropout3d elu erf erfc erfinv exp exp2 expit expm1 feature_alpha_dropout feature_dropout fix
    flip fliplr flipud floor frac gelu hardshrink hardsigmoid hardswish hardtanh i0 imag index_add index_copy index_fill
    isfinite isinf isnan isneginf isposinf leaky_relu lgamma log log10 log1p log2 log_softmax logcumsumexp logical_not
    logit logsigmoid masked_scatter mish nan_to_num neg negative normalize positive prelu rad2deg real reciprocal
    relu relu6 renorm roll round rrelu rsqrt scatter scatter_add scatter_reduce selu sgn sigmoid sign signbit silu sin
    sinc sinh softmax softmin softplus softshrink softsign sqrt square tan tanh tanhshrink threshold tril triu trunc
    argsort cholesky gumbel_softmax inv inverse matrix_exp matrix_power instance_norm layer_norm batch_norm group_norm
    rms_norm local_response_norm channel_shuffle
"""

_SAME_SIZE_METHODS: Final = """
    bfloat16 bool byte char cpu cuda data double float grad half int long short to type type_as pin_memory
    coalesce to_dense dequantize numpy cfloat cdouble xpu mps resolve_conj
"""

_BOTH: Final = _named(
    (_ELEMENTWISE, op.keep),
    (
        """
        add sub subtract mul multiply div divide true_divide floor_divide remainder fmod pow float_power atan2 arctan2
        hypot copysign xlogy logaddexp logaddexp2 maximum minimum fmax fmin eq ne lt le gt ge greater less
        greater_equal less_equal not_equal isclose logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
        lerp addcmul addcdiv clamp clip clamp_min clamp_max rsub cross heaviside nextafter
        """,
        op.pointwise,
    ),
    ("where", op.where),
    ("masked_fill", op.masked_fill),
    ("sum mean prod logsumexp amax amin argmax argmin any all nanmean nansum count_nonzero", op.reduced),
    ("norm vector_norm", op.norm),
    ("matrix_norm", op.matrix_norm),
    ("std var", op.variance),
    ("std_mean var_mean", op.twice(op.variance)),
    ("aminmax", op.twice(op.reduced)),
    ("max min median nanmedian", op.extremum),
    ("mode", op.mode),
    ("kthvalue", op.kthvalue),
    ("sort cummax cummin", op.twice(op.keep)),
    ("topk", op.topk),
    ("quantile nanquantile", op.quantile),
    ("trace dot vdot dist", op.scalar),
    ("det logdet", partial(op.leave_out, 2)),
    ("slogdet", op.twice(partial(op.leave_out, 2))),
    ("multinomial", op.multinomial),
    ("reshape", op.reshape),
    ("flatten ravel", op.flatten),
    ("squeeze", op.squeeze),
    ("unsqueeze", op.unsqueeze),
    ("transpose swapaxes swapdims", op.transpose),
    ("t", op.t),
    ("adjoint", op.mt),
    ("permute", op.permute),
    ("movedim moveaxis", op.movedim),
    ("broadcast_to", op.expand),
    ("tile", op.tile),
    ("repeat_interleave", op.repeat_interleave),
    ("split split_with_sizes", op.split),
    ("chunk", op.chunk),
    ("unbind", op.unbind),
    ("select", op.select),
    ("narrow", op.narrow),
    ("gather", op.gather),
    ("take", op.take),
    ("index_select", op.index_select),
    ("diag", op.diag),
    ("diff", op.diff),
    ("unflatten", op.unflatten),
    ("mm", partial(op.of_ranks, 2, 2)),
    ("bmm", partial(op.of_ranks, 3, 3)),
    ("mv", partial(op.of_ranks, 2, 1)),
    ("addmm", partial(op.added, 2, 2)),
    ("baddbmm", partial(op.added, 3, 3)),
    ("addmv", partial(op.added, 2, 1)),
    ("matmul", partial(op.two, matmul)),
    ("outer ger", op.outer),
)

METHODS: Final = _BOTH | _named(
    (_SAME_SIZE_METHODS, op.keep),
    ("diagonal", op.main_diagonal),
    ("view", op.view),
    ("T", op.t),
    ("mT H mH", op.mt),
    ("expand", op.expand),
    ("expand_as", op.expand_as),
    ("view_as reshape_as", op.as_other),
    ("repeat", op.repeat),
    ("new_zeros new_ones new_empty", op.new),
    ("new_full", op.new_full),
    ("new_tensor", op.new_tensor),
)

_LOSS_OPERATIONS: Final = {
    function: (
        module,
        partial(layers.loss, without_reduction, tensors.split(), parameters.split()),
        len(tensors.split()),
    )
    for function, module, without_reduction, tensors, parameters in layers.LOSSES
}

FUNCTIONS: Final = (
    _BOTH
    | _named(
        ("randn rand zeros ones empty", op.created),
        ("full", op.full),
        ("eye", op.eye),
        ("arange", op.arange),
        ("linspace logspace", op.linspace),
        ("randint", op.randint),
        ("randperm", op.created),
        ("normal", op.normal),
        ("tensor as_tensor asarray scalar_tensor Parameter Variable", op.tensor),
        ("Tensor FloatTensor DoubleTensor HalfTensor LongTensor IntTensor BoolTensor", op.constructor),
        ("zeros_like ones_like empty_like full_like rand_like randn_like randint_like", op.keep),
        ("clip_grad_norm_", op.scalar),
        (
            """
            uniform_ normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ kaiming_uniform_
            kaiming_normal_ trunc_normal_ orthogonal_ sparse_ dropout_ relu_ leaky_relu_ elu_ selu_ hardtanh_ celu_
            """,
            op.keep,
        ),
        ("diagonal", op.diagonal_function),
        ("cat concat concatenate", op.cat),
        ("stack", op.stack),
        ("hstack", op.hstack),
        ("vstack row_stack", op.vstack),
        ("pad", op.pad),
        ("one_hot", op.one_hot),
        ("glu", layers.glu),
        ("einsum", op.einsum),
        ("tensordot", op.tensordot),
        ("cosine_similarity", op.similarity),
        ("pairwise_distance", op.pairwise_distance),
        ("cdist", op.cdist),
        ("scaled_dot_product_attention", op.attention),
        ("linear", layers.linear),
        ("embedding", layers.embedding),
        ("interpolate upsample", layers.interpolate),
        ("pixel_shuffle", layers.pixel_shuffle),
        ("triplet_margin_with_distance_loss", layers.distance_loss),
    )
    | {f"conv{n}d": partial(layers.conv_function, n) for n in (1, 2, 3)}
    | {f"max_pool{n}d": partial(layers.max_pool, n) for n in (1, 2, 3)}
    | {f"avg_pool{n}d": partial(layers.avg_pool, n) for n in (1, 2, 3)}
    | {f"adaptive_{kind}_pool{n}d": partial(layers.adaptive_pool, n) for n in (1, 2, 3) for kind in ("avg", "max")}
    | {name: operation for name, (_, operation, _) in _LOSS_OPERATIONS.items()}
)


_SAME_SIZE_MODULES: Final = """
    Identity CELU ELU GELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish PReLU RReLU
    ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold
    Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout BatchNorm1d BatchNorm2d BatchNorm3d
    LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm LayerNorm GroupNorm RMSNorm InstanceNorm1d
    InstanceNorm2d InstanceNorm3d LocalResponseNorm ChannelShuffle TransformerEncoderLayer TransformerEncoder
    TransformerDecoderLayer TransformerDecoder
"""

_PADS: Final = ("Zero", "Constant", "Reflection", "Replication", "Circular")

_OF_ONE_INPUT: Final = (
    _named(
        (_SAME_SIZE_MODULES, op.keep),
        ("Linear", layers.linear_module),
        ("LazyLinear", layers.lazy_linear),
        ("Embedding", layers.embedding_module),
        ("EmbeddingBag", layers.embedding_bag),
        ("Flatten", layers.flatten_module),
        ("Unflatten", op.unflatten),
        ("GLU", layers.glu),
        ("PixelShuffle", layers.pixel_shuffle),
        ("Upsample UpsamplingNearest2d UpsamplingBilinear2d", layers.interpolate),
        ("RNN", layers.rnn),
        ("LSTM", layers.lstm),
        ("GRU", layers.gru),
        ("RNNCell GRUCell", layers.cell),
        ("LSTMCell", op.twice(layers.cell)),
        ("MultiheadAttention", layers.multihead),
    )
    | {f"Conv{n}d": partial(layers.conv, n) for n in (1, 2, 3)}
    | {f"LazyConv{n}d": partial(layers.lazy_conv, n) for n in (1, 2, 3)}
    | {f"ConvTranspose{n}d": partial(layers.conv_transpose, n) for n in (1, 2, 3)}
    | {f"MaxPool{n}d": partial(layers.max_pool_module, n) for n in (1, 2, 3)}
    | {f"AvgPool{n}d": partial(layers.avg_pool, n) for n in (1, 2, 3)}
    | {f"Adaptive{kind}Pool{n}d": partial(layers.adaptive_pool, n) for n in (1, 2, 3) for kind in ("Avg", "Max")}
    | {f"{kind}Pad{n}d": partial(layers.pad_module, n) for n in (1, 2, 3) for kind in _PADS}
)

_OF_MORE_INPUTS: Final[dict[str, tuple[Operation, int]]] = {
    "Bilinear": (layers.bilinear, 2),
    "CosineSimilarity": (op.similarity, 2),
    "PairwiseDistance": (op.pairwise_distance, 2),
    "Transformer": (layers.transformer, 2),
    "TripletMarginWithDistanceLoss": (layers.distance_loss, 3),
}

# The operation, and how many inputs it takes before the configuration.
MODULES: Final[dict[str, tuple[Operation, int]]] = {
    **{kind: (operation, 1) for kind, operation in _OF_ONE_INPUT.items()},
    **_OF_MORE_INPUTS,
    **{module: (operation, tensors) for module, operation, tensors in _LOSS_OPERATIONS.values()},
}
