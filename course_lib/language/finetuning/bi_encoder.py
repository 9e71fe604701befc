"""The bi-encoder: one encoder for queries and products, trained so that the two texts of a pair lie close together.

Two texts meet only as vectors: product vectors are computed once, and a query costs one short text. Source of the
form: Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084; of in-batch and hard negatives for retrieval:
Karpukhin et al. 2020, https://arxiv.org/abs/2004.04906, §3.2.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, check_texts, embed, pad, tokenize
from course_lib.language.finetuning._start import contrastive_batches, copy_of, numbers, sides
from course_lib.language.finetuning.losses import info_nce
from course_lib.language.finetuning.negatives import BatchNegatives
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import History, fit


def train_bi_encoder(
    start: TextEncoder | Pretrained,
    pairs: Sequence[tuple[str, str]],
    *,
    steps: int = 200,
    batch_size: int = 64,
    temperature: float = 0.05,
    learning_rate: float = 5e-4,
    symmetric: bool = True,
    ids: Sequence[tuple[Hashable, Hashable]] | None = None,
    negatives: Sequence[Sequence[str]] | None = None,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    name: str = "finetuned",
    progress: bool = True,
    **options: Any,
) -> tuple[TextEncoder, History]:
    """Train one encoder for queries and products so that the two texts of a pair lie close together.

    Args:
        start: the encoder to start from; it is copied, not changed.
        pairs: (query, product text), one per positive judgement or click.
        ids: (query id, item id) of each pair, by which duplicates are known; without it, equal texts are duplicates.
        negatives: of each pair the same number of product texts that are hard but wrong answers to its query. They
            become further columns for all queries of the batch; where a text is also a positive of a query (in any
            pair), it is left out for that query.
        learning_rate: 5e-4 suits a small encoder of our own; a large pretrained one wants about 2e-5.
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``.

    Raises:
        ContractError: fewer than two pairs, no two pairs that can be told apart, entries that are not pairs of
            strings, negatives that don't fit the pairs.
    """
    pairs = list(pairs)
    texts = sides(pairs)
    if ids is not None and len(ids) != len(pairs):
        raise ContractError(f"{len(ids)} ids for {len(pairs)} pairs")
    if temperature <= 0:
        raise ContractError("temperature must be above 0")
    keys = pairs if ids is None else ids
    number = np.stack([numbers([key[side] for key in keys]) for side in (0, 1)], axis=1)
    batches = contrastive_batches(number, batch_size, seed)

    encoder = copy_of(start, name, autocast, device)
    tokens = [tokenize(encoder.tokenizer, side, encoder.max_length) for side in texts]
    hard = None if negatives is None else _HardNegatives(encoder, texts[1], number[:, 0], negatives)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        def vectors(texts: Sequence[list[int]]) -> Tensor:
            return normalize(embed(model, pad(texts, encoder.tokenizer.pad_token_id)), dim=-1)

        queries, documents = (vectors([side[row] for row in rows]) for side in tokens)
        wrong, blocked = ([], None) if hard is None else hard.columns(rows)
        further = vectors(wrong) if wrong else None
        # Cosines divided by .05 lose their differences in bf16, so the scores are computed in float32.
        with torch.autocast(queries.device.type, enabled=False):
            return info_nce(
                queries,
                documents,
                temperature,
                torch.from_numpy(number[rows]).to(queries.device),
                symmetric=symmetric,
                negatives=further,
                blocked=None if blocked is None else blocked.to(queries.device),
            )

    history = fit(
        encoder.model,
        batches,
        loss,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        autocast=autocast,
        device=device,
        log_dir=log_dir,
        tag="bi-encoder",
        progress=progress,
        **options,
    )
    return encoder, history


class _HardNegatives:
    """``BatchNegatives`` of texts, which are numbered together with the pairs' products: equal texts are the same."""

    def __init__(
        self, encoder: TextEncoder, products: list[str], queries: np.ndarray, negatives: Sequence[Sequence[str]]
    ):
        if isinstance(negatives, (str, bytes)) or any(isinstance(row, (str, bytes)) for row in negatives):
            raise ContractError("negatives must hold a list of product texts for each pair")
        if len(negatives) != len(products):
            raise ContractError(f"{len(negatives)} lists of negatives for {len(products)} pairs")
        widths = {len(row) for row in negatives}
        if len(widths) != 1 or not min(widths):
            raise ContractError(
                f"lists of {', '.join(map(str, sorted(widths)))} negatives",
                remedy="Give each pair the same number, at least 1; fill up with random products",
            )
        flat = [text for row in negatives for text in row]
        check_texts(flat)
        texts = list(dict.fromkeys([*products, *flat]))  # numbered by first coming, as ``numbers`` does
        number = numbers([*products, *flat])
        of_pair = number[len(products) :].reshape(len(products), -1)
        self._tokens = tokenize(encoder.tokenizer, texts, encoder.max_length)
        self._batches = BatchNegatives(np.column_stack([queries, number[: len(products)]]), of_pair)

    def columns(self, rows: np.ndarray) -> tuple[list[list[int]], Tensor]:
        """Token ids of the m distinct negatives of these pairs, and bool [b, m]: right answers after all."""
        wrong, blocked = self._batches.columns(rows)
        return [self._tokens[text] for text in wrong], blocked
