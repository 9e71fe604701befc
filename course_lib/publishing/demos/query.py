"""The demo "type your own query": tokens, vector, and three lists, computed where the reader is.

Everything that the page needs travels with it: the encoder that the chapter trained, with int8 matrices; the products'
vectors, likewise; a word index. The first frame is computed in Python from the very same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.bilingual import LANGUAGES
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.language.encoder import TextEncoder
from course_lib.publishing.demos.base import Demo
from course_lib.publishing.demos.packing import dequantise, pack, quantise
from course_lib.publishing.demos.query_frame import WORDS, frame
from course_lib.publishing.demos.query_index import index_parts
from course_lib.publishing.demos.query_model import int8_encoder, model_parts
from course_lib.search.analysis import WORD
from course_lib.search.retrieval import BM25, Dense, reciprocal_rank_fusion
from course_lib.shop.measurement import evaluate
from course_lib.shop.shop import Shop

LISTS = ("words", "meaning", "both")


@dataclass(frozen=True, eq=False)
class Engine:
    """The page's computation in Python: the int8 encoder and the products' int8 vectors.

    Attributes:
        shop: English, at most 65,535 items. encoder: with rounded matrices. vectors: float32 [n_items, d], rounded.
    """

    shop: Shop
    encoder: TextEncoder
    vectors: np.ndarray

    @classmethod
    def of(cls, shop: Shop, encoder: TextEncoder) -> Engine:
        """Round an encoder and the vectors that it makes of a shop's products."""
        if shop.source.get("language", "en") != "en":
            raise ContractError("the demo's word index is English", where=f"shop {shop.name!r}")
        rounded = int8_encoder(encoder)
        return cls(shop, rounded, dequantise(*quantise(rounded.encode(shop.item_texts))))

    def search(self, texts: Sequence[str], keys: IdMap | None = None) -> dict[str, Ranking]:
        """The three lists: by words, by meaning, by both; each as long as it can be, as in the chapter's table."""
        depth = len(self.shop.items)
        words = BM25().fit(self.shop.items).search(texts, depth, keys=keys)
        dense = Dense(lambda texts: self.encoder.encode(texts)).fit(self.shop.items, vectors=self.vectors)
        meaning = dense.search(texts, depth, keys=keys)
        both = reciprocal_rank_fusion([words, meaning], depth)
        return dict(zip(LISTS, (words, meaning, both)))


def query_demo(
    shop: Shop, encoder: TextEncoder, *, judged: Sequence[int], example: int | None = None, engine: Engine | None = None
) -> Demo:
    """The demo with its first frame.

    Args:
        shop: English, with judgements.
        encoder: a small BERT with a WordPiece tokenizer, such as the one that ``language.finetuning`` returns.
        judged: rows of the queries whose grades the page may show: those that no model has seen.
        example: row of the query of the first frame; by default the first of ``judged`` on which the three lists differ,
            none of them perfect and none without a good product.
        engine: ``Engine.of(shop, encoder)``, where it is there already.

    Raises:
        ContractError: no judged query, an example that is none of them, another language, an encoder of another kind.
    """
    judged = [int(row) for row in judged]
    engine = engine or Engine.of(shop, encoder)
    example = _telling(engine, judged) if example is None and judged else example
    if example not in judged:
        raise ContractError(f"the example {example} is no judged query", remedy="Choose one of the rows in judged")
    texts = shop.queries["text"][:]
    grades = _grades(shop, judged)
    index = index_parts(shop.item_texts, texts)
    payload = _payload(engine, encoder, index, [texts[row] for row in judged], [grades[row] for row in judged])
    state = {
        "q": texts[example], "url": ["q"],
        "words": {language: {name: text.get(language) for name, text in WORDS.items()} for language in LANGUAGES},
    }  # fmt: skip
    shown = _shown(engine, texts[example], shop.query_ids.ids[example])
    asked = WORD.findall(texts[example].lower())
    shown["unknown"] = [word for word in dict.fromkeys(asked) if word not in index[0]["words"]]
    kinds = dict(zip(reversed([shop.queries["kind"][row] for row in judged]), reversed([texts[row] for row in judged])))
    offered = [kinds[kind] for kind in sorted(kinds) if kinds[kind] != texts[example]]  # the first of each kind
    titles = shop.items["title"][:]
    frames = {
        language: frame(language, texts[example], offered, titles, grades[example], **shown) for language in LANGUAGES
    }
    return Demo("query", frames, state, payload)


def _grades(shop: Shop, rows: Sequence[int]) -> dict[int, dict[int, int]]:
    """Of each query row: item row -> grade."""
    table = shop.judgements.with_format("numpy")
    queries, items = shop.query_ids.rows(table["query_id"][:].tolist()), shop.item_ids.rows(table["item_id"][:].tolist())
    found: dict[int, dict[int, int]] = {row: {} for row in rows}
    for query, item, grade in zip(queries.tolist(), items.tolist(), table["grade"][:].tolist()):
        if query in found:
            found[query][item] = grade
    return found


def _telling(engine: Engine, judged: list[int]) -> int:
    """The first query on which the three lists differ, none of them perfect and none without a good product."""
    shop = engine.shop
    keys = IdMap("query", shop.query_ids.take(judged))
    rankings = engine.search([shop.queries["text"][row] for row in judged], keys).values()
    own = np.isin(np.asarray(shop.judgements["query_id"][:]), keys.ids)
    judgements = shop.judgements.select(np.flatnonzero(own))
    reports = [evaluate(ranking, judgements, "ndcg@10") for ranking in rankings]
    values = np.stack([report.per_query["ndcg@10"] for report in reports])
    apart = np.abs(values - np.roll(values, 1, axis=0)).min(axis=0) >= 0.05
    good = apart & (values > 0.1).all(axis=0) & (values < 1).all(axis=0)
    return judged[int(keys.rows([reports[0].keys[int(good.argmax())]])[0])]


def _payload(
    engine: Engine,
    encoder: TextEncoder,
    words: tuple[dict, dict[str, np.ndarray]],
    judged: list[str],
    grades: list[dict[int, int]],
) -> bytes:
    (model_meta, model), (index_meta, index) = model_parts(encoder), words
    items, scale = quantise(engine.vectors)
    meta = {**model_meta, **index_meta, "titles": engine.shop.items["title"][:], "judged": judged}
    return pack(meta, {
        **model, **index, "items": items, "items.scale": scale,
        "judged_starts": np.cumsum([0, *map(len, grades)]).astype(np.uint32),
        "judged_items": np.array([item for of in grades for item in of], dtype=np.uint16),
        "judged_grades": np.array([grade for of in grades for grade in of.values()], dtype=np.uint8),
    })  # fmt: skip


def _shown(engine: Engine, text: str, query_id: str) -> dict:
    """What the first frame shows: tokens, vector, and per list its items with scores, and NDCG@10."""
    keys = IdMap("query", [query_id])
    found = engine.search([text], keys)
    own = np.asarray(engine.shop.judgements["query_id"][:]) == query_id
    judgements = engine.shop.judgements.select(np.flatnonzero(own))
    encoder = engine.encoder
    tokens = encoder.tokenizer.convert_ids_to_tokens(encoder.tokenizer(text, truncation=True, max_length=encoder.max_length)["input_ids"])
    lists = [
        [(int(item), float(score)) for item, score in zip(ranking.ids[0, :10], ranking.scores[0, :10]) if item != PAD]
        for ranking in found.values()
    ]
    measured = [evaluate(ranking, judgements, "ndcg@10")["ndcg@10"] for ranking in found.values()]
    return {"tokens": tokens, "vector": encoder.encode([text])[0], "lists": lists, "ndcg": measured}
