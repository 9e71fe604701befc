"""What a simulated shop looks like when it is measured like a real one: a small function for each stated property.

Each returns numbers (arrays for a figure), never a verdict. ``parameters.SOURCES`` holds the published ranges beside
them. The functions read the tables; where one needs the truth, its docstring says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.shop.log import CART, CLICK, IMPRESSION, PURCHASE, Log
from course_lib.shop.simulator.calendar import day_of, week_of
from course_lib.shop.simulator.queries import tokens
from course_lib.shop.simulator.reformulation import CORRECT, GENERALISE, REPHRASE, SPECIALISE


def zipf_exponent(counts: np.ndarray, share: float = 0.2, least: int = 30) -> float:
    """a of count ≈ c · rank^-a, by least squares on the logarithms of the most frequent ``share`` (≥ ``least``) ranks.

    The default is the fifth that holds most events; counts of the tail bend down in every finite log.
    """
    ranked = np.sort(counts)[::-1].astype(float)
    ranked = ranked[: max(least, int(share * len(ranked)))]
    ranked = ranked[ranked > 0]
    return float(-np.polyfit(np.log(np.arange(1, len(ranked) + 1)), np.log(ranked), 1)[0])


def popularity(shop: Any, log: Log) -> dict[str, np.ndarray]:
    """Counts, highest first: ``clicks`` of items, int [n_items], and ``searches`` of queries, int [n_queries]."""
    clicks = np.bincount(log.item[log.kind == CLICK], minlength=len(shop.items))
    asked = log.query[log.first_of_page()]
    searches = np.bincount(asked[asked >= 0], minlength=len(shop.queries))
    return {"clicks": np.sort(clicks)[::-1], "searches": np.sort(searches)[::-1]}


def click_rate_by_position(shop: Any, log: Log) -> dict[str, np.ndarray]:
    """float [length] clicks per impression: ``production`` and ``randomised`` pages, and the truth's ``examination``.

    On randomised pages every position holds the same mix of items, so the curve is examination times a constant. Only
    pages whose list is full count: short lists end early and hold other items. Needs the truth for which pages are
    randomised.
    """
    truth, length = shop.truth, len(shop.truth.examination)
    pages = log.first_of_page()
    # An event belongs to the last page of its session that began before it.
    order = np.lexsort((log.position, log.kind != IMPRESSION, log.timestamp, log.session))
    page = np.empty(len(order), dtype=np.int64)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[pages] = True
    page[order] = np.cumsum(is_first[order]) - 1
    full = np.bincount(page[log.kind == IMPRESSION], minlength=len(pages)) == length
    curves = {}
    for name, chosen in (("production", ~truth.randomised), ("randomised", truth.randomised)):
        kept = chosen & full[page]
        shown, clicked = (
            np.bincount(log.position[kept & (log.kind == kind)], minlength=length) for kind in (IMPRESSION, CLICK)
        )
        curves[name] = clicked / np.maximum(shown, 1)
    return {**curves, "examination": truth.examination}


def elasticity(shop: Any, log: Log) -> dict[str, tuple[float, float]]:
    """Own-price elasticity of purchases in each segment of users, as the log shows it: estimate and standard error.

    Poisson regression of "this cart was bought" on the log of the week's price over the list price: the coefficient is
    the elasticity of P(purchase | cart), because the link is logarithmic.
    """
    carts = np.flatnonzero(log.kind == CART)
    key = [log.session, log.item, log.query, log.position]
    bought = _occurs([k[carts] for k in key], [k[log.kind == PURCHASE] for k in key])
    ratio = np.log(log.price[carts] / np.asarray(shop.items["price"][:])[log.item[carts]])
    segments = np.array(shop.users["segment"][:])
    return {
        str(name): _poisson_slope(ratio[members], bought[members])
        for name in np.unique(segments)
        if (members := segments[log.user[carts]] == name).sum() > 2
    }


def _occurs(keys: list[np.ndarray], among: list[np.ndarray]) -> np.ndarray:
    wanted = set(zip(*(part.tolist() for part in among)))
    return np.array([key in wanted for key in zip(*(part.tolist() for part in keys))], dtype=float)


def _poisson_slope(x: np.ndarray, y: np.ndarray, steps: int = 30) -> tuple[float, float]:
    """Slope b and its standard error (sandwich) of E[y] = exp(a + b x), by Newton's method."""
    design = np.stack([np.ones(len(x)), x], axis=1)
    weights = np.array([np.log(max(y.mean(), 1e-9)), 0.0])
    for _ in range(steps):
        mean = np.exp(design @ weights)
        hessian = design.T @ (design * mean[:, None])
        weights = weights + np.linalg.solve(hessian, design.T @ (y - mean))
    inverse = np.linalg.inv(hessian)
    score = design * (y - mean)[:, None]
    return float(weights[1]), float(np.sqrt((inverse @ (score.T @ score) @ inverse)[1, 1]))


def calendar(shop: Any, log: Log) -> dict[str, np.ndarray]:
    """Seasonality by day and week.

    Returns:
        weekday: float [7], share of sessions on Monday … Sunday. sessions, purchases: int [n_weeks].
        sale: bool [n_weeks], from the truth. clicks: float [n_leaves, n_weeks], each leaf's share of the week's clicks;
        season, trend: float [n_leaves, n_weeks], what season and fashion make of demand, from the truth; 1 is nothing.
    """
    _, first = np.unique(log.session, return_index=True)
    day = day_of(log)[first]
    whole = (int(day.max()) + 1) // 7 * 7 or 7  # a week cut short would lack its weekend
    n_weeks, n_leaves = len(shop.truth.sale), len(shop.truth.leaves)
    clicks = np.zeros((n_leaves, n_weeks))
    clicked = log.kind == CLICK
    np.add.at(clicks, (shop.truth.item_leaf[log.item[clicked]], week_of(log)[clicked]), 1)
    return {
        "weekday": np.bincount(day[day < whole] % 7, minlength=7) / (day < whole).sum(),
        "sessions": np.bincount(week_of(log)[first], minlength=n_weeks),
        "purchases": np.bincount(week_of(log)[log.kind == PURCHASE], minlength=n_weeks),
        "sale": shop.truth.sale,
        "season": shop.truth.season,
        "trend": np.exp(shop.truth.trend),
        "clicks": clicks / np.maximum(clicks.sum(axis=0), 1),
    }


def season_of(measured: dict[str, np.ndarray], rising: bool) -> np.ndarray:
    """float [n_weeks]: share of clicks that go to the leaves whose demand rises (or falls) over the log."""
    trend = measured["season"][:, -1] - measured["season"][:, 0]
    return measured["clicks"][trend > 0.1 if rising else trend < -0.1].sum(axis=0)


def season_response(measured: dict[str, np.ndarray]) -> tuple[float, float]:
    """How clicks follow the seasons: slope and its standard error, clustered by leaf.

    Each seasonal leaf's share of the week's clicks, relative to its own mean, is regressed on its season and on its
    trend, each relative to its mean. A slope of 1 would be in step; it is less, because a session has one leaf, and a
    user's leaves compete for it.
    """
    seasonal = np.ptp(measured["season"], axis=1) > 0
    share, season, trend = (
        measured[name][seasonal] / measured[name][seasonal].mean(axis=1, keepdims=True).clip(1e-12) - 1
        for name in ("clicks", "season", "trend")
    )
    design = np.stack([season.ravel(), trend.ravel()], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ (design.T @ share.ravel())
    residual = share - slopes[0] * season - slopes[1] * trend
    scores = np.stack([(season * residual).sum(axis=1), (trend * residual).sum(axis=1)])
    return float(slopes[0]), float(np.sqrt((inverse @ (scores @ scores.T) @ inverse)[0, 0]))


def reformulation(shop: Any, log: Log) -> dict[str, Any]:
    """Steps from search to search within sessions. Needs the truth for the kinds.

    Returns:
        shares: kind -> share of all steps. per_session: searches of a session that has any. pages: of a session.
        after_click, after_silence: P(the next page reformulates), given a search with and without a click that is
        followed by any page.
    """
    truth, pages = shop.truth, log.first_of_page()
    pages = pages[np.lexsort((log.timestamp[pages], log.session[pages]))]
    step, session, query = truth.step[pages], log.session[pages], log.query[pages]
    counts = np.bincount(step, minlength=len(truth.steps))[1:]
    # Times of clicks lie between their page's load and the next page's: search for the page by session and time.
    span = log.timestamp.max() - log.timestamp.min() + 1
    moment = session * span + (log.timestamp[pages] - log.timestamp.min())
    clicked = log.kind == CLICK
    when = log.session[clicked] * span + (log.timestamp[clicked] - log.timestamp.min())
    had_click = np.zeros(len(pages), dtype=bool)
    had_click[np.searchsorted(moment, when, side="right") - 1] = True
    goes_on = np.flatnonzero((session[1:] == session[:-1]) & (query[:-1] >= 0))
    again = np.isin(step[goes_on + 1], (SPECIALISE, GENERALISE, CORRECT, REPHRASE))
    searched = np.unique(session[query >= 0], return_counts=True)[1]
    return {
        "shares": dict(zip(truth.steps[1:], (counts / max(counts.sum(), 1)).tolist())),
        "per_session": float(searched.mean()),
        "pages": len(pages) / len(np.unique(session)),
        "after_click": float(again[had_click[goes_on]].mean()),
        "after_silence": float(again[~had_click[goes_on]].mean()),
    }


def wording(shop: Any, language: str = "en", sample: int = 20) -> dict[str, float]:
    """How the words of the queries relate to those of the products. Needs the truth for the exact matches.

    Returns:
        typo_rate, paraphrase_rate: share of searches, weighted by frequency. blind: share of the queries whose exact
        matches (grade 3, up to ``sample`` of them) share no word with the query. word_mismatch: probability that a word
        of the query is missing from such a match. evaluation: share of queries with held-out wording.
        words: mean words of a search (English).
    """
    frequency, kind = np.array(shop.queries["frequency"][:]), np.array(shop.queries["kind"][:])
    texts, items = shop.queries["text"][:], shop.item_texts
    known: dict[int, set[str]] = {}
    missing, blind = [], []
    for query, text in enumerate(texts):
        grades = shop.truth.relevance[query]
        asked = tokens(text, language)
        exact = grades.indices[grades.data == 3][:sample].tolist()
        if not asked or not exact:
            continue
        for item in exact:
            known.setdefault(item, tokens(items[item], language))
        shares = [len(asked - known[item]) / len(asked) for item in exact]
        missing.append(np.mean(shares))
        blind.append(min(shares) == 1.0)
    return {
        "typo_rate": float(frequency[kind == "typo"].sum()),
        "paraphrase_rate": float(frequency[kind == "paraphrase"].sum()),
        "blind": float(np.mean(blind)),
        "word_mismatch": float(np.mean(missing)),
        "evaluation": float(np.mean(np.array(shop.queries["wording"][:]) == "evaluation")),
        "words": float(frequency @ np.array([len(text.split()) for text in texts])),
    }


def by_group(shop: Any, log: Log) -> dict[str, dict[str, float]]:
    """For each group of users: its share ``users``; ``click_rate``; and from the truth ``taste``, the mean taste for
    what it was shown, and ``shown_liked``, the share of its impressions that are of items it likes better than the
    other group does."""
    truth, groups = shop.truth, np.array(shop.users["group"][:])
    shown, clicked = log.kind == IMPRESSION, log.kind == CLICK
    means = {name: truth.user_factors[groups == name].mean(axis=0) for name in ("a", "b")}
    result = {}
    for name, other in (("a", "b"), ("b", "a")):
        members = groups[log.user] == name
        seen = members & shown
        taste = (truth.user_factors[log.user[seen]] * truth.item_factors[log.item[seen]]).sum(axis=1)
        better = truth.item_factors[log.item[seen]] @ (means[name] - means[other]) > 0
        result[name] = {
            "users": float((groups == name).mean()),
            "click_rate": float((members & clicked).sum() / seen.sum()),
            "taste": float(taste.mean()),
            "shown_liked": float(better.mean()),
        }
    return result


def of_items(shop: Any, log: Log) -> dict[str, float]:
    """Stock, launches and spam. Needs the truth.

    Returns:
        cold_items: share of items launched during the log; cold_shown: their impressions per week on sale, relative to
        the other items'. out_of_stock: share of weeks after launch. shown_unavailable: impressions of items that could
        not be bought. stuffed, duplicated: shares of items; spam_appeal: clicks per impression of spam relative to
        honest items.
    """
    truth = shop.truth
    shown = np.bincount(log.item[log.kind == IMPRESSION], minlength=len(shop.items))
    clicked = np.bincount(log.item[log.kind == CLICK], minlength=len(shop.items))
    cold, weeks = truth.launch_week > 0, truth.available.sum(axis=1)
    launched = np.arange(truth.available.shape[1]) >= truth.launch_week[:, None]
    spam = truth.item_stuffed | (truth.item_original >= 0)
    rate = {flag: clicked[spam == flag].sum() / max(shown[spam == flag].sum(), 1) for flag in (False, True)}
    return {
        "cold_items": float(cold.mean()),
        "cold_shown": float(shown[cold].sum() / weeks[cold].sum() / (shown[~cold].sum() / weeks[~cold].sum())),
        "out_of_stock": float(1 - truth.available[launched].mean()),
        "shown_unavailable": float((~truth.available[log.item, week_of(log)])[log.kind == IMPRESSION].sum()),
        "stuffed": float(truth.item_stuffed.mean()),
        "duplicated": float((truth.item_original >= 0).mean()),
        "spam_appeal": float(rate[True] / rate[False]),
    }


def drift(shop: Any, log: Log, parts: int = 6) -> dict[str, np.ndarray]:
    """float [parts] over equal spans of time: mean share that the user's ``early`` and ``late`` taste (from the truth)
    give to the leaf of a clicked item."""
    truth = shop.truth
    clicked = np.flatnonzero(log.kind == CLICK)
    part = np.minimum(day_of(log)[clicked] * parts // (day_of(log).max() + 1), parts - 1)
    leaf, user = truth.item_leaf[log.item[clicked]], log.user[clicked]

    def mean(taste: Any) -> np.ndarray:
        mass = np.asarray(taste[user, leaf]).ravel()
        return np.bincount(part, mass, parts) / np.maximum(np.bincount(part, minlength=parts), 1)

    return {"early": mean(truth.early_taste), "late": mean(truth.late_taste)}


def conversion(log: Log) -> dict[str, float]:
    """The funnel: clicks per impression, carts per click, purchases per cart, and sessions with a purchase."""
    shown, clicked, carted, bought = (float((log.kind == kind).sum()) for kind in range(4))
    sessions = len(np.unique(log.session))
    return {
        "click_rate": clicked / shown,
        "cart_rate": carted / max(clicked, 1),
        "purchase_rate": bought / max(carted, 1),
        "sessions_that_buy": len(np.unique(log.session[log.kind == PURCHASE])) / sessions,
    }
