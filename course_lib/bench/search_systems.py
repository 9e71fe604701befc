"""The five systems of ``course bench search``: each gives every product of the catalogue a score for every query.

- ``bm25``: words, in the setting of the data's reference figures.
- ``minilm``: cosines of the encoder as it was published.
- ``finetuned``: cosines of the same encoder after training on queries made from the products (``search_queries``).
- ``hybrid``: words in one field and in two, and the cosines of both encoders, in equal shares.
- ``reranked``: the first of ``hybrid`` by the cosines alone, what follows keeps its place; one of seven orders (``ORDERS``).

Nothing is trained on judgements of real queries. Which order a query gets is chosen by the judgements of the *other* queries
(``search_choice``); of ``hybrid`` nothing is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as pairs_of
from typing import Any

import numpy as np

from course_lib.bench.search_products import Product, read_products
from course_lib.bench.search_queries import hard_negatives, synthetic_pairs
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking, top_k
from course_lib.language.encoder import TextEncoder
from course_lib.language.features import extract, load_minilm
from course_lib.language.finetuning import train_bi_encoder
from course_lib.search.retrieval import BM25
from course_lib.shop.shop import Shop
from course_lib.shop.texts import item_texts

#: forms of ``hybrid``, half and half: words in one field, in two or (the mean) in both ways; the cosines of an encoder, or
#: of both. The last one has everything in equal shares and is the system; the others are measured beside it.
HYBRIDS = [f"{a}, {b}" for a, b in pairs_of(("one field", "two fields", "both"), ("minilm", "finetuned", "both"))]
#: forms of ``reranked``: the cosines of an encoder or of both, so many products deep; or the order of ``hybrid``
ORDERS = [f"{vectors}, {depth}" for vectors, depth in pairs_of(("minilm", "finetuned", "both"), (100, 1_000))]
ORDERS.append("as hybrid")
MAX_LENGTH = 64  #: tokens of a product that the fine-tuned encoder reads; training reads TRAIN_LENGTH
TRAIN_LENGTH = 40
NEAR = 100  #: nearest products of a synthetic query, among which its hard negative is looked for
RECIPE: dict[str, Any] = {"steps": 120, "batch_size": 48, "learning_rate": 5e-5}  #: of the fine-tuning

_HYPHEN = re.compile(r"\b(\w+)-(\w+)\b")


# -- words ------------------------------------------------------------------------------------------------------------
def fielded_scores(products: Sequence[Product], queries: Sequence[str]) -> np.ndarray:
    """BM25 over titles and over all fields, attributes included, each scaled, half and half: float32 [n, n_items], 0 to 1.

    A word of the title says what a product is, one further down what it fits or has. "Wi-Fi" is indexed as "WiFi" too.
    """
    titles = [joined(f"{p.title} {p.kind}") for p in products]
    wholes = [joined(" ".join([p.title, p.brand, p.details, *(value for _, value in p.attributes)])) for p in products]
    asked = [joined(query) for query in queries]
    return sum(scaled(bm25_scores(texts, asked), low=0) for texts in (titles, wholes)) / 2


def bm25_scores(texts: Sequence[str], queries: Sequence[str]) -> np.ndarray:
    """BM25 of every text for every query, 0 where no word is shared: float32 [n, n_texts]."""
    found = BM25().fit(texts).search(queries, len(texts), keys=IdMap("query", range(len(queries))))
    scores = np.zeros((len(queries), len(texts)), dtype=np.float32)
    row, place = np.nonzero(found.ids != PAD)
    scores[row, found.ids[row, place]] = found.scores[row, place]
    return scores


def joined(text: str) -> str:
    """The text, with the two halves of each hyphenated word in one piece behind it."""
    return " ".join([text, *(f"{a}{b}" for a, b in _HYPHEN.findall(text))])


# -- vectors ----------------------------------------------------------------------------------------------------------
def finetune(
    encoder: TextEncoder,
    products: Sequence[Product],
    vectors: np.ndarray,
    *,
    seed: int = 0,
    steps: int = RECIPE["steps"],
    progress: bool = True,
) -> tuple[TextEncoder, dict[str, Any]]:
    """The encoder after training on synthetic queries, each with a hard negative; and what it was trained on.

    The word vectors stay as they are: what they know of words that no product text holds is what a shopper's query needs.

    Args:
        vectors: float32 [n_items, d], of the products by the encoder as it is; hard negatives are looked for among them.
    """
    size = RECIPE["batch_size"]
    pairs = synthetic_pairs(products, steps * size, seed=seed)
    distinct = list(dict.fromkeys(pair.query for pair in pairs))
    place = {query: row for row, query in enumerate(distinct)}
    near, _ = top_k(extract(encoder, distinct), vectors, min(NEAR, len(products)))
    negatives = hard_negatives(pairs, products, near[[place[pair.query] for pair in pairs]], seed=seed)
    start = encoder.copy()
    start.max_length = TRAIN_LENGTH
    start.model.embeddings.requires_grad_(False)
    tuned, history = train_bi_encoder(
        start,
        [(pair.query, pair.text) for pair in pairs],
        # Products of one kind are no wrong answers to each other's queries.
        ids=[(pair.query, pair.group) for pair in pairs],
        negatives=negatives,
        steps=steps,
        batch_size=size,
        learning_rate=RECIPE["learning_rate"],
        seed=seed,
        name="finetuned",
        progress=progress,
    )
    tuned.max_length = MAX_LENGTH
    told = {"synthetic_pairs": len(pairs), "distinct_queries": len(distinct), **RECIPE, "steps": steps}
    return tuned, {**told, "first_loss": history.loss[0], "last_loss": history.loss[-1]}


# -- both -------------------------------------------------------------------------------------------------------------
def scaled(scores: np.ndarray, low: float | None = None) -> np.ndarray:
    """Each row from 0 (its lowest score, or ``low``) to 1 (its highest): scores of different kinds get a common unit."""
    floor = scores.min(axis=1, keepdims=True) if low is None else low
    return (scores - floor) / np.maximum(scores.max(axis=1, keepdims=True) - floor, 1e-9)


def rerank(first: Ranking, scores: np.ndarray, depth: int) -> Ranking:
    """The first ``depth`` of each row in the order of ``scores``, float [n, n_items]; what follows keeps its place."""
    ids = first.ids.copy()
    for row, listed in enumerate(first.ids[:, :depth]):
        shown = listed[listed != PAD]
        ids[row, : len(shown)] = shown[np.argsort(-scores[row, shown], kind="stable")]
    falling = np.where(ids == PAD, -np.inf, -np.arange(ids.shape[1], dtype=np.float32))
    return Ranking(ids, falling, first.keys, first.items)


# -- the five systems -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of every query, each as long as the catalogue.

    Attributes:
        fixed: ``bm25``, ``minilm``, ``finetuned``, ``hybrid``. hybrids: one of each form of ``HYBRIDS``.
        cosines: ``minilm``, ``finetuned``, ``both`` → float32 [n, n_items], scaled.
    """

    fixed: Mapping[str, Ranking]
    hybrids: Mapping[str, Ranking]
    cosines: Mapping[str, np.ndarray]

    def reranked(self, hybrid: Ranking) -> dict[str, Ranking]:
        """The lists of ``hybrid`` in each form of ``ORDERS``."""
        found = {}
        for form in ORDERS[:-1]:
            vectors, depth = form.split(", ")
            found[form] = rerank(hybrid, self.cosines[vectors], int(depth))
        return {**found, ORDERS[-1]: hybrid}


class Systems:
    """The systems of one shop; what doesn't depend on the seed is computed once.

    Args:
        shop: with items, queries and judgements; the judgements are not read.
        run: ``run(system, work)`` calls ``work`` and measures its time.
        steps: at most so many of the fine-tuning; ``None``: those of ``RECIPE``.

    Attributes:
        told: system → its settings and what it was trained on, of the first seed.
    """

    def __init__(
        self,
        shop: Shop,
        run: Callable[[str, Callable[[], Any]], Any],
        *,
        steps: int | None = None,
        progress: bool = True,
    ):
        self._shop, self._run, self._progress = shop, run, progress
        self._steps = min(steps or RECIPE["steps"], RECIPE["steps"])
        self.told: dict[str, dict[str, Any]] = {}
        self._queries: list[str] = shop.queries["text"][:]
        self._products = run("load", lambda: read_products(shop.items))
        self._bm25 = run("bm25", lambda: bm25_scores(item_texts(shop.items), self._queries))
        self._encoder = run("load", load_minilm)
        self._vectors, self._minilm = run("minilm", lambda: cosines(self._encoder, shop.item_texts, self._queries))
        self._words = run("hybrid", lambda: fielded_scores(self._products, self._queries))

    def rank(self, seed: int = 0) -> Lists:
        """The lists of every system, with the encoder fine-tuned by this seed."""
        finetuned = self._run("finetuned", lambda: self._tuned(seed))
        near = {"minilm": scaled(self._minilm), "finetuned": scaled(finetuned)}
        near["both"] = (near["minilm"] + near["finetuned"]) / 2
        fixed = {
            # A product without any word of the query is no result of a lexical search.
            "bm25": self._list(np.where(self._bm25 > 0, self._bm25, -np.inf)),
            "minilm": self._list(self._minilm),
            "finetuned": self._list(finetuned),
        }
        hybrids = self._run("hybrid", lambda: self._hybrids(near))
        return Lists({**fixed, "hybrid": hybrids[HYBRIDS[-1]]}, hybrids, near)

    def _hybrids(self, near: Mapping[str, np.ndarray]) -> dict[str, Ranking]:
        words = {"one field": scaled(self._bm25, low=0), "two fields": self._words}
        words["both"] = (words["one field"] + words["two fields"]) / 2
        return {f"{a}, {b}": self._list((words[a] + near[b]) / 2) for a, b in (form.split(", ") for form in HYBRIDS)}

    def _tuned(self, seed: int) -> np.ndarray:
        settings = {"seed": seed, "steps": self._steps, "progress": self._progress}
        encoder, told = finetune(self._encoder, self._products, self._vectors, **settings)
        self.told.setdefault("finetuned", told)
        return cosines(encoder, [product.text() for product in self._products], self._queries)[1]

    def _list(self, scores: np.ndarray) -> Ranking:
        shop = self._shop
        return Ranking.from_scores(scores, len(shop.items), keys=shop.query_ids, items=shop.item_ids)


def cosines(encoder: TextEncoder, texts: Sequence[str], queries: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of the texts, float32 [n_texts, d], and the cosine of each query with each: float32 [n, n_texts]."""
    vectors = extract(encoder, texts)
    return vectors, extract(encoder, queries) @ vectors.T
