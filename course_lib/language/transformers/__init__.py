"""Transformers: attention, positions, blocks; encoder, decoder and encoder-decoder; what they cost.

(The library of the same name is imported absolutely, ``from transformers import …``; the two do not meet.)
"""

from course_lib.language.transformers.arithmetic import (
    PUBLISHED,
    Architecture,
    cache_bytes,
    forward_flops,
    parameters,
    price,
    total,
    training_bytes,
    training_flops,
)
from course_lib.language.transformers.attention import MultiHeadAttention, attend, causal_mask, padding_mask
from course_lib.language.transformers.block import Block, FeedForward, RMSNorm
from course_lib.language.transformers.models import Decoder, Encoder, EncoderDecoder, Output
from course_lib.language.transformers.objectives import Exercise, causal, masked, span_corruption
from course_lib.language.transformers.positions import RelativeBias, rotate, sinusoidal
from course_lib.language.transformers.reach import reach
from course_lib.language.transformers.weights import from_bert, from_gpt2, from_t5
from course_lib.language.transformers.zeroshot import ZeroShot, nearest_label

__all__ = [
    "PUBLISHED",
    "Architecture",
    "Block",
    "Decoder",
    "Encoder",
    "EncoderDecoder",
    "Exercise",
    "FeedForward",
    "MultiHeadAttention",
    "Output",
    "RMSNorm",
    "RelativeBias",
    "ZeroShot",
    "attend",
    "cache_bytes",
    "causal",
    "causal_mask",
    "forward_flops",
    "from_bert",
    "from_gpt2",
    "from_t5",
    "masked",
    "nearest_label",
    "padding_mask",
    "parameters",
    "price",
    "reach",
    "rotate",
    "sinusoidal",
    "span_corruption",
    "total",
    "training_bytes",
    "training_flops",
]
