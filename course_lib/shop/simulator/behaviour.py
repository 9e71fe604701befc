"""The log: sessions, page views, examination falling with position, clicks, carts and purchases.

A session has one leaf in mind, by taste and season. It views one page or more: searches (the query drawn by frequency
among those for the leaf, or a reformulation of the query before), the leaf's category page, or the home page of the
user's cluster. An item is clicked when the user examines its position *and* finds it attractive (position-based model
or cascade: Craswell et al., WSDM 2008); some clicks become carts, and some carts purchases, fewer where the price of
the week is high. A search without a click is reformulated more often than one with a click.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.simulator.calendar import DAY, START, WEEK, Calendar
from course_lib.shop.simulator.catalogue import NONE, Catalogue
from course_lib.shop.simulator.pages import Pages
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.people import People
from course_lib.shop.simulator.queries import Queries
from course_lib.shop.simulator.reformulation import NEW, REPEAT, Links
from course_lib.shop.simulator.relevance import grade_pairs
from course_lib.shop.simulator.stock import Stock

IMPRESSION, CLICK, CART, PURCHASE = range(4)  #: rows of ``core.tables.EVENT_KINDS``
SEARCH, CATEGORY, HOME = range(3)
#: grade that a page without a query has for the items of the session's leaf, and for all others
_BROWSE_GRADE = (2.0, 0.5)


@dataclass(frozen=True, eq=False)
class World:
    """All that the log depends on."""

    catalogue: Catalogue
    queries: Queries
    links: Links
    people: People
    item_factors: np.ndarray
    price_factor: np.ndarray
    fashion: np.ndarray
    stock: Stock
    calendar: Calendar
    related: np.ndarray
    median_price: np.ndarray
    demand: np.ndarray
    pages: Pages
    parameters: Parameters


def draw_log(world: World, n_events: int, seed: int) -> dict[str, np.ndarray]:
    """A log of exactly ``n_events`` events, in time order.

    Sessions are drawn in batches until there are enough events; the last session is cut short, as a log is.

    Returns:
        int arrays [n_events] user, item, kind, timestamp, session, query (NONE: no query), position, step, previous;
        float propensity, production, uniform, price, attraction; bool randomised.

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
    """The events of n sessions, page after page: what the user did on one page bears on the next."""
    parameters, people = world.parameters, world.people
    user = rng.choice(len(people.activity), size=n, p=people.activity)
    day = rng.choice(parameters.days, size=n, p=world.calendar.day_share)
    second = (rng.beta(4, 2, size=n) * (DAY - 3600)).astype(np.int64)  # evenings are busy; no session crosses midnight
    leaf = _session_leaf(world, user, day, rng)
    length = 1 + rng.poisson(parameters.further_pages, size=n)
    query, clicked = np.full(n, NONE), np.zeros(n, dtype=bool)
    parts = []
    for turn in range(length.max()):
        goes_on = np.flatnonzero(length > turn)
        surface, asked, step = _next_page(world, leaf[goes_on], query[goes_on], clicked[goes_on], rng)
        # At most 240 s from one page to the next: that keeps a page's own clicks and carts before the next page.
        start = START + day[goes_on] * DAY + second[goes_on] + turn * 240 + rng.integers(0, 60, size=len(goes_on))
        events = _view_pages(world, user[goes_on], leaf[goes_on], surface, asked, start, rng)
        view = events.pop("view")
        events |= {
            "session": goes_on[view], "step": step[view].astype(np.int8),
            "previous": np.where(step > 0, query[goes_on], NONE)[view].astype(np.int32),
        }  # fmt: skip
        parts.append(events)
        query[goes_on] = asked
        clicked[:] = False
        clicked[events["session"][events["kind"] == CLICK]] = True
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _session_leaf(world: World, user: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int [n]: the leaf each session has in mind, from early or late taste, or from the shop's demand at large."""
    people, parameters, calendar = world.people, world.parameters, world.calendar
    week, demand = day // 7, calendar.demand
    late = (rng.random(len(user)) < parameters.drift * day / parameters.days).astype(np.int64)
    leaves = people.leaves[late, user]
    cumulated = np.cumsum(people.shares[user] * demand[leaves, week[:, None]], axis=1)
    slot = (rng.random(len(user))[:, None] * cumulated[:, -1:] > cumulated[:, :-1]).sum(axis=1)
    leaf = leaves[np.arange(len(user)), slot]
    explores = np.flatnonzero(rng.random(len(user)) < parameters.exploration)
    for number in np.unique(week[explores]):
        members = explores[week[explores] == number]
        leaf[members] = rng.choice(len(world.demand), size=len(members), p=calendar.leaf_share[:, number])
    return leaf


def _next_page(
    world: World, leaf: np.ndarray, query: np.ndarray, clicked: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surface, query (NONE off the search page) and reformulation step of the next page of each session.

    Args:
        query, clicked: of the page before; NONE and false where there was none.
    """
    parameters = world.parameters
    surface = rng.choice(3, size=len(leaf), p=parameters.page_shares)
    asked = _pick_queries(world.queries, leaf, rng)
    surface = np.where((surface == SEARCH) & (asked == NONE), CATEGORY, surface)
    step = np.where((surface == SEARCH) & (query != NONE), np.where(asked == query, REPEAT, NEW), 0)
    silent, active = parameters.reformulates
    again = np.flatnonzero((query != NONE) & (rng.random(len(leaf)) < np.where(clicked, active, silent)))
    target, kind = world.links.follow(query[again], rng)
    again, target, kind = again[target != NONE], target[target != NONE], kind[target != NONE]
    surface[again], asked[again], step[again] = SEARCH, target, kind
    return surface, np.where(surface == SEARCH, asked, NONE), step


def _view_pages(
    world: World,
    user: np.ndarray,
    leaf: np.ndarray,
    surface: np.ndarray,
    query: np.ndarray,
    start: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Show a list on each page view, and let the user act on it; ``view`` says which one an event belongs to."""
    catalogue, parameters = world.catalogue, world.parameters
    n_queries, week = len(world.queries.text), (start - START) // WEEK
    page = np.where(surface == SEARCH, query, n_queries + leaf)
    page = np.where(surface == HOME, n_queries + len(world.demand) + world.people.cluster[user], page)
    lists = world.pages.show(page, week, rng)

    view, position = np.nonzero(lists.items != NONE)
    item = lists.items[view, position]
    factor = world.price_factor[item, week[view]]
    price = np.round(catalogue.price[item] * factor, 2)
    attraction = _attraction(world, user[view], item, query[view], leaf[view], price, week[view])
    clicked = _clicks(view, position, attraction, len(user), parameters, rng)
    carted = clicked & (rng.random(len(item)) < parameters.cart_rate)
    response = factor.astype(np.float64) ** world.people.elasticity[user[view]]
    bought = carted & (rng.random(len(item)) < np.minimum(1.0, parameters.purchase_rate * response))

    rows = [np.arange(len(item)), *(np.flatnonzero(acted) for acted in (clicked, carted, bought))]
    kind = np.repeat([IMPRESSION, CLICK, CART, PURCHASE], [len(r) for r in rows])
    row = np.concatenate(rows)
    # An impression is logged when the page loads; a click follows as the eye moves down, then the cart, then the till.
    delay = np.where(kind == IMPRESSION, 0, 4 + 6 * position[row] + 20 * (kind - CLICK))
    shown = {name: getattr(lists, name)[view, position] for name in ("propensity", "production", "uniform")}
    return {
        "view": view[row], "user": user[view][row], "item": item[row], "kind": kind,
        "timestamp": start[view][row] + delay, "query": query[view][row], "position": position[row],
        "propensity": shown["propensity"][row], "price": price[row],
        "production": shown["production"][row].astype(np.float32),
        "uniform": shown["uniform"][row].astype(np.float32),
        "attraction": attraction[row].astype(np.float32), "randomised": lists.randomised[view][row],
    }  # fmt: skip


def _clicks(
    view: np.ndarray,
    position: np.ndarray,
    attraction: np.ndarray,
    n_views: int,
    parameters: Parameters,
    rng: np.random.Generator,
) -> np.ndarray:
    """bool [n]: which impressions are clicked, under the click model of the parameters."""
    seen = examination(parameters)[position]
    if parameters.click_model == "position":
        return rng.random(len(view)) < seen * attraction
    reads = rng.random(n_views)[view] < seen  # one depth for the whole list: no position is skipped
    wanted = reads & (rng.random(len(view)) < attraction)
    leaves = wanted & (rng.random(len(view)) < parameters.cascade_leaves)
    last = np.full(n_views, parameters.list_length)
    np.minimum.at(last, view[leaves], position[leaves])
    return wanted & (position <= last[view])


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
    world: World,
    user: np.ndarray,
    item: np.ndarray,
    query: np.ndarray,
    leaf: np.ndarray,
    price: np.ndarray,
    week: np.ndarray,
) -> np.ndarray:
    """float [n]: P(click | examined), from relevance, taste, quality, fashion, and the price beside the budget."""
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
        + world.fashion[item, week]
        - parameters.attraction_budget * np.maximum(0.0, np.log(price / limit))
    )
    return 1 / (1 + np.exp(-logit))


def examination(parameters: Parameters) -> np.ndarray:
    """float [list_length]: P(the user looks at position p, nothing above being clicked) = (p + 1)^-exponent."""
    return (np.arange(parameters.list_length) + 1.0) ** -parameters.examination_exponent
