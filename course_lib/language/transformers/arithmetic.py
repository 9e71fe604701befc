"""Arithmetic on paper: parameters, floating-point operations, memory and money of a model that nobody has to load.

Counts are exact and held against real models in the tests; what a machine makes of them (utilisation) is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from course_lib.core.errors import ContractError

Family = Literal["encoder", "decoder", "encoder-decoder"]


@dataclass(frozen=True)
class Architecture:
    """The numbers that fix the size of a transformer.

    Attributes:
        family: as the models of this chapter. vocabulary: token ids. width: d. layers: blocks (of each side).
        heads: of attention. hidden: width inside the feed-forward network.
        head_size: width / heads where None. key_heads: heads of keys and values, fewer than ``heads`` where several
            queries share them (grouped-query attention, Ainslie et al. 2023, https://arxiv.org/abs/2305.13245).
        places: rows of the learned position table; 0: none. segments: rows of BERT's segment table.
        buckets: rows of T5's relative bias (one table for each side).
        biased: linear layers have a bias. gated: the feed-forward network has a third matrix. tied: the head reuses
            the token table. rms: norms have one vector, not two. pooler: BERT's extra layer over [CLS].
    """

    family: Family
    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    head_size: int | None = None
    key_heads: int | None = None
    places: int = 0
    segments: int = 0
    buckets: int = 0
    biased: bool = True
    gated: bool = False
    tied: bool = True
    rms: bool = False
    pooler: bool = False

    def __post_init__(self) -> None:
        sizes = (self.vocabulary, self.width, self.layers, self.heads, self.hidden, self.size, self.keys)
        if self.family not in ("encoder", "decoder", "encoder-decoder") or min(sizes) < 1 or self.heads % self.keys:
            raise ContractError(f"not an architecture: {self}", remedy="Sizes are at least 1; key_heads divides heads")
        if self.head_size is None and self.width % self.heads:
            raise ContractError(f"width {self.width} can't be shared by {self.heads} heads")

    @property
    def size(self) -> int:
        """Length of a head's vectors."""
        return self.head_size or self.width // self.heads

    @property
    def keys(self) -> int:
        """Heads of keys and values."""
        return self.key_heads or self.heads

    @classmethod
    def of(cls, config: Any) -> Architecture:
        """Read a configuration of ``transformers``: bert, gpt2, t5 (the 2020 kind and v1.1) or llama.

        Raises:
            ContractError: another model type.
        """
        c, kind = config, getattr(config, "model_type", None)
        if kind == "bert":
            return cls("encoder", c.vocab_size, c.hidden_size, c.num_hidden_layers, c.num_attention_heads,
                       c.intermediate_size, places=c.max_position_embeddings, segments=c.type_vocab_size,
                       pooler=True)  # fmt: skip
        if kind == "gpt2":
            return cls("decoder", c.vocab_size, c.n_embd, c.n_layer, c.n_head, c.n_inner or 4 * c.n_embd,
                       places=c.n_positions)  # fmt: skip
        if kind == "t5":
            return cls("encoder-decoder", c.vocab_size, c.d_model, c.num_layers, c.num_heads, c.d_ff,
                       head_size=c.d_kv, buckets=c.relative_attention_num_buckets, biased=False, rms=True,
                       gated=c.is_gated_act)  # fmt: skip
        if kind == "llama":
            return cls("decoder", c.vocab_size, c.hidden_size, c.num_hidden_layers, c.num_attention_heads,
                       c.intermediate_size, head_size=c.head_dim, key_heads=c.num_key_value_heads, biased=False,
                       gated=True, tied=c.tie_word_embeddings, rms=True)  # fmt: skip
        raise ContractError(f"model type {kind!r}", remedy="Known are bert, gpt2, t5 and llama")


def parameters(a: Architecture) -> dict[str, int]:
    """How many numbers training has to find, by part; the sum is the size of the model.

    The dominant term is layers · (4d² + 2dh), with h = 4d: 12 · layers · d².
    """
    d, b, inner, inner_keys = a.width, a.biased, a.heads * a.size, a.keys * a.size
    attention = 2 * d * inner + 2 * d * inner_keys + b * (inner + 2 * inner_keys + d)
    feed_forward = (3 if a.gated else 2) * d * a.hidden + b * ((2 if a.gated else 1) * a.hidden + d)
    sides = 2 if a.family == "encoder-decoder" else 1
    crosses = a.layers if sides == 2 else 0
    # Pre-LN models have one norm more at the end of each side, BERT has one over its embeddings.
    norms = 2 * a.layers * sides + crosses + sides
    return {
        "embeddings": (a.vocabulary + a.places + a.segments) * d,
        "attention": attention * (a.layers * sides + crosses),
        "feed-forward": feed_forward * a.layers * sides,
        "norms and biases of places": norms * d * (1 if a.rms else 2) + sides * a.buckets * a.heads,
        "head": (0 if a.tied else a.vocabulary * d) + a.pooler * (d * d + d),
    }


def total(a: Architecture) -> int:
    """All parameters."""
    return sum(parameters(a).values())


def forward_flops(a: Architecture, tokens: int, written: int = 0, *, head: bool = True) -> int:
    """Multiplications and additions of one pass over one text: 2 for each matrix entry that a token meets.

    An encoder or decoder reads ``tokens``; an encoder-decoder reads ``tokens`` and has ``written`` others. Attention
    adds 4 · l · m · heads · head size per layer: the part that grows with the square of the length. Masked pairs are
    counted, as plain implementations compute them. Norms, softmax and activations, about 1 %, are left out.

    Args:
        head: whether every output token gets scores of the whole vocabulary (an encoder for vectors has no head).
    """
    if tokens < 0 or written < 0 or (written and a.family != "encoder-decoder"):
        raise ContractError(f"{tokens} tokens, {written} written", remedy="Only an encoder-decoder writes beside reading")
    d, inner, inner_keys = a.width, a.heads * a.size, a.keys * a.size
    own, answer = 2 * d * inner, 2 * d * inner_keys  # query and output; key and value
    feed_forward = (3 if a.gated else 2) * d * a.hidden
    layer = 2 * tokens * (own + answer + feed_forward) + 4 * tokens**2 * inner
    out = tokens
    if a.family == "encoder-decoder":
        layer += 2 * written * (2 * own + answer + feed_forward) + 2 * tokens * answer
        layer += 4 * written * (written + tokens) * inner
        out = written
    return a.layers * layer + (2 * out * a.vocabulary * d if head else 0)


def training_flops(parameter_count: float, tokens: float) -> float:
    """The rule of thumb 6 · N · D: 2 forward and 4 backward for each parameter and token (Kaplan et al. 2020, §2.1)."""
    if parameter_count < 0 or tokens < 0:
        raise ContractError("neither parameters nor tokens can be fewer than none")
    return 6.0 * parameter_count * tokens


def training_bytes(parameter_count: int, precision: Literal["fp32", "mixed"] = "mixed") -> dict[str, int]:
    """Memory that AdamW needs before the first token is read; activations come on top and grow with the batch.

    Either way 16 bytes per parameter (Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054, §3.1).
    """
    each = {"fp32": (4, 4, 0, 8), "mixed": (2, 2, 4, 8)}.get(precision)
    if each is None or parameter_count < 0:
        raise ContractError(f"{parameter_count} parameters in {precision!r}", remedy="Use fp32 or mixed")
    parts = ("weights", "gradients", "fp32 copy of the weights", "two moments of AdamW")
    return {part: size * parameter_count for part, size in zip(parts, each)}


def cache_bytes(a: Architecture, tokens: int, texts: int = 1, bytes_per_number: int = 2) -> int:
    """Memory of the KV cache: the keys and values of all tokens so far, which a decoder need not compute again.

    2 · layers · key heads · head size · tokens · texts · bytes. The cross-attention of an encoder-decoder has another
    one of this form, over the tokens that were read.

    Raises:
        ContractError: an encoder, which reads everything at once and keeps nothing.
    """
    if a.family == "encoder":
        raise ContractError("an encoder has no cache", remedy="Ask for a decoder or an encoder-decoder")
    if min(tokens, texts, bytes_per_number) < 0:
        raise ContractError("tokens, texts and bytes can't be negative")
    return 2 * a.layers * a.keys * a.size * tokens * texts * bytes_per_number


def price(flops: float, *, flops_per_second: float, utilisation: float, price_per_hour: float) -> float:
    """Money for ``flops`` on a machine that promises ``flops_per_second`` and keeps ``utilisation`` of the promise.

    Raises:
        ContractError: a speed of 0 or less, a utilisation outside (0, 1], a negative amount.
    """
    if flops < 0 or price_per_hour < 0 or not flops_per_second > 0 or not 0 < utilisation <= 1:
        raise ContractError("price needs flops ≥ 0, flops_per_second > 0, utilisation in (0, 1], price_per_hour ≥ 0")
    return flops / (flops_per_second * utilisation) / 3600 * price_per_hour


_llama = dict(biased=False, gated=True, tied=False, rms=True)
#: As published, up to 175 billion parameters: Wang et al. 2020, Devlin et al. 2019, Radford et al. 2019, Raffel et al.
#: 2020, Touvron et al. 2023, Brown et al. 2020.
PUBLISHED = {
    "MiniLM-L6": Architecture("encoder", 30_522, 384, 6, 12, 1_536, places=512, segments=2, pooler=True),
    "BERT-base": Architecture("encoder", 30_522, 768, 12, 12, 3_072, places=512, segments=2, pooler=True),
    "GPT-2": Architecture("decoder", 50_257, 768, 12, 12, 3_072, places=1_024),
    "GPT-2 XL": Architecture("decoder", 50_257, 1_600, 48, 25, 6_400, places=1_024),
    "T5-11B": Architecture("encoder-decoder", 32_128, 1_024, 24, 128, 65_536, head_size=128, buckets=32,
                           biased=False, rms=True),  # fmt: skip
    "Llama 2 7B": Architecture("decoder", 32_000, 4_096, 32, 32, 11_008, **_llama),
    "Llama 2 70B": Architecture("decoder", 32_000, 8_192, 80, 64, 28_672, key_heads=8, **_llama),
    "GPT-3": Architecture("decoder", 50_257, 12_288, 96, 96, 49_152, places=2_048),
}
