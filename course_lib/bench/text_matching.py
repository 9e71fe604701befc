"""Which two descriptions are the same product? Every system gives a score to a pair; the threshold is chosen on valid.

- ``tfidf``: cosines of TF-IDF (titles, whole descriptions; words, letters) into logistic regression, C chosen on valid.
- ``minilm``: the encoder as it was published: cosine of the two descriptions' vectors.
- ``similarity``: boosted trees on all that ``text_features`` compares, without any encoder: what ``finetuned`` has beyond
  it is the encoder alone.
- ``finetuned``: the same trees, which also see likeness and competition in the fine-tuned encoder's space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.bench.text_data import Pairs
from course_lib.bench.text_features import Views, competition, details, serialised
from course_lib.core.errors import CourseError
from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder
from course_lib.language.features import extract, load_minilm
from course_lib.language.finetuning import train_bi_encoder

C_GRID = (0.1, 1.0, 10.0, 100.0)
TREES = {"max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 15, "l2_regularization": 1.0, "max_features": 0.5}
ENSEMBLE = 5  #: boosted models with seeds of their own, whose probabilities are averaged
MAX_LENGTH = 48  #: tokens of a description
FINETUNED = "finetuned"
RECIPE = {"epochs": 4.0, "learning_rate": 1e-4}  #: of the fine-tuning, chosen on valid


def guess_pairs(
    data: Pairs, recipe: dict[str, Any], seeds: Sequence[int], run: Callable[[str, Callable[[], Any]], Any]
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """Train every system on the train pairs, choose its threshold on the valid pairs, guess the test pairs once.

    Args:
        recipe: of the fine-tuning, as ``encoder_features`` takes it.
        seeds: one fine-tuning each; those after the first are named ``"finetuned SEED"``.
        run: ``run(system, work)`` calls ``work`` and measures its time.

    Returns:
        1 for each test pair that matches, else 0; system → guesses; system → what it chose.
    """
    encoder = run("load", lambda: load_minilm(max_length=MAX_LENGTH))
    truth = {split: rows[:, 2] for split, rows in data.splits.items()}
    views = run("tfidf", lambda: Views.of(data))
    lexical = run("similarity", lambda: lexical_features(data, views))

    def tuned(seed: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        near = encoder_features(data, encoder, **recipe, seed=seed)
        both = {split: np.hstack([lexical[split], near[split]]) for split in lexical}
        scores, told = boosted_scores(data, both, seed)
        return scores, {**told, "epochs": recipe["epochs"], "learning_rate": recipe["learning_rate"]}

    makers: dict[str, Callable[[], tuple[dict[str, np.ndarray], dict[str, Any]]]] = {
        "tfidf": lambda: tfidf_scores(data, views),
        "minilm": lambda: minilm_scores(data, encoder),
        "similarity": lambda: boosted_scores(data, lexical, seeds[0]),
    }
    for seed in seeds:
        name = FINETUNED if seed == seeds[0] else f"{FINETUNED} {seed}"
        makers[name] = lambda seed=seed: tuned(seed)
    guesses, chosen = {}, {}
    for name, make in makers.items():
        scores, told = run(name, make)
        threshold, reached = best_f1(truth["valid"], scores["valid"])
        guesses[name] = (scores["test"] >= threshold).astype(np.int64)
        chosen[name] = {**told, "threshold": threshold, "f1_on_valid": reached}
    return truth["test"], guesses, chosen


def best_f1(truth: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """The threshold with the largest F1 of ``score`` ≥ threshold, in the middle between two scores; and that F1."""
    order = np.argsort(-score, kind="stable")
    ranked, found = score[order], np.cumsum(truth[order])
    value = 2 * found / (np.arange(1, len(score) + 1) + truth.sum())
    value[:-1][ranked[1:] == ranked[:-1]] = -1  # no threshold lies between equal scores
    cut = int(value.argmax())
    below = ranked[cut + 1] if cut + 1 < len(ranked) else ranked[cut] - 1e-6
    return float((ranked[cut] + below) / 2), float(value[cut])


def tfidf_scores(data: Pairs, views: Views) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Scores of every split's pairs by logistic regression on cosines, and what was chosen on valid."""
    from sklearn.linear_model import LogisticRegression

    likeness = {split: views.likeness(rows) for split, rows in data.splits.items()}
    truth = {split: rows[:, 2] for split, rows in data.splits.items()}
    tried = {}
    for c in C_GRID:
        model = LogisticRegression(C=c, max_iter=500).fit(likeness["train"], truth["train"])
        scores = {split: model.predict_proba(x)[:, 1] for split, x in likeness.items()}
        tried[c] = (best_f1(truth["valid"], scores["valid"])[1], scores)
    c = max(C_GRID, key=lambda c: (tried[c][0], -c))
    return tried[c][1], {"c": c}


def minilm_scores(data: Pairs, encoder: TextEncoder) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Cosines of the two descriptions of every split's pairs; nothing is trained."""
    left, right = (extract(encoder, serialised(side)) for side in (data.left, data.right))
    return {s: (left[rows[:, 0]] * right[rows[:, 1]]).sum(axis=1) for s, rows in data.splits.items()}, {}


def lexical_features(data: Pairs, views: Views) -> dict[str, np.ndarray]:
    """Split → float64 [n, f]: competition in every view, and the details of the pair."""
    return {s: np.hstack([views.competition(rows), details(data, rows)]) for s, rows in data.splits.items()}


def boosted_scores(
    data: Pairs, features: dict[str, np.ndarray], seed: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Mean probability of ``ENSEMBLE`` boosted models trained on the train pairs."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    truth = data.splits["train"][:, 2]
    total = {split: np.zeros(len(x)) for split, x in features.items()}
    for number in range(ENSEMBLE):
        trees = HistGradientBoostingClassifier(**TREES, early_stopping=False, random_state=seed + number)
        trees.fit(features["train"], truth)
        for split, x in features.items():
            total[split] += trees.predict_proba(x)[:, 1] / ENSEMBLE
    return total, {}


def encoder_features(
    data: Pairs,
    encoder: TextEncoder,
    *,
    epochs: float,
    learning_rate: float,
    n_folds: int = 3,
    steps: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, np.ndarray]:
    """Likeness and competition in the space of a fine-tuned encoder: split → float64 [n, 3].

    The encoder is trained on the train pairs that match, with the other products of a batch as negatives (InfoNCE).
    A pair that it was trained on looks more alike to it than a new one. So the train pairs are described by encoders
    that never saw them: products of the left side are dealt into ``n_folds``, and each fold by an encoder trained on the
    others. Valid and test are described by each of these encoders, and the mean is taken.
    """
    left, right = serialised(data.left), serialised(data.right)
    train = data.splits["train"]
    random = generator(seed, "bench", "matching folds")
    fold_of = random.permutation(np.arange(len(left)) % n_folds)
    result = {split: np.zeros((len(rows), 3)) for split, rows in data.splits.items()}
    for fold in range(n_folds):
        mine = fold_of[train[:, 0]] == fold
        pairs = train[~mine & (train[:, 2] == 1)]
        if len(pairs) < 2:
            raise CourseError("too few matches to fine-tune on", where=data.name, remedy="Give more train pairs")
        tuned = _tune(encoder, left, right, pairs, epochs, learning_rate, steps, seed + fold, progress)
        vectors = extract(tuned, left), extract(tuned, right)
        result["train"][mine] = competition(*vectors, train[mine])
        for split in ("valid", "test"):
            result[split] += competition(*vectors, data.splits[split]) / n_folds
    return result


def _tune(
    encoder: TextEncoder,
    left: Sequence[str],
    right: Sequence[str],
    pairs: np.ndarray,
    epochs: float,
    learning_rate: float,
    steps: int | None,
    seed: int,
    progress: bool,
) -> TextEncoder:
    batch = min(64, len(pairs))
    wanted = max(1, round(epochs * len(pairs) / batch))
    start = encoder.copy()
    start.model.embeddings.requires_grad_(False)
    tuned, _ = train_bi_encoder(
        start,
        [(left[a], right[b]) for a, b, _ in pairs],
        ids=[(int(a), int(b)) for a, b, _ in pairs],
        steps=min(wanted, steps or wanted),
        batch_size=batch,
        learning_rate=learning_rate,
        seed=seed,
        name="finetuned",
        progress=progress,
    )
    return tuned
