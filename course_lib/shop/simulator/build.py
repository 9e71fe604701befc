"""``simulate``: from sizes and a seed to the tables of a shop and the truth behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.core.tables import EVENT_KINDS, make_table
from course_lib.shop.simulator import behaviour, shelves
from course_lib.shop.simulator.calendar import draw_price_factor, make_calendar, n_weeks
from course_lib.shop.simulator.catalogue import NONE, draw_items
from course_lib.shop.simulator.fashion import draw_fashion
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.people import BUDGETS, GROUPS, People, draw_people, item_factors
from course_lib.shop.simulator.queries import draw_queries
from course_lib.shop.simulator.reformulation import STEPS, find_links
from course_lib.shop.simulator.relevance import judge, relevance
from course_lib.shop.simulator.sellers import add_spam
from course_lib.shop.simulator.sizes import check_sizes, check_whole
from course_lib.shop.simulator.stock import draw_stock
from course_lib.shop.simulator.text import realise
from course_lib.shop.simulator.truth import Truth
from course_lib.shop.simulator.vocabulary import LANGUAGES, Vocabulary, vocabulary

SOURCE = {
    "name": "simulated shop",
    "licence": "CC BY 4.0",
    "cite": "Simulated by course_lib.shop.simulator; brands, people and products are invented.",
}


def simulate(
    n_items: int,
    n_users: int,
    n_queries: int,
    events_per_user: int,
    seed: int,
    language: str,
    parameters: Parameters | None = None,
) -> dict[str, Any]:
    """The fields of a ``Shop``: name, items, queries, judgements, users, events, truth, source.

    The same arguments give the same tables in every process. Items are the same products in both languages, and so are
    the users' traits that don't depend on queries; queries and events are drawn anew, because wording decides which
    queries exist.

    Args:
        n_items, n_users, n_queries: sizes of the catalogue, the user base and the set of distinct queries.
        events_per_user: mean number of events; the log has exactly ``n_users · events_per_user``.
        seed: a whole number ≥ 0.
        language: ``"en"`` or ``"zh"``.
        parameters: other knobs than the defaults.

    Raises:
        ContractError: a size below 1 or beyond the machine's memory, a negative seed, a value of the wrong type, an
            unknown language, or more queries than the vocabulary yields.
    """
    check_sizes(n_items, n_users, n_queries, events_per_user)
    check_whole("seed", seed, at_least=0)
    if language not in LANGUAGES:
        raise ContractError(f"unknown language {language!r}", where="language", remedy=f"Use one of {LANGUAGES}")
    if parameters is not None and not isinstance(parameters, Parameters):
        remedy = "Give Parameters(…), e.g. Parameters(randomised=0.5)"
        raise ContractError(f"got a {type(parameters).__name__}: {parameters!r}", where="parameters", remedy=remedy)
    parameters, vocab, seed = parameters or Parameters(), vocabulary(), int(seed)

    catalogue = draw_items(int(n_items), vocab, parameters, generator(seed, "items"))
    catalogue = add_spam(catalogue, vocab, parameters, generator(seed, "sellers"))
    words = realise(catalogue, vocab, language, generator(seed, "text"))
    texts = [f"{title} \n{description}" for title, description in zip(words["title"], words["description"])]
    queries = draw_queries(int(n_queries), catalogue, vocab, texts, language, parameters, generator(seed, "queries"))
    grades = relevance(queries.leaf, queries.constraints, catalogue, vocab)
    demand = shelves.leaf_demand(catalogue, queries, len(vocab.leaves))
    people = draw_people(int(n_users), demand, parameters, generator(seed, "people"))
    of_leaves, of_items = parameters.fashion
    trend = draw_fashion(
        len(demand), n_weeks(parameters), of_leaves, parameters.fashion_memory, generator(seed, "fashion of leaves")
    )
    calendar = make_calendar(vocab, demand, trend, parameters)
    fashion = draw_fashion(
        len(catalogue), calendar.n_weeks, of_items, parameters.fashion_memory, generator(seed, "fashion of items")
    )
    stock = draw_stock(len(catalogue), calendar.n_weeks, parameters, generator(seed, "stock"))
    factors = item_factors(catalogue, vocab, generator(seed, "factors"))
    appeal = shelves.ranker_appeal(catalogue, factors, people, stock, parameters)
    world = behaviour.World(
        catalogue=catalogue, queries=queries, links=find_links(queries, parameters), people=people,
        related=vocab.related, demand=demand,
        parameters=parameters, item_factors=factors, stock=stock, calendar=calendar,
        price_factor=draw_price_factor(len(catalogue), calendar.sale, parameters, generator(seed, "prices")),
        fashion=fashion,
        median_price=np.array([leaf.price for leaf in vocab.leaves]),
        pages=shelves.prepare_pages(catalogue, grades, people, demand, appeal, stock, parameters, seed),
    )  # fmt: skip
    log = behaviour.draw_log(world, int(n_users) * int(events_per_user), seed)

    item_ids, query_ids = _ids("I", len(catalogue)), _ids("Q", len(queries.text))
    user_ids = _ids("U", len(people.cluster))
    asked, judged, grade = judge(grades, parameters.judged_irrelevant, generator(seed, "judgements"))
    segments = np.array([name for name, _ in parameters.elasticities])
    return {
        "name": "simulate",
        "items": make_table("items", {"item_id": item_ids.tolist(), **words, "price": catalogue.price}),
        "queries": make_table(
            "queries",
            {
                "query_id": query_ids.tolist(), "text": queries.text, "kind": queries.kind, "wording": queries.wording,
                "frequency": queries.frequency, "band": queries.band,
            },
        ),
        "judgements": make_table(
            "judgements",
            {"query_id": _take(query_ids, asked), "item_id": _take(item_ids, judged), "grade": grade},
        ),
        "users": make_table(
            "users",
            {
                "user_id": user_ids.tolist(), "segment": segments[people.segment].tolist(),
                "budget": np.array(BUDGETS)[people.budget].tolist(),
                "group": np.array(GROUPS)[people.group].tolist(),
            },
        ),
        "events": make_table("events", _event_columns(log, user_ids, item_ids, query_ids)),
        "truth": _truth(world, vocab, grades, log, language),
        "source": {**SOURCE, "seed": seed, "language": language},
    }  # fmt: skip


def _event_columns(
    log: dict[str, np.ndarray], user_ids: np.ndarray, item_ids: np.ndarray, query_ids: np.ndarray
) -> dict[str, Any]:
    # Sessions are numbered in the order in which they begin.
    _, first, inverse = np.unique(log["session"], return_index=True, return_inverse=True)
    number = np.argsort(np.argsort(first))
    session_ids = _ids("S", len(first))
    return {
        "user_id": _take(user_ids, log["user"]),
        "item_id": _take(item_ids, log["item"]),
        "kind": _take(EVENT_KINDS, log["kind"]),
        "timestamp": log["timestamp"],
        "session_id": _take(session_ids, number[inverse]),
        "query_id": _take(np.append(query_ids, ""), np.where(log["query"] == NONE, len(query_ids), log["query"])),
        "position": log["position"],
        "propensity": log["propensity"],
        "price": log["price"],
    }


def _truth(
    world: behaviour.World, vocab: Vocabulary, grades: csr_matrix, log: dict[str, np.ndarray], language: str
) -> Truth:
    catalogue, people, queries = world.catalogue, world.people, world.queries
    return Truth(
        relevance=grades,
        examination=behaviour.examination(world.parameters),
        attraction=log["attraction"],
        randomised=log["randomised"],
        production_propensity=log["production"],
        random_propensity=log["uniform"],
        randomised_share=world.parameters.randomised,
        step=log["step"],
        previous_query=log["previous"],
        steps=STEPS,
        query_constraints=queries.constraints,
        query_correction=queries.correction,
        query_leaf=queries.leaf,
        item_leaf=catalogue.leaf,
        leaves=[vocab.category(leaf, language) for leaf in range(len(vocab.leaves))],
        item_quality=catalogue.quality,
        item_popularity=catalogue.popularity,
        item_factors=world.item_factors,
        user_factors=people.factors,
        user_cluster=people.cluster,
        user_group=people.group,
        item_stuffed=catalogue.stuffing[:, 0] != NONE,
        item_original=catalogue.original,
        launch_week=world.stock.launch,
        available=world.stock.available,
        early_taste=_taste(people, 0, world),
        late_taste=_taste(people, 1, world),
        drift=world.parameters.drift,
        elasticity=people.elasticity,
        price_factor=world.price_factor,
        season=world.calendar.season,
        trend=world.calendar.trend,
        fashion=world.fashion,
        sale=world.calendar.sale,
    )


def _taste(people: People, late: int, world: behaviour.World) -> csr_matrix:
    """Share of each leaf in a user's sessions: own taste, and the part that explores the shop is left out."""
    n, m = people.shares.shape
    users = np.repeat(np.arange(n), m)
    entries = (people.shares.ravel(), (users, people.leaves[late].ravel()))
    return csr_matrix(entries, shape=(n, len(world.demand)))


def _ids(letter: str, n: int) -> np.ndarray:
    width = max(5, len(str(n)))
    return np.array([f"{letter}{row:0{width}d}" for row in range(n)], dtype=object)


def _take(texts: Sequence[str], rows: np.ndarray) -> pa.StringArray:
    """The texts of these rows, never as Python objects: a log has tens of millions of them."""
    return pa.array(texts, type=pa.string()).take(pa.array(rows))

