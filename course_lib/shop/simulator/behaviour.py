"""The log: sessions, page views, examination falling with position, clicks, carts and purchases.

A session has one leaf in mind. It views one page or more: searches (the query drawn by frequency among those for the
leaf), the leaf's category page, or the home page of the user's cluster. An item is clicked when the user examines its
position *and* finds it attractive (position-based model: Craswell et al., WSDM 2008); some clicks become carts, and
some carts purchases, fewer where the price of the week is high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.simulator.catalogue import NONE, Catalogue
from course_lib.shop.simulator.pages import Pages, prepare
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.people import People
from course_lib.shop.simulator.queries import Queries
from course_lib.shop.simulator.relevance import grade_pairs

START = 1_735_516_800  #: Monday 2024-12-30 00:00 UTC
DAY, WEEK = 86_400, 604_800
IMPRESSION, CLICK, CART, PURCHASE = range(4)  #: rows of ``core.tables.EVENT_KINDS``
SEARCH, CATEGORY, HOME = range(3)
#: grade that a page without a query has for the items of the session's leaf, and for all others
_BROWSE_GRADE = (2.0, 0.5)


@dataclass(frozen=True, eq=False)
class World:
    """All that the log depends on."""

    catalogue: Catalogue
    queries: Queries
    people: People
    item_factors: np.ndarray
    price_factor: np.ndarray
    related: np.ndarray
    median_price: np.ndarray
    demand: np.ndarray
    pages: Pages
    parameters: Parameters


def leaf_demand(catalogue: Catalogue, queries: Queries, n_leaves: int) -> np.ndarray:
    """float [n_leaves], sums to 1: half what people search for, half what is popular; 0 for leaves without items."""
    asked = np.bincount(queries.leaf, weights=queries.frequency, minlength=n_leaves)
    popular = np.bincount(catalogue.leaf, weights=catalogue.popularity, minlength=n_leaves)
    demand = np.where(popular > 0, 0.7 * asked + 0.3 * popular, 0.0)
    return demand / demand.sum()


def draw_price_factor(n_items: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """float32 [n_items, n_weeks]: a little noise every week, and a promotion in some weeks."""
    shape = (n_items, -(-parameters.days // 7))
    off = np.where(rng.random(shape) < parameters.promotion, rng.uniform(0.1, 0.3, shape), 0.0)
    return (np.exp(0.04 * rng.standard_normal(shape)) * (1 - off)).astype(np.float32)


def prepare_pages(
    catalogue: Catalogue, grades: csr_matrix, people: People, demand: np.ndarray, parameters: Parameters, seed: int
) -> Pages:
    """The shop's pages in the order: queries, leaves, clusters. A page without eligible items shows nothing."""
    log_popularity = np.log(catalogue.popularity)
    spread = log_popularity.std() or 1.0
    appeal = parameters.ranker_popularity * (log_popularity - log_popularity.mean()) / spread
    rows = [grades.indices[a:b].astype(np.int64) for a, b in zip(grades.indptr, grades.indptr[1:])]
    scores = [grades.data[a:b] + appeal[items] for a, b, items in zip(grades.indptr, grades.indptr[1:], rows)]
    by_leaf = [np.flatnonzero(catalogue.leaf == leaf) for leaf in range(len(demand))]
    for leaves in by_leaf + _home_pages(catalogue, people, by_leaf, demand, parameters):
        rows.append(leaves)
        scores.append(appeal[leaves])
    return prepare(
        rows, scores, length=parameters.list_length, variants=parameters.variants,
        noise=parameters.ranker_noise, randomised=parameters.randomised, rng=generator(seed, "pages"),
    )  # fmt: skip


def _home_pages(
    catalogue: Catalogue, people: People, by_leaf: list[np.ndarray], demand: np.ndarray, parameters: Parameters
) -> list[np.ndarray]:
    """Eligible items of each cluster's home page: the ten leaves that its users shop in most (no user: all)."""
    homes = []
    for cluster in range(parameters.clusters):
        wanted = np.bincount(people.leaves[0][people.cluster == cluster].ravel(), minlength=len(demand))
        best = np.flatnonzero(wanted >= max(1, np.sort(wanted)[-min(10, len(wanted))]))
        leaves = best if len(best) else np.flatnonzero(demand)
        homes.append(np.sort(np.concatenate([by_leaf[leaf] for leaf in leaves])))
    return homes


def draw_log(world: World, n_events: int, seed: int) -> dict[str, np.ndarray]:
    """A log of exactly ``n_events`` events, in time order.

    Sessions are drawn in batches until there are enough events; the last session is cut short, as a log is.

    Returns:
        int arrays [n_events] user, item, kind, timestamp, session, query (NONE: no query), position; float propensity,
        price, attraction; bool randomised.

    Raises:
        ContractError: no page of the shop can show an item.
    """
    rng = generator(seed, "log")
    batches, total, sessions, per_session = [], 0, 0, 16.0
    while total < n_events:
        batch_size = int((n_events - total) / per_session * 1.05) + 8
        batch = _draw_sessions(world, batch_size, rng)
        batch["session"] += sessions
        sessions += batch_size
        batches.append(batch)
        total += len(batch["item"])
        per_session = max(1.0, total / sessions)
        if not total and sessions > 10_000:  # some empty searches are ordinary
            raise ContractError("no page of the shop shows an item", where="parameters.page_shares")
    log = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    # Sessions are independent draws, so cutting by session number biases nothing; only the last one is incomplete.
    kept = np.lexsort((log["kind"], log["timestamp"], log["session"]))[:n_events]
    kept = kept[np.lexsort((log["kind"][kept], log["session"][kept], log["timestamp"][kept]))]
    return {name: values[kept] for name, values in log.items()}


def _draw_sessions(world: World, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    parameters, people = world.parameters, world.people
    user = rng.choice(len(people.activity), size=n, p=people.activity)
    day_weight = np.resize(parameters.weekday_weights, parameters.days)
    day = rng.choice(parameters.days, size=n, p=day_weight / day_weight.sum())
    second = (rng.beta(4, 2, size=n) * (DAY - 3600)).astype(np.int64)  # evenings are busy; no session crosses midnight
    leaf = _session_leaf(world, user, day / parameters.days, rng)
    length = 1 + rng.poisson(parameters.further_pages, size=n)
    view = np.repeat(np.arange(n), length)
    turn = np.arange(len(view)) - np.repeat(np.cumsum(length) - length, length)
    # At most 240 s from one page to the next: that keeps a page's own clicks and carts before the next page.
    start = START + day[view] * DAY + second[view] + turn * 240 + rng.integers(0, 60, size=len(view))
    return _view_pages(world, user[view], leaf[view], start, view, rng)


def _session_leaf(world: World, user: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int [n]: the leaf each session has in mind, from early or late taste, or from the shop's demand at large."""
    people, parameters = world.people, world.parameters
    slot = (rng.random(len(user))[:, None] > np.cumsum(people.shares[user], axis=1)[:, :-1]).sum(axis=1)
    late = (rng.random(len(user)) < parameters.drift * share).astype(np.int64)
    leaf = people.leaves[late, user, slot]
    explores = rng.random(len(user)) < parameters.exploration
    return np.where(explores, rng.choice(len(world.demand), size=len(user), p=world.demand), leaf)


def _view_pages(
    world: World, user: np.ndarray, leaf: np.ndarray, start: np.ndarray, session: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Show a list on each page view, and let the user act on it."""
    catalogue, parameters = world.catalogue, world.parameters
    surface = rng.choice(3, size=len(user), p=parameters.page_shares)
    query = _pick_queries(world.queries, leaf, rng)
    surface = np.where((surface == SEARCH) & (query == NONE), CATEGORY, surface)
    query = np.where(surface == SEARCH, query, NONE)
    n_queries = len(world.queries.text)
    page = np.where(surface == SEARCH, query, n_queries + leaf)
    page = np.where(surface == HOME, n_queries + len(world.demand) + world.people.cluster[user], page)
    items, propensity, at_random = world.pages.show(page, rng)

    view, position = np.nonzero(items != NONE)
    item, when = items[view, position], start[view]
    factor = world.price_factor[item, (when - START) // WEEK]
    price = np.round(catalogue.price[item] * factor, 2)
    attraction = _attraction(world, user[view], item, query[view], leaf[view], price)
    clicked = rng.random(len(item)) < examination(parameters)[position] * attraction
    carted = clicked & (rng.random(len(item)) < parameters.cart_rate)
    response = factor.astype(np.float64) ** world.people.elasticity[user[view]]
    bought = carted & (rng.random(len(item)) < np.minimum(1.0, parameters.purchase_rate * response))

    rows = [np.arange(len(item)), *(np.flatnonzero(acted) for acted in (clicked, carted, bought))]
    kind = np.repeat([IMPRESSION, CLICK, CART, PURCHASE], [len(r) for r in rows])
    row = np.concatenate(rows)
    # An impression is logged when the page loads; a click follows as the eye moves down, then the cart, then the till.
    delay = np.where(kind == IMPRESSION, 0, 4 + 6 * position[row] + 20 * (kind - CLICK))
    return {
        "user": user[view][row], "item": item[row], "kind": kind, "timestamp": when[row] + delay,
        "session": session[view][row], "query": query[view][row], "position": position[row],
        "propensity": propensity[view, position][row], "price": price[row],
        "attraction": attraction[row].astype(np.float32), "randomised": at_random[view][row],
    }  # fmt: skip


def _pick_queries(queries: Queries, leaf: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int [n]: a query for each page view's leaf, by frequency; NONE where nobody asks for that leaf."""
    order = np.argsort(queries.leaf, kind="stable")
    cumulated = np.concatenate([[0.0], np.cumsum(queries.frequency[order])])
    first = np.searchsorted(queries.leaf[order], leaf, side="left")
    last = np.searchsorted(queries.leaf[order], leaf, side="right")
    low, high = cumulated[first], cumulated[last]
    place = np.searchsorted(cumulated, low + rng.random(len(leaf)) * (high - low), side="right") - 1
    return np.where(last > first, order[np.clip(place, first, np.maximum(first, last - 1)) % len(order)], NONE)


def _attraction(
    world: World, user: np.ndarray, item: np.ndarray, query: np.ndarray, leaf: np.ndarray, price: np.ndarray
) -> np.ndarray:
    """float [n]: P(click | examined), from relevance, taste, quality, and the price beside the user's budget."""
    catalogue, people, parameters = world.catalogue, world.people, world.parameters
    grade = np.where(catalogue.leaf[item] == leaf, *_BROWSE_GRADE)
    asked = np.flatnonzero(query != NONE)
    grade[asked] = grade_pairs(
        world.queries.leaf[query[asked]], world.queries.constraints[query[asked]],
        catalogue.leaf[item[asked]], catalogue.values[item[asked]], world.related,
    )  # fmt: skip
    taste = (people.factors[user] * world.item_factors[item]).sum(axis=1)
    # Budgets low, middle, high start to hurt at 0.8, 1.25 and 2 times the median price of the leaf.
    limit = np.array([0.8, 1.25, 2.0])[people.budget[user]] * world.median_price[catalogue.leaf[item]]
    logit = (
        parameters.attraction_bias
        + parameters.attraction_grade * (grade - 2)
        + parameters.attraction_taste * taste
        + parameters.attraction_quality * catalogue.quality[item]
        - parameters.attraction_budget * np.maximum(0.0, np.log(price / limit))
    )
    return 1 / (1 + np.exp(-logit))


def examination(parameters: Parameters) -> np.ndarray:
    """float [list_length]: P(the user looks at position p) = (p + 1)^-exponent."""
    return (np.arange(parameters.list_length) + 1.0) ** -parameters.examination_exponent
