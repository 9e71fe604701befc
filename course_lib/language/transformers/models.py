"""The three families, built from the same block: encoder (BERT), decoder (GPT), encoder-decoder (T5)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.transformers.attention import causal_mask, padding_mask
from course_lib.language.transformers.block import Block, RMSNorm
from course_lib.language.transformers.positions import RelativeBias


class Output(NamedTuple):
    """hidden: [b, l, d]. attention: one [b, heads, l, l] per layer. logits: [b, l, vocabulary], or None."""

    hidden: Tensor
    attention: list[Tensor]
    logits: Tensor | None = None


class Encoder(nn.Module):
    """BERT: every token sees every token, to the left and to the right (Devlin et al. 2019).

    Args:
        vocabulary: number of token ids. width, heads, hidden: as ``Block``. layers: number of blocks.
        length: most tokens in a text; each place has a learned vector. segments: kinds of text in one input.
    """

    def __init__(
        self, vocabulary: int, width: int, layers: int, heads: int, hidden: int, *, length: int = 512,
        segments: int = 2, eps: float = 1e-12,
    ):  # fmt: skip
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.segments, self.norm = nn.Embedding(segments, width), nn.LayerNorm(width, eps=eps)
        block = dict(norm_first=False, eps=eps)
        self.blocks = nn.ModuleList(Block(width, heads, hidden, **block) for _ in range(layers))

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Token ids [b, l], and 1 where ``attention_mask`` [b, l] is a token rather than padding."""
        check_ids(ids, self.tokens.num_embeddings, self.places.num_embeddings)
        x = self.norm(self.tokens(ids) + self.segments.weight[0] + self.places.weight[: ids.shape[1]])
        return through(self.blocks, x, None if attention_mask is None else padding_mask(attention_mask))


class Decoder(nn.Module):
    """GPT: every token sees those before it and itself, and predicts the next one (Radford et al. 2019, GPT-2).

    Args:
        causal: False forgets the mask; it is here for the lab that shows what happens then.
    """

    def __init__(
        self, vocabulary: int, width: int, layers: int, heads: int, hidden: int, *, length: int = 1024,
        causal: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.causal = causal
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, hidden, activation="gelu_tanh") for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for table in (self.tokens, self.places):  # GPT-2's choice; with torch's 1.0 the tied head would start too sure
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Token ids [b, l]; ``logits[:, i]`` are about the token at i + 1."""
        check_ids(ids, self.tokens.num_embeddings, self.places.num_embeddings)
        mask = causal_mask(ids.shape[1]).to(ids.device) if self.causal else None
        if attention_mask is not None:
            mask = padding_mask(attention_mask) if mask is None else mask & padding_mask(attention_mask)
        out = through(self.blocks, self.tokens(ids) + self.places.weight[: ids.shape[1]], mask)
        hidden = self.norm(out.hidden)
        return Output(hidden, out.attention, hidden @ self.tokens.weight.T)  # the head is the token table again

    @torch.no_grad()
    def generate(self, ids: Tensor, count: int) -> Tensor:
        """Append ``count`` tokens to ids [b, l], each time the likeliest one: [b, l + count]."""
        for _ in range(count):
            ids = torch.cat([ids, self(ids).logits[:, -1].argmax(dim=-1, keepdim=True)], dim=1)
        return ids


class EncoderDecoder(nn.Module):
    """T5: an encoder reads one text, a decoder writes another and looks at the first (Raffel et al. 2020).

    Args:
        head_size: chosen freely. buckets, furthest: as ``RelativeBias``, which all blocks of a side share.
    """

    def __init__(
        self, vocabulary: int, width: int, layers: int, heads: int, hidden: int, *, head_size: int,
        buckets: int = 32, furthest: int = 128, eps: float = 1e-6,
    ):  # fmt: skip
        super().__init__()
        # No 1/√d: T5 starts its queries that much smaller instead.
        block = dict(activation="relu", rms=True, eps=eps, head_size=head_size, biased=False, scale=1.0)
        bias: dict[str, Any] = dict(buckets=buckets, furthest=furthest)
        self.tokens = nn.Embedding(vocabulary, width)
        self.encoder = nn.ModuleList(Block(width, heads, hidden, **block) for _ in range(layers))
        self.decoder = nn.ModuleList(Block(width, heads, hidden, cross=True, **block) for _ in range(layers))
        self.encoder_bias = RelativeBias(heads, both_ways=True, **bias)
        self.decoder_bias = RelativeBias(heads, both_ways=False, **bias)
        self.encoder_norm, self.decoder_norm = RMSNorm(width, eps), RMSNorm(width, eps)

    def forward(self, ids: Tensor, written: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Read ids [b, m], and predict after each of the tokens ``written`` [b, l] so far the next one.

        ``hidden``, ``attention`` and ``logits`` are the decoder's.
        """
        for given in (ids, written):
            check_ids(given, self.tokens.num_embeddings)
        mask = None if attention_mask is None else padding_mask(attention_mask)
        read = through(self.encoder, self.tokens(ids), mask, bias=self.encoder_bias(ids.shape[1]))
        out = through(self.decoder, self.tokens(written), causal_mask(written.shape[1]).to(ids.device),
                      bias=self.decoder_bias(written.shape[1]), context=self.encoder_norm(read.hidden),
                      context_mask=mask)  # fmt: skip
        hidden = self.decoder_norm(out.hidden)
        # Scaled, because the head is the token table again, whose entries are large in T5.
        return Output(hidden, out.attention, hidden * hidden.shape[-1] ** -0.5 @ self.tokens.weight.T)


def through(blocks: nn.ModuleList, x: Tensor, mask: Tensor | None, **settings: Any) -> Output:
    """x [b, l, d] through all blocks, in order."""
    attention = []
    for block in blocks:
        x, weights = block(x, mask, **settings)
        attention.append(weights)
    return Output(x, attention)


def check_ids(ids: Tensor, vocabulary: int, length: int | None = None) -> None:
    """Raises ContractError unless ids are whole numbers [b, l ≥ 1] below ``vocabulary``, with l ≤ ``length``."""
    if ids.ndim != 2 or ids.dtype not in (torch.int64, torch.int32) or not ids.shape[1]:
        raise ContractError(f"ids are {ids.dtype} {tuple(ids.shape)}", remedy="Pass int64 [batch, at least one token]")
    if length is not None and ids.shape[1] > length:
        raise ContractError(f"{ids.shape[1]} tokens; this model has {length} places", remedy="Cut the text")
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary:
        raise ContractError(f"token ids run from {int(ids.min())} to {int(ids.max())}; the vocabulary has {vocabulary}")
