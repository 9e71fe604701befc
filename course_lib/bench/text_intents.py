"""Which intent has a question? Three systems with one face: ``fit`` on labelled questions, then ``scores`` of new ones.

- ``tfidf``: TF-IDF of words and letters, logistic regression; C by cross-validation on the training questions.
- ``minilm``: the encoder as it was published, nothing is trained: cosine to each intent's mean vector, or to its nearest
  question.
- ``finetuned``: logistic regression on the encoder's vectors becomes the head of a network, then encoder and head are
  trained together: a head that starts right distorts the encoder less (Kumar et al. 2022,
  https://arxiv.org/abs/2202.10054, §4). Read by the head's probabilities, or by the nearest question in the new space.

A system that can be read in several ways ("rules") has its rule chosen on the training questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from course_lib.bench.text_scope import folds
from course_lib.language.encoder import TextEncoder, embed, pad, tokenize
from course_lib.language.features import extract
from course_lib.language.training import fit, shuffled_batches

C_GRID = (5.0, 20.0, 80.0)  #: of the TF-IDF regression
HEAD_C = 10.0  #: of the regression that the head starts from
MAX_LENGTH = 64  #: tokens of a question
#: passes, peak learning rate and batch of the fine-tuning; chosen on held-out parts of the training questions
RECIPES = {
    "banking77": {"epochs": 4.0, "learning_rate": 1e-4, "batch_size": 64},
    "hint3": {"epochs": 8.0, "learning_rate": 1e-4, "batch_size": 32},
}


class IntentSystem(Protocol):
    """What the benchmark asks of a system."""

    rules: tuple[str, ...]  #: ways to read it, the usual one first
    quick: bool  #: so fast that a rule can be chosen by cross-validation
    chosen: dict[str, Any]  #: what it chose on the training questions

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> IntentSystem:
        """Learn from questions; ``labels`` int64 [n] numbers below ``n_labels``."""
        ...

    def scores(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Rule → how well each intent fits each question: float [n, n_labels], comparable across questions."""
        ...


class TfidfIntents:
    """TF-IDF of words (1–2) and letters (2–5) into logistic regression.

    Args:
        c: inverse strength of the regularisation; ``None``: the best of ``C_GRID`` in three-fold cross-validation.
    """

    rules, quick = ("probability",), False

    def __init__(self, c: float | None = None):
        self._c, self.chosen = c, {}

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> TfidfIntents:
        """As ``IntentSystem``; a label without a question keeps the score 0."""
        c = self._c or self._best(texts, labels, n_labels)
        self.chosen = {"c": c}
        self._n = n_labels
        self._model = _tfidf_regression(c).fit(list(texts), labels)
        return self

    def scores(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """``probability`` of each intent: float64 [n, n_labels]."""
        result = np.zeros((len(texts), self._n))
        result[:, self._model.classes_] = self._model.predict_proba(list(texts))
        return {"probability": result}

    def _best(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> float:
        right = dict.fromkeys(C_GRID, 0)
        for train, held in folds(labels, 3, seed=0):
            if not len(held):  # so few questions that there is nothing to hold out
                continue
            for c in C_GRID:
                guess = _tfidf_regression(c).fit([texts[i] for i in train], labels[train])
                right[c] += int((guess.predict([texts[i] for i in held]) == labels[held]).sum())
        return max(C_GRID, key=lambda c: (right[c], -c))


class PublishedIntents:
    """The encoder as it was published; no weight is trained.

    Rules: ``centre``, cosine to the normalised mean vector of each intent's questions; ``nearest``, to the most similar one.
    """

    rules, quick = ("centre", "nearest"), True

    def __init__(self, encoder: TextEncoder):
        self._encoder, self.chosen = encoder, {}
        self._known: dict[str, np.ndarray] = {}  # cross-validation asks for the same texts again and again

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> PublishedIntents:
        """As ``IntentSystem``; a label without a question keeps the score −1."""
        self._vectors, self._labels, self._n = self._encode(texts), np.asarray(labels), n_labels
        return self

    def scores(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Cosines of both rules: float32 [n, n_labels]."""
        vectors = self._encode(texts)
        centres = np.zeros((self._n, vectors.shape[1]), dtype=np.float32)
        np.add.at(centres, self._labels, self._vectors)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        to_centre = vectors @ centres.T
        to_centre[:, np.setdiff1d(np.arange(self._n), self._labels)] = -1.0
        return {"centre": to_centre, "nearest": nearest(vectors, self._vectors, self._labels, self._n)}

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        new = sorted(set(texts) - self._known.keys())
        self._known.update(zip(new, extract(self._encoder, new)))
        return np.stack([self._known[text] for text in texts])


class FinetunedIntents:
    """Encoder and linear head, trained together with cross-entropy from a head that logistic regression found.

    Rules: ``head``, its probabilities; ``nearest``, cosine to each intent's most similar question in the new space;
    ``both``, their mean.

    Args:
        encoder: to start from; a copy is trained, without its table of word vectors.
        epochs: passes over the training questions. steps: at most so many optimiser steps.
    """

    rules, quick = ("head", "nearest", "both"), False

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        epochs: float,
        learning_rate: float,
        batch_size: int = 64,
        steps: int | None = None,
        seed: int = 0,
        progress: bool = True,
    ):
        self._start, self._epochs, self._rate, self._batch = encoder, epochs, learning_rate, batch_size
        self._steps, self._seed, self._progress = steps, seed, progress
        self.chosen: dict[str, Any] = {}

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> FinetunedIntents:
        """As ``IntentSystem``; a label without a question keeps a probability near 0."""
        self.encoder = self._start.copy()
        # Words that the training questions lack must go on meaning what they meant; it also saves half of AdamW's work.
        self.encoder.model.embeddings.requires_grad_(False)
        head = _probe(extract(self._start, texts), labels, n_labels)
        model = nn.ModuleDict({"body": self.encoder.model, "head": head})
        tokens = tokenize(self.encoder.tokenizer, texts, self.encoder.max_length)
        targets = torch.from_numpy(np.asarray(labels, dtype=np.int64))

        def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
            batch = pad([tokens[row] for row in rows], self.encoder.tokenizer.pad_token_id)
            vectors = normalize(embed(model["body"], batch), dim=-1)
            with torch.autocast(vectors.device.type, enabled=False):
                return cross_entropy(model["head"](vectors), targets[rows].to(vectors.device))

        steps = max(1, round(self._epochs * len(texts) / self._batch))
        history = fit(
            model,
            shuffled_batches(len(texts), self._batch, self._seed, lengths=[len(t) for t in tokens]),
            loss,
            steps=min(steps, self._steps or steps),
            learning_rate=self._rate,
            seed=self._seed,
            tag="finetuned",
            progress=self._progress,
        )
        self._head, self._labels, self._n = head, np.asarray(labels), n_labels
        self._vectors = extract(self.encoder, texts)
        self.chosen = {"epochs": self._epochs, "learning_rate": self._rate, "steps": len(history.loss)}
        return self

    def scores(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """All rules: float32 [n, n_labels]."""
        vectors = extract(self.encoder, texts)
        with torch.inference_mode():
            head = self._head(torch.from_numpy(vectors).to(self._head.weight.device)).softmax(dim=-1).cpu().numpy()
        near = nearest(vectors, self._vectors, self._labels, self._n)
        return {"head": head, "nearest": near, "both": (head + near) / 2}


def nearest(vectors: np.ndarray, known: np.ndarray, labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Cosine to the most similar known question of each intent: float32 [n, n_labels], −1 for an intent without one."""
    result = np.full((len(vectors), n_labels), -1.0, dtype=np.float32)
    cosines = vectors @ known.T
    for label in np.unique(labels):
        result[:, label] = cosines[:, labels == label].max(axis=1)
    return result


def _tfidf_regression(c: float) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_pipeline(make_union(words, letters), LogisticRegression(C=c, max_iter=200))


def _probe(vectors: np.ndarray, labels: np.ndarray, n_labels: int) -> nn.Linear:
    """Logistic regression as a layer d → n_labels."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=HEAD_C, max_iter=300).fit(vectors, labels)
    weight, bias = found.coef_, found.intercept_
    if len(found.classes_) == 2:  # scikit-learn keeps one row for two labels
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    head = nn.Linear(vectors.shape[1], n_labels)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(-20.0)  # a label without a question
        head.weight[found.classes_] = torch.from_numpy(weight).float()
        head.bias[found.classes_] = torch.from_numpy(bias).float()
    return head
