"""Every knob of the simulated shop in one place, with its effect. All values are assumed, none is fitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """What drives the simulation.

    Catalogue
        leaf_exponent: leaf sizes fall like rank^-exponent.
        popularity_exponent: item popularity weights are exactly rank^-exponent (a Zipf law).
        price_spread: standard deviation of log price within leaf and brand tier.
        tier_markup: log price of brand tiers 0, 1, 2 relative to the leaf's median.

    Queries
        kind_shares: shares of the kinds of query, before kinds that the catalogue can't serve are replaced.
        query_exponent: the probability of a query falls like rank^-exponent.
        asked_otherwise: probability that an attribute query uses the asker's word for a value that has one.
        judged_irrelevant: grade-0 items judged for each query, beside all items of grade 1–3.

    People
        clusters: communities of like-minded users; what collaborative filtering can find.
        leaves_per_user: leaf categories a user shops in.
        own_taste: standard deviation of a user's factors around the cluster's (0: clones).
        drift: probability, at the end of the period, that a session follows the late rather than the early taste.
        elasticities: own-price elasticity of purchases for each segment (P(purchase | cart) ∝ price_factor^elasticity).

    Log
        days: length of the log. weekday_weights: sessions on Monday … Sunday.
        list_length: positions of a page. variants: prepared rankings of each page, equally likely.
        randomised: share of pages whose list is a uniform random ordering of the eligible items.
        ranker_noise: standard deviation of the logging ranker's error, in grades.
        ranker_popularity: weight of standardised log popularity in the logging ranker.
        examination_exponent: P(examine position p) = (p + 1)^-exponent, p from 0.
        further_pages: mean number of pages of a session after the first (Poisson).
        page_shares: probabilities that a page is a search, a category page or the home page.
        exploration: probability that a session's leaf is drawn from the shop's demand, not from the user's taste.
        promotion: probability that an item is on promotion in a week (10–30 % off).
        attraction_*: the logit of P(click | examined): a bias (sets the click rate), and weights of the grade, the
            taste, the item's quality, and the log of how far the price exceeds what the budget bears.
        cart_rate: P(cart | click). purchase_rate: P(purchase | cart) at the list price.
    """

    leaf_exponent: float = 0.7
    popularity_exponent: float = 0.8
    price_spread: float = 0.25
    tier_markup: tuple[float, float, float] = (-0.3, 0.0, 0.5)

    kind_shares: tuple[tuple[str, float], ...] = (
        ("plain", 0.2), ("attribute", 0.28), ("brand", 0.14), ("paraphrase", 0.18), ("typo", 0.1), ("model", 0.1),
    )  # fmt: skip
    query_exponent: float = 0.9
    asked_otherwise: float = 0.35
    judged_irrelevant: int = 40

    clusters: int = 24
    leaves_per_user: int = 6
    own_taste: float = 0.6
    drift: float = 0.4
    elasticities: tuple[tuple[str, float], ...] = (("bargain", -3.5), ("regular", -2.0), ("premium", -1.0))

    days: int = 180
    weekday_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.05, 1.15, 1.4, 1.35)
    list_length: int = 10
    variants: int = 8
    randomised: float = 0.1
    ranker_noise: float = 0.8
    ranker_popularity: float = 0.6
    examination_exponent: float = 0.7
    further_pages: float = 0.5
    page_shares: tuple[float, float, float] = (0.6, 0.25, 0.15)
    exploration: float = 0.1
    promotion: float = 0.12
    attraction_bias: float = -1.0
    attraction_grade: float = 0.8
    attraction_taste: float = 1.1
    attraction_quality: float = 0.3
    attraction_budget: float = 1.5
    cart_rate: float = 0.25
    purchase_rate: float = 0.35
