"""The category classifier: an encoder with a linear head over its pooled vectors, trained on labelled texts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.encoder import TextEncoder, check_texts, embed, pad, tokenize
from course_lib.language.finetuning._start import copy_of, most_probable, probabilities, seeded
from course_lib.language.finetuning.losses import objective
from course_lib.language.finetuning.stopping import Stopping, fit_or_stop
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import History, device_of, shuffled_batches


@dataclass
class CategoryClassifier:
    """An encoder with a linear head over its pooled vectors.

    Attributes:
        head: d → number of labels. labels: sorted; column j of the probabilities is ``labels[j]``.
        majority: the most frequent training label, which a guess without reading would be.
        history: of the training (``None`` where it was loaded from a folder).
        stopping: what early stopping saw, where it was asked for.
    """

    encoder: TextEncoder
    head: nn.Linear
    labels: list[str]
    majority: str
    history: History | None = None
    stopping: Stopping | None = None

    def logits(self, texts: Sequence[str], batch_size: int = 64, *, progress: bool = False) -> np.ndarray:
        """The head's scores before the softmax: float32 [n, n_labels]."""
        vectors = self.encoder.encode(texts, batch_size, normalize=False, progress=progress)
        with torch.inference_mode():
            return self.head(torch.from_numpy(vectors).to(self.head.weight.device)).cpu().numpy()

    def predict_proba(self, texts: Sequence[str], batch_size: int = 64, *, progress: bool = False) -> np.ndarray:
        """Probability of each label: float32 [n, n_labels]; rows sum to 1."""
        return probabilities(self.logits(texts, batch_size, progress=progress))

    def predict(self, texts: Sequence[str], batch_size: int = 64) -> list[str]:
        """The most probable label of each text."""
        return most_probable(self.logits(texts, batch_size), self.labels)

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
    balanced: bool = False,
    smoothing: float = 0.0,
    robustness: float = 0.0,
    validation: tuple[Sequence[str], Sequence[str]] | None = None,
    every: int = 50,
    patience: int = 3,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    name: str = "classifier",
    progress: bool = True,
    **options: Any,
) -> CategoryClassifier:
    """Train encoder (a copy) and head together with cross-entropy on labelled texts.

    Args:
        balanced: weigh each class alike, however few examples it has.
        smoothing, robustness: two remedies for labels that may be wrong (``losses.objective``).
        validation: texts and labels to stop by: macro-F1 is measured every ``every`` steps, ``patience`` rounds
            without a better one end the training, and the best weights are kept. ``None``: all steps, the last weights.
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``.

    Raises:
        ContractError: texts and labels of different numbers, fewer than two labels, entries that are not strings,
            settings out of range.
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
    measure = objective(targets, len(names), balanced=balanced, smoothing=smoothing, robustness=robustness)
    majority = min(names, key=lambda label: (-counts[label], label))

    encoder = copy_of(start, name, autocast, device)
    with seeded(seed):
        model = nn.ModuleDict({"body": encoder.model, "head": nn.Linear(encoder.dimension, len(names))})
    tokens = tokenize(encoder.tokenizer, texts, encoder.max_length)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        pooled = embed(model["body"], pad([tokens[row] for row in rows], encoder.tokenizer.pad_token_id))
        return measure(model["head"](pooled).float(), targets[rows].to(device_of(model)))

    result = CategoryClassifier(encoder, model["head"], names, majority)

    def score(_: nn.Module) -> float:
        return evaluate_classifier(result, *validation)["macro_f1"]

    result.history, result.stopping = fit_or_stop(
        model, shuffled_batches(len(tokens), batch_size, seed, lengths=[len(t) for t in tokens]), loss,
        None if validation is None else score, every=every, patience=patience, steps=steps,
        learning_rate=learning_rate, seed=seed, autocast=autocast, device=device, log_dir=log_dir, tag="classifier",
        progress=progress, **options,
    )  # fmt: skip
    return result


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
