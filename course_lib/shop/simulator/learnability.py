"""Whether there is something to learn in a simulated shop: well-kept libraries tried on it, before any method of ours.

Each function returns numbers for a figure. Their results never decide a parameter: the parameters are frozen.
"""

from __future__ import annotations

import re
from typing import Any

import bm25s
import numpy as np
import Stemmer

from course_lib.shop.log import CLICK, IMPRESSION, Log
from course_lib.shop.simulator.calendar import START, WEEK

_FRACTION = 0.8  #: of the events lie before the split


def lexical_search(shop: Any, language: str = "en", k: int = 10) -> dict[str, float]:
    """Mean NDCG@k of BM25 (``bm25s``, Lucene's form) over the whole catalogue, by kind of query and for ``all``.

    The gold is the latent relevance of every item (gain 2^grade − 1), so an oracle scores 1. Queries without any
    relevant item are left out. ``model_first`` is the share of model numbers whose product comes first.
    """
    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index([_terms(text, language) for text in shop.item_texts], show_progress=False)
    kinds, scores, first = shop.queries["kind"][:], {}, []
    discount = 1 / np.log2(np.arange(2, k + 2))
    for query, text in enumerate(shop.queries["text"][:]):
        grades = shop.truth.relevance[query].toarray().ravel()
        if not grades.any():
            continue
        found = index.get_scores(_terms(text, language))
        top = np.argsort(-found, kind="stable")[:k]
        top = top[found[top] > 0]  # what shares no word with the query isn't found
        ideal = np.sort(grades)[::-1][:k]
        gain = (2.0 ** grades[top] - 1) @ discount[: len(top)] / ((2.0**ideal - 1) @ discount[: len(ideal)])
        scores.setdefault(kinds[query], []).append(gain)
        if kinds[query] == "model":
            first.append(len(top) > 0 and grades[top[0]] == 3)
    means = {kind: float(np.mean(values)) for kind, values in sorted(scores.items())}
    everything = float(np.mean(np.concatenate(list(scores.values()))))
    return {**means, "all": everything, "model_first": float(np.mean(first)) if first else float("nan")}


def _terms(text: str, language: str) -> list[str]:
    """Stemmed words; pairs of neighbouring characters and Latin words in 中文."""
    words = re.findall(r"[0-9a-z]+", text.lower())
    if language == "en":
        return Stemmer.Stemmer("english").stemWords(words)
    runs = re.findall(r"[\u4e00-\u9fff]+", text)
    return words + [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]


def collaborative(shop: Any, k: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    """Recall@k for each user of items that are new to the user after one split in time, full catalogue.

    Returns:
        float [n_users] each: ``popularity``, ``cosine`` and ``ials`` (``implicit``), over the same users.
    """
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    past, names, wanted = _split(shop)
    train = (past.matrix > 0).astype(np.float32).tocsr()
    rows = past.users.rows(names)
    seen = train[rows].toarray() > 0

    def recall(scores: np.ndarray) -> np.ndarray:
        top = np.argsort(-np.where(seen, -np.inf, scores), axis=1, kind="stable")[:, :k]
        hits = np.take_along_axis(wanted, top, axis=1).sum(axis=1)
        return hits / wanted.sum(axis=1)

    cosine = CosineRecommender(K=200, num_threads=1)
    cosine.fit(train, show_progress=False)
    ials = AlternatingLeastSquares(
        factors=32, regularization=10.0, alpha=10.0, iterations=15, num_threads=1, random_state=seed
    )
    ials.fit(train, show_progress=False)
    return {
        "popularity": recall(np.tile(np.asarray(train.sum(axis=0)).ravel(), (len(rows), 1))),
        "cosine": recall((train[rows] @ cosine.similarity).toarray()),
        "ials": recall(ials.user_factors[rows] @ ials.item_factors.T),
    }


def cold_start(shop: Any, k: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Recall@k for each user among the items launched after the split, which nobody has clicked yet.

    Returns:
        float [n_users] each: ``content`` (TF-IDF similarity of the item's text to those the user clicked before) and
        ``random``. Collaborative methods have nothing to say: these items have no past. ``items``: how many there are.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    past, names, wanted = _split(shop)
    cold = np.flatnonzero(shop.truth.launch_week > (shop.split_time(_FRACTION) - START) // WEEK)
    wanted = wanted[:, cold]
    active = wanted.any(axis=1)
    rows = past.users.rows([name for name, flag in zip(names, active) if flag])
    wanted = wanted[active]
    vectors = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 3), min_df=2).fit_transform(
        shop.item_texts
    )
    likes = (past.matrix[rows] > 0).astype(np.float32) @ vectors
    rng = np.random.default_rng(seed)
    scores = {"content": (likes @ vectors[cold].T).toarray(), "random": rng.random(wanted.shape)}
    result = {}
    for name, score in scores.items():
        top = np.argsort(-score, axis=1, kind="stable")[:, :k]
        result[name] = np.take_along_axis(wanted, top, axis=1).sum(axis=1) / np.maximum(wanted.sum(axis=1), 1)
    return {**result, "items": np.array(len(cold))}


def _split(shop: Any) -> tuple[Any, list[str], np.ndarray]:
    """Past interactions; the users with new items afterwards; bool [n_users, n_items] which."""
    moment = shop.split_time(_FRACTION)
    past = shop.interactions(until=moment)
    new = shop.interactions(since=moment).without(past).of_users(past.users.ids)
    names = new.active_users()
    return past, names, new.matrix[new.users.rows(names)].toarray() > 0


def propensity_weighting(shop: Any, log: Log, least: int = 30) -> dict[str, float]:
    """Clicks of query–item pairs as evidence of relevance: as they are, and weighted by the true propensity to examine.

    For each pair shown at least ``least`` times, the click rate (``naive``) and the mean of click / examination
    (``weighted``; inverse propensity scoring, Joachims, Swaminathan & Schnabel, WSDM 2017) are held against the mean
    P(click | examined) of its impressions, from the truth.

    Returns:
        naive_bias, weighted_bias: mean signed error relative to the mean truth; naive_order, weighted_order:
        correlation with the truth; pairs: their number.
    """
    truth, n_items = shop.truth, len(shop.items)
    searched = log.query >= 0
    pair = log.query * n_items + log.item
    shown = searched & (log.kind == IMPRESSION)
    clicked = searched & (log.kind == CLICK)
    pairs, row = np.unique(pair[shown], return_inverse=True)
    views = np.bincount(row)
    at = np.searchsorted(pairs, pair[clicked])
    n = len(pairs)
    naive = np.bincount(at, minlength=n) / views
    weighted = np.bincount(at, 1 / truth.examination[log.position[clicked]], n) / views
    latent = np.bincount(row, truth.attraction[shown], n) / views
    kept = views >= least
    result: dict[str, float] = {"pairs": float(kept.sum())}
    for name, estimate in (("naive", naive), ("weighted", weighted)):
        result[f"{name}_bias"] = float((estimate - latent)[kept].mean() / latent[kept].mean())
        result[f"{name}_order"] = float(np.corrcoef(estimate[kept], latent[kept])[0, 1])
    return result


def off_policy(shop: Any, log: Log) -> dict[str, float]:
    """Click rate of the first position under the production ranker, estimated from the randomised pages alone.

    Impressions of randomised pages are weighted by production / uniform propensity (inverse propensity scoring, self-
    normalised). The random ordering can show everything that production shows, so nothing is out of reach.

    Returns:
        ``uniform`` (no weights: the random ordering's own rate), ``weighted``, ``production`` (what its pages saw), and
        ``error``, the standard error of ``weighted``.
    """
    truth, first = shop.truth, log.position == 0
    shown, clicked = (truth.randomised & first & (log.kind == kind) for kind in (IMPRESSION, CLICK))
    weight = truth.production_propensity / truth.random_propensity
    total = weight[shown].sum()
    weighted = weight[clicked].sum() / total
    # Delta method: residuals w (c - r), where c is 1 for the impressions that were clicked.
    square = (weight[shown] ** 2).sum() * weighted**2 + (weight[clicked] ** 2).sum() * (1 - 2 * weighted)
    pages = ~truth.randomised & first
    return {
        "uniform": float(clicked.sum() / shown.sum()),
        "weighted": float(weighted),
        "production": float((pages & (log.kind == CLICK)).sum() / (pages & (log.kind == IMPRESSION)).sum()),
        "error": float(np.sqrt(square) / total),
    }
