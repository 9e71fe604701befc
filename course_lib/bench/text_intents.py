"""Which intent has a question? Three systems with one face: ``fit`` on labelled questions, then ``scores`` of new ones.

- ``tfidf``: TF-IDF of words and letters, logistic regression; C by cross-validation on the training questions.
- ``minilm``: the encoder as it was published, nothing is trained: cosine to the mean vector of each intent's questions.
- ``finetuned``: logistic regression on the encoder's vectors becomes the head of a network, then encoder and head are
  trained together: a head that starts right distorts the encoder less (Kumar et al. 2022,
  https://arxiv.org/abs/2202.10054, §4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from course_lib.language.encoder import TextEncoder, embed, pad, tokenize
from course_lib.language.features import extract
from course_lib.language.training import fit, shuffled_batches

C_GRID = (1.0, 5.0, 20.0, 80.0)  #: of the TF-IDF regression
HEAD_C = 10.0  #: of the regression that the head starts from
MAX_LENGTH = 64  #: tokens of a question


class IntentSystem(Protocol):
    """What the benchmark asks of a system."""

    chosen: dict[str, Any]  #: what it chose on the training questions

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> IntentSystem:
        """Learn from questions; ``labels`` int64 [n] numbers below ``n_labels``."""
        ...

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """How well each intent fits each question: float [n, n_labels], comparable across questions."""
        ...


class TfidfIntents:
    """TF-IDF of words (1–2) and letters (2–5) into logistic regression.

    Args:
        c: inverse strength of the regularisation; ``None``: the best of ``C_GRID`` in three-fold cross-validation.
    """

    def __init__(self, c: float | None = None):
        self._c, self.chosen = c, {}

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> TfidfIntents:
        """As ``IntentSystem``; a label without a question keeps the score 0."""
        c = self._c or self._best(texts, labels, n_labels)
        self.chosen = {"c": c}
        self._n = n_labels
        self._model = _tfidf_regression(c).fit(list(texts), labels)
        return self

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each intent: float64 [n, n_labels]."""
        result = np.zeros((len(texts), self._n))
        result[:, self._model.classes_] = self._model.predict_proba(list(texts))
        return result

    def _best(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> float:
        right = dict.fromkeys(C_GRID, 0)
        for train, held in folds(labels, 3, seed=0):
            for c in C_GRID:
                guess = _tfidf_regression(c).fit([texts[i] for i in train], labels[train])
                right[c] += int((guess.predict([texts[i] for i in held]) == labels[held]).sum())
        return max(C_GRID, key=lambda c: (right[c], -c))


class CentroidIntents:
    """Cosine to the normalised mean vector of each intent's questions; no weight is trained."""

    def __init__(self, encoder: TextEncoder):
        self._encoder, self.chosen = encoder, {}

    def fit(self, texts: Sequence[str], labels: np.ndarray, n_labels: int) -> CentroidIntents:
        """As ``IntentSystem``; a label without a question keeps the score −1."""
        vectors = extract(self._encoder, texts)
        self._centres = np.zeros((n_labels, vectors.shape[1]), dtype=np.float32)
        np.add.at(self._centres, labels, vectors)
        self._centres /= np.maximum(np.linalg.norm(self._centres, axis=1, keepdims=True), 1e-12)
        self._absent = np.setdiff1d(np.arange(n_labels), labels)
        return self

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Cosines: float32 [n, n_labels]."""
        result = extract(self._encoder, texts) @ self._centres.T
        result[:, self._absent] = -1.0
        return result


class FinetunedIntents:
    """Encoder and linear head, trained together with cross-entropy from a head that logistic regression found.

    Args:
        encoder: to start from; a copy is trained, without its table of word vectors.
        epochs: passes over the training questions. steps: at most so many optimiser steps.
    """

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
        self._head = head
        self.chosen = {"epochs": self._epochs, "learning_rate": self._rate, "steps": len(history.loss)}
        return self

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each intent: float32 [n, n_labels]."""
        with torch.inference_mode():
            vectors = torch.from_numpy(extract(self.encoder, texts)).to(self._head.weight.device)
            return self._head(vectors).softmax(dim=-1).cpu().numpy()


def choose_threshold(
    make: Callable[[], IntentSystem], texts: Sequence[str], labels: np.ndarray, *, n_folds: int, seed: int
) -> tuple[float, float]:
    """The least best score at which a question counts as in scope, found without any out-of-scope question.

    In each fold one group of intents is left out of training, and their questions play the part of what is out of scope;
    a part of the other intents' questions is held out as well. Both kinds weigh the same, as nobody knows how often
    questions out of scope will come.

    Args:
        make: a new system of the kind that will be used.
        labels: int64 [n], numbers from 0.

    Returns:
        The threshold, and the mean of (share of held-out questions in scope with the right intent, share of questions
        out of scope that are refused) which it reaches in cross-validation.
    """
    n_labels = int(labels.max()) + 1
    best, right, inside = [], [], []
    for train, within, without in held_out_intents(labels, n_folds, seed):
        system = make().fit([texts[i] for i in train], labels[train], n_labels)
        rows = np.concatenate([within, without])
        scores = system.scores([texts[i] for i in rows])
        best.append(scores.max(axis=1))
        right.append(scores.argmax(axis=1) == labels[rows])
        inside.append(np.arange(len(rows)) < len(within))
    return best_threshold(*(np.concatenate(part) for part in (best, right, inside)))


def best_threshold(best: np.ndarray, right: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """The threshold with the largest balanced accuracy, in the middle between two scores; and that accuracy.

    Args:
        best: float [n], the best score of each question. right: bool [n], is its intent the true one?
        inside: bool [n], is the question in scope?
    """
    order = np.argsort(-best, kind="stable")
    score = best[order]
    accepted = np.concatenate([[0], np.cumsum((right & inside)[order])]) / max(1, inside.sum())
    refused = 1 - np.concatenate([[0], np.cumsum(~inside[order])]) / max(1, (~inside).sum())
    value = (accepted + refused) / 2
    value[1:-1][score[1:] == score[:-1]] = -1  # no threshold lies between equal scores
    cut = int(value.argmax())
    edges = np.concatenate([[score[0] + 1e-6], score, [score[-1] - 1e-6]])
    return float((edges[cut] + edges[cut + 1]) / 2), float(value[cut])


def held_out_intents(labels: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per fold: rows to train on, held-out rows in scope, rows of the intents that are out of scope in this fold.

    Every intent is out of scope in one fold. Intents are dealt out by size, so that the folds are about as large.
    """
    from course_lib.core.seeds import generator

    random = generator(seed, "bench", "held-out intents")
    counts = np.bincount(labels)
    intents = random.permutation(np.flatnonzero(counts))
    intents = intents[np.argsort(-counts[intents], kind="stable")]
    sizes, group = np.zeros(n_folds), np.zeros(len(counts), dtype=np.int64)
    for intent in intents:
        group[intent] = sizes.argmin()
        sizes[group[intent]] += counts[intent]
    parts = []
    for fold in range(n_folds):
        outside = np.flatnonzero(group[labels] == fold)
        rest = np.flatnonzero(group[labels] != fold)
        train, held = next(iter(folds(labels[rest], 4, seed=seed + fold)))
        parts.append((rest[train], rest[held], outside))
    return parts


def folds(labels: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cross-validation in which each label's rows are spread over the folds; every label stays in every training part.

    A label's only row is never held out.

    Returns:
        Per fold: rows to train on, rows held out.
    """
    from course_lib.core.seeds import generator

    random = generator(seed, "bench", "folds")
    place = np.full(len(labels), -1, dtype=np.int64)
    turn = 0  # goes on from label to label, so that rare labels don't all fall into the first fold
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        if len(rows) > 1:
            place[rows] = (turn + np.arange(len(rows))) % n_folds
            turn += len(rows)
    return [(np.flatnonzero(place != fold), np.flatnonzero(place == fold)) for fold in range(n_folds)]


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
