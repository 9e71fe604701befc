"""Fine-tuning: a pretrained encoder learns a task of the shop from pairs or labels.

Two tasks: put a query next to the products it is meant for (a bi-encoder trained with in-batch negatives), and name a
product's category (a linear head). Both train a copy; the encoder they start from stays as it is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.encoder import TextEncoder, check_texts, embed, pad, tokenize
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import History, device_of, fit, shuffled_batches


def info_nce(
    queries: Tensor, documents: Tensor, temperature: float = 0.05, ids: Tensor | None = None, *, symmetric: bool = True
) -> Tensor:
    """InfoNCE with in-batch negatives (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4): a scalar.

    Row i of ``queries`` belongs to row i of ``documents``; every other row is a negative, unless it shares its query
    or its document with row i: then it is a positive in disguise, and is left out.

    Args:
        queries, documents: [b, d], of length 1, so that their products are cosines.
        ids: int64 [b, 2], numbers of the query and the document of each row. ``None``: all are different.
        symmetric: average the loss of finding the document and that of finding the query.
    """
    scores = queries @ documents.T / temperature
    if ids is not None:
        same = (ids[:, None] == ids[None, :]).any(dim=-1)
        same.fill_diagonal_(False)
        scores = scores.masked_fill(same, -torch.inf)
    target = torch.arange(len(scores), device=scores.device)
    loss = cross_entropy(scores, target)
    return (loss + cross_entropy(scores.T, target)) / 2 if symmetric else loss


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
        learning_rate: 5e-4 suits a small encoder of our own; a large pretrained one wants about 2e-5.

    Raises:
        ContractError: fewer than two pairs, no two pairs that can be told apart, entries that are not pairs of strings.
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
    numbers = torch.from_numpy(np.stack([_numbers([key[side] for key in keys]) for side in (0, 1)], axis=1))
    if any(len(column.unique()) < 2 for column in numbers.T):
        raise ContractError("contrastive training needs pairs with at least two queries and two products")

    encoder = _copy(start, name, autocast, device)
    tokens = [tokenize(encoder.tokenizer, side, encoder.max_length) for side in sides]

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        batches = (pad([side[row] for row in rows], encoder.tokenizer.pad_token_id) for side in tokens)
        queries, documents = (normalize(embed(model, batch), dim=-1) for batch in batches)
        # Cosines divided by .05 lose their differences in bf16, so the scores are computed in float32.
        with torch.autocast(queries.device.type, enabled=False):
            return info_nce(queries, documents, temperature, numbers[rows].to(queries.device), symmetric=symmetric)

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


@dataclass
class CategoryClassifier:
    """An encoder with a linear head over its pooled vectors.

    Attributes:
        head: d → number of labels. labels: sorted; column j of the probabilities is ``labels[j]``.
        majority: the most frequent training label, which a guess without reading would be.
        history: of the training (``None`` where it was loaded from a folder).
    """

    encoder: TextEncoder
    head: nn.Linear
    labels: list[str]
    majority: str
    history: History | None = None

    def predict_proba(self, texts: Sequence[str], batch_size: int = 64, *, progress: bool = False) -> np.ndarray:
        """Probability of each label: float32 [n, n_labels]; rows sum to 1."""
        vectors = self.encoder.encode(texts, batch_size, normalize=False, progress=progress)
        with torch.inference_mode():
            logits = self.head(torch.from_numpy(vectors).to(self.head.weight.device))
            return logits.softmax(dim=-1).cpu().numpy()

    def predict(self, texts: Sequence[str], batch_size: int = 64) -> list[str]:
        """The most probable label of each text."""
        return [self.labels[j] for j in self.predict_proba(texts, batch_size).argmax(axis=1)]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write encoder, head (safetensors) and labels (JSON): whole or not at all."""
        with atomic_folder(folder) as temporary:
            self.encoder.save(temporary / "encoder")
            weights = {key: value.detach().cpu() for key, value in self.head.state_dict().items()}
            save_file(weights, temporary / "head.safetensors")
            write_json(temporary / "labels.json", {"labels": self.labels, "majority": self.majority})

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, autocast: bool = True, device: str = "auto") -> CategoryClassifier:
        """Read what ``save`` wrote; raises DataError where a file is missing, broken or does not fit."""
        folder = Path(folder)
        record = read_json(folder / "labels.json")
        encoder = TextEncoder.load(folder / "encoder", autocast=autocast, device=device)
        try:
            head = nn.Linear(encoder.dimension, len(record["labels"]))
            head.load_state_dict(load_file(folder / "head.safetensors"))
            return cls(encoder, head.to(encoder.device).eval(), record["labels"], record["majority"])
        except (OSError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
            raise DataError(f"not a saved classifier ({error})", where=str(folder), remedy="Train it again") from error


def train_classifier(
    start: TextEncoder | Pretrained,
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    steps: int = 200,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    name: str = "classifier",
    progress: bool = True,
) -> CategoryClassifier:
    """Train encoder (a copy) and head together with cross-entropy on labelled texts.

    Raises:
        ContractError: texts and labels of different numbers, fewer than two labels, entries that are not strings.
    """
    check_texts(texts)
    check_texts(labels)
    if len(texts) != len(labels):
        raise ContractError(f"{len(labels)} labels for {len(texts)} texts")
    counts = Counter(labels)
    if len(counts) < 2:
        raise ContractError(f"{len(counts)} distinct label(s); a classifier needs at least two")
    names = sorted(counts)
    number = {label: column for column, label in enumerate(names)}
    targets = torch.tensor([number[label] for label in labels])

    encoder = _copy(start, name, autocast, device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.ModuleDict({"body": encoder.model, "head": nn.Linear(encoder.dimension, len(names))})
    tokens = tokenize(encoder.tokenizer, texts, encoder.max_length)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        pooled = embed(model["body"], pad([tokens[row] for row in rows], encoder.tokenizer.pad_token_id))
        return cross_entropy(model["head"](pooled).float(), targets[rows].to(device_of(model)))

    history = fit(
        model,
        shuffled_batches(len(tokens), batch_size, seed, lengths=[len(t) for t in tokens]),
        loss,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        autocast=autocast,
        device=device,
        log_dir=log_dir,
        tag="classifier",
        progress=progress,
    )
    majority = min(names, key=lambda label: (-counts[label], label))
    return CategoryClassifier(encoder, model["head"], names, majority, history)


def evaluate_classifier(
    classifier: CategoryClassifier, texts: Sequence[str], labels: Sequence[str]
) -> dict[str, float]:
    """Accuracy and macro-F1 on held-out texts, beside the guess of always the majority label of the training.

    Macro-F1 is the mean over the labels that occur in ``labels``; a label never seen in training scores 0 in it.

    Returns:
        ``accuracy``, ``macro_f1``, ``majority_accuracy``, ``majority_macro_f1``, ``n``.
    """
    from sklearn.metrics import accuracy_score, f1_score

    check_texts(labels)
    if len(texts) != len(labels) or not len(labels):
        raise ContractError(f"{len(labels)} labels for {len(texts)} texts", remedy="Pass one per text, at least one")
    truth, present = list(labels), sorted(set(labels))
    result: dict[str, float] = {}
    for prefix, guess in (("", classifier.predict(texts)), ("majority_", [classifier.majority] * len(truth))):
        result[f"{prefix}accuracy"] = float(accuracy_score(truth, guess))
        result[f"{prefix}macro_f1"] = float(f1_score(truth, guess, labels=present, average="macro", zero_division=0))
    return {**result, "n": len(truth)}


def _copy(start: TextEncoder | Pretrained, name: str, autocast: bool, device: str) -> TextEncoder:
    """A new encoder to train, so that ``start`` is never changed."""
    if isinstance(start, Pretrained):
        return start.encoder(name, autocast=autocast, device=device)
    twin = start.copy()
    return TextEncoder(
        twin.model,
        twin.tokenizer,
        max_length=twin.max_length,
        name=name,
        source=start.name,
        autocast=autocast,
        device=device,
    )


def _numbers(values: Sequence[Hashable]) -> np.ndarray:
    """int64 [n]: equal values get equal numbers."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)
