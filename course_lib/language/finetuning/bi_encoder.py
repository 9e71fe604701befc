"""The bi-encoder: one encoder for queries and products, trained so that the two texts of a pair lie close together.

Two texts meet only as vectors: product vectors are computed once, and a query costs one short text. Source of the
form: Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084; of in-batch and hard negatives for retrieval:
Karpukhin et al. 2020, https://arxiv.org/abs/2004.04906, §3.2.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, check_texts, embed, pad, tokenize
from course_lib.language.finetuning._start import copy_of, numbers
from course_lib.language.finetuning.losses import info_nce
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import History, fit, shuffled_batches


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

    Raises:
        ContractError: fewer than two pairs, no two pairs that can be told apart, entries that are not pairs of
            strings, negatives that don't fit the pairs.
    """
    pairs = list(pairs)
    if any(isinstance(p, str) or len(p) != 2 for p in pairs):
        raise ContractError("pairs must hold (query, product text)")
    if ids is not None and len(ids) != len(pairs):
        raise ContractError(f"{len(ids)} ids for {len(pairs)} pairs")
    if temperature <= 0 or batch_size < 2:
        raise ContractError("temperature must be above 0, and a batch needs at least 2 pairs to have a negative")
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    for side in sides:
        check_texts(side)
    keys = pairs if ids is None else ids
    number = torch.from_numpy(np.stack([numbers([key[side] for key in keys]) for side in (0, 1)], axis=1))
    if any(len(column.unique()) < 2 for column in number.T):
        raise ContractError("contrastive training needs pairs with at least two queries and two products")

    encoder = copy_of(start, name, autocast, device)
    tokens = [tokenize(encoder.tokenizer, side, encoder.max_length) for side in sides]
    hard = None if negatives is None else _HardNegatives(encoder, sides[1], number[:, 0].numpy(), negatives)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        def vectors(texts: Sequence[list[int]]) -> Tensor:
            return normalize(embed(model, pad(texts, encoder.tokenizer.pad_token_id)), dim=-1)

        queries, documents = (vectors([side[row] for row in rows]) for side in tokens)
        texts, blocked = ([], None) if hard is None else hard.columns(rows)
        further = vectors(texts) if texts else None
        # Cosines divided by .05 lose their differences in bf16, so the scores are computed in float32.
        with torch.autocast(queries.device.type, enabled=False):
            return info_nce(
                queries,
                documents,
                temperature,
                number[rows].to(queries.device),
                symmetric=symmetric,
                negatives=further,
                blocked=None if blocked is None else blocked.to(queries.device),
            )

    # A last batch of one pair would have no negative and no gradient: such an epoch's rest is skipped.
    batches = (rows for rows in shuffled_batches(len(pairs), batch_size, seed) if len(rows) > 1)
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
    )
    return encoder, history


class _HardNegatives:
    """The hard negatives of a training set: what a batch sees of them, and for whom they are no negatives.

    Texts are known by number, those of the pairs' products included: a negative that is the text of one of the
    query's own products, in whatever batch that pair comes, is a right answer.
    """

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
        number = numbers([*products, *flat])
        first = {int(n): text for n, text in zip(number[::-1], reversed([*products, *flat]))}
        self._tokens = tokenize(encoder.tokenizer, [first[n] for n in range(len(first))], encoder.max_length)
        self._product, self._query = number[: len(products)], queries
        self._of_pair = number[len(products) :].reshape(len(products), -1)
        self._right = np.unique(queries * len(first) + self._product)  # one number for each right (query, text)

    def columns(self, rows: np.ndarray) -> tuple[list[list[int]], Tensor]:
        """Token ids of the m distinct negatives of these pairs, and bool [b, m]: right answers after all.

        A text that is a product of the batch is a column already, so it doesn't come a second time.
        """
        texts = np.setdiff1d(self._of_pair[rows], self._product[rows])
        right = np.isin(self._query[rows, None] * len(self._tokens) + texts, self._right)
        return [self._tokens[text] for text in texts], torch.from_numpy(right)
