"""The cross-encoder: query and product in one sequence, so that every word of one can look at every word of the other.

Nogueira & Cho 2019, https://arxiv.org/abs/1901.04085, §3.2. Nothing can be computed before the query comes: it costs
one run of the transformer for each product, so it reads a short list and never the catalogue. The head is BERT's
(Devlin et al. 2019, https://arxiv.org/abs/1810.04805, §4.1): a layer with tanh over the first token, then one score
per label.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder, pad
from course_lib.language.finetuning._start import (
    checked_targets,
    copy_of,
    most_probable,
    numbers,
    probabilities,
    seeded,
    sides,
)
from course_lib.language.finetuning.losses import objective, pairwise_loss
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import History, autocast_to, device_of, fit, pick_precision, shuffled_batches

Pair = tuple[str, str]  #: query, product text


class PairModel(nn.Module):
    """A transformer over a pair of texts with a head over its first token.

    Args:
        body: a ``transformers`` encoder. n_outputs: labels, or 1 for a score.
    """

    def __init__(self, body: nn.Module, n_outputs: int):
        super().__init__()
        d = body.config.hidden_size
        self.body, self.dense, self.out = body, nn.Linear(d, d), nn.Linear(d, n_outputs)
        self.dropout = nn.Dropout(body.config.hidden_dropout_prob)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Scores before any softmax: float32 [b, n_outputs]."""
        first = self.body(**batch).last_hidden_state[:, 0]
        return self.out(self.dropout(torch.tanh(self.dense(first)))).float()


@dataclass
class CrossEncoder:
    """A trained cross-encoder.

    Attributes:
        labels: of the outputs; ``["score"]`` where the model was trained to rank.
        history: of the training (``None`` where it was loaded from a folder).
    """

    model: PairModel
    tokenizer: Any
    labels: list[str]
    max_length: int
    name: str = "cross-encoder"
    autocast: bool = True
    history: History | None = None

    def logits(self, pairs: Sequence[Pair], batch_size: int = 64) -> np.ndarray:
        """Scores of (query, product text) pairs: float32 [n, n_labels]; pairs of similar length go together."""
        tokens = pair_tokens(self.tokenizer, pairs, self.max_length)
        result = np.empty((len(tokens), len(self.labels)), dtype=np.float32)
        longest_first = np.argsort([-len(ids) for ids, _ in tokens], kind="stable")
        where = device_of(self.model)
        precision, _ = pick_precision(where.type, self.autocast)
        with torch.inference_mode(), autocast_to(where.type, precision):
            for start in range(0, len(tokens), batch_size):
                rows = longest_first[start : start + batch_size]
                batch = pad_pairs([tokens[row] for row in rows], self.tokenizer.pad_token_id, where)
                result[rows] = self.model(batch).cpu().numpy()
        return result

    def predict_proba(self, pairs: Sequence[Pair], batch_size: int = 64) -> np.ndarray:
        """Probability of each label: float32 [n, n_labels]."""
        return probabilities(self.logits(pairs, batch_size))

    def predict(self, pairs: Sequence[Pair], batch_size: int = 64) -> list[str]:
        """The most probable label of each pair."""
        return most_probable(self.logits(pairs, batch_size), self.labels)


def train_cross_encoder(
    start: TextEncoder | Pretrained,
    pairs: Sequence[Pair],
    targets: Sequence[int] | np.ndarray,
    labels: Sequence[str] = ("score",),
    *,
    task: Literal["grade", "rank"] = "grade",
    steps: int = 200,
    batch_size: int = 32,
    learning_rate: float = 5e-4,
    balanced: bool = False,
    smoothing: float = 0.0,
    robustness: float = 0.0,
    max_length: int | None = None,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    name: str = "cross-encoder",
    progress: bool = True,
    **options: Any,
) -> CrossEncoder:
    """Train transformer (a copy) and head together on pairs of a query and a product text.

    Args:
        targets: ``"grade"``: the number of each pair's label. ``"rank"``: its grade, the higher the better; the
            model learns one score whose order within a query agrees (``losses.pairwise_loss``), from batches that
            each hold the products of a few queries.
        labels: names of the outputs of ``"grade"``.
        balanced, smoothing, robustness: of ``"grade"``, see ``losses.objective``.
        max_length: of query and product together, in tokens; the product is cut. Default: the encoder's own.
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``.

    Raises:
        ContractError: pairs and targets that don't fit, a target without a label, nothing to tell apart.
    """
    pairs = list(pairs)
    if task not in ("grade", "rank"):
        raise ContractError(f"task is {task!r}; known are grade, rank")
    wanted = checked_targets(targets, len(pairs), len(labels) if task == "grade" else None)
    encoder = copy_of(start, name, autocast, device)
    max_length = max_length or encoder.max_length
    tokens = pair_tokens(encoder.tokenizer, pairs, max_length)
    with seeded(seed):
        model = PairModel(encoder.model, len(labels) if task == "grade" else 1)
    number = numbers([query for query, _ in pairs])
    extra = dict(balanced=balanced, smoothing=smoothing, robustness=robustness)
    measure = objective(wanted, len(labels), **extra) if task == "grade" else None

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        where = device_of(model)
        scores = model(pad_pairs([tokens[row] for row in rows], encoder.tokenizer.pad_token_id, where))
        target = wanted[rows].to(where)
        if measure is not None:
            return measure(scores, target)
        return pairwise_loss(scores[:, 0], target, torch.from_numpy(number[rows]).to(where))

    if task == "grade":
        batches = shuffled_batches(len(pairs), batch_size, seed, lengths=[len(ids) for ids, _ in tokens])
    else:
        batches = _query_batches(number, batch_size, seed)
    history = fit(
        model,
        batches,
        loss,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        autocast=autocast,
        device=device,
        log_dir=log_dir,
        tag=name,
        progress=progress,
        **options,
    )
    outputs = list(labels) if task == "grade" else ["score"]
    return CrossEncoder(model, encoder.tokenizer, outputs, max_length, name, autocast, history)


def pair_tokens(tokenizer: Any, pairs: Sequence[Pair], max_length: int) -> list[tuple[list[int], list[int]]]:
    """[CLS] query [SEP] product [SEP]: the token ids of each pair, and which of the two texts each belongs to (0, 1).

    A pair that is too long loses the end of its product text.
    """
    queries, products = sides(pairs)
    if not len(pairs):
        return []
    # A query that fills the sequence alone would leave nothing to cut of the product: then the longer one is cut.
    long = max(map(len, queries)) >= max_length
    found = tokenizer(
        queries,
        products,
        truncation="longest_first" if long else "only_second",
        max_length=max_length,
        return_token_type_ids=True,
        return_attention_mask=False,
    )
    return list(zip(found["input_ids"], found["token_type_ids"]))


def pad_pairs(tokens: Sequence[tuple[list[int], list[int]]], pad_id: int, device: torch.device) -> dict[str, Tensor]:
    """``input_ids``, ``token_type_ids`` and ``attention_mask``, int64 [b, longest]."""
    batch = pad([ids for ids, _ in tokens], pad_id)
    batch["token_type_ids"] = pad([kinds for _, kinds in tokens], 0)["input_ids"]
    return {key: value.to(device) for key, value in batch.items()}


def _query_batches(queries: np.ndarray, batch_size: int, seed: int):
    """Endless batches, each with up to half a batch of the products of one query, and of a second one."""
    random = generator(seed, "query batches")
    rows_of = [np.flatnonzero(queries == number) for number in range(queries.max() + 1)]
    while True:
        for chosen in np.array_split(random.permutation(len(rows_of)), max(1, len(rows_of) // 2)):
            share = batch_size // len(chosen)
            yield np.concatenate([random.permutation(rows_of[number])[:share] for number in chosen])
