"""Every knob of the simulated shop in one place, with its effect and where its value comes from.

A value with a published counterpart names it in ``SOURCES`` and lies in the published range (a test holds that);
every other value is assumed. No result of a method is ever a reason for a value: the values are frozen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from course_lib.shop.simulator.ranges import check


@dataclass(frozen=True)
class Parameters:
    """What drives the simulation.

    Catalogue
        leaf_exponent: leaf sizes fall like rank^-exponent.
        popularity_exponent: item popularity weights are exactly rank^-exponent (a Zipf law).
        price_spread: standard deviation of log price within leaf and brand tier.
        tier_markup: log price of brand tiers 0, 1, 2 relative to the leaf's median.
        stuffed: share of items whose seller adds names of other goods to the title.
        duplicated: share of items that list another seller's product once more.
        spam_quality: what either costs in quality (which is standard normal).

    Queries
        kind_shares: shares of the kinds of query, before kinds that the catalogue can't serve are replaced.
        query_exponent: the probability of a query falls like rank^-exponent.
        query_family: probability that the next query is about the same item as the last (so reformulations exist).
        asked_otherwise: probability that an attribute query uses the asker's word for a value that has one.
        judged_irrelevant: grade-0 items judged for each query, beside all items of grade 1–3.

    People
        clusters: communities of like-minded users; what collaborative filtering can find.
        leaves_per_user: leaf categories a user shops in.
        own_taste: standard deviation of a user's factors around the cluster's (0: clones).
        drift: probability, at the end of the period, that a session follows the late rather than the early taste.
        elasticities: own-price elasticity of purchases for each segment (P(purchase | cart) ∝ price_factor^elasticity).
        segment_shares: share of users in each of these segments.
        minority: share of users in group "b"; all others are in group "a".
        group_taste: distance of either group's taste from the middle (0: no difference).

    Calendar and stock
        days: length of the log. weekday_weights: sessions on Monday … Sunday.
        seasonal_strength: demand for a seasonal leaf is e^strength times its middle at the peak, e^-strength half a
            year later.
        sale_weeks: weeks (from 0) of a promotion of the whole shop. sale_share: share of items that take part.
        sale_visits: sessions in a sale week, relative to another week.
        promotion: probability that an item is on promotion in an ordinary week (10–30 % off).
        cold_items: share of items launched during the period, evenly over its weeks (from the second on).
        fashion: standard deviations of what comes and goes for no visible reason: the log of the demand for a leaf, and
            an item's appeal (in the logit of a click).
        fashion_memory: correlation of either from one week to the next; 0.92 is a half-life of 8 weeks.
        out_of_stock: long-run share of weeks in which an item is sold out. stockout_weeks: mean length of a stock-out.

    Log
        list_length: positions of a page. variants: prepared rankings of each page, equally likely.
        randomised: share of pages whose list is a uniform random ordering of the eligible items in stock.
        ranker_noise: standard deviation of the logging ranker's error, in grades.
        ranker_popularity: weight of standardised log popularity in the logging ranker; a launched item has no history
            and counts as the least popular.
        ranker_taste: weight of what the mean user likes (so the larger group's taste decides who is shown).
        examination_exponent: P(examine position p) = (p + 1)^-exponent, p from 0; the form is that of Joachims,
            Swaminathan & Schnabel (WSDM 2017), the exponent is assumed: lists of web results are read with 0.8–1.1, and
            for the grid of a shop no figure is known to us.
        click_model: "position" (each position is examined or not, whatever happens above it) or "cascade" (the user
            reads down the list to a random depth, and may leave after a click). Either way, P(examine p) is the same
            curve as long as nothing above was clicked.
        cascade_leaves: probability that a click ends the reading of the list (cascade only).
        further_pages: mean number of pages of a session after the first (Poisson).
        page_shares: probabilities that a page is a search, a category page or the home page.
        reformulates: probability that the page after a search is a reformulation, if it (had no click, had one) and the
            shop's queries contain a possible one.
        reformulation_shares: weights of the kinds, among those possible after a query.
        exploration: probability that a session's leaf is drawn from the shop's demand, not from the user's taste.
        attraction_*: the logit of P(click | examined): a bias (sets the click rate), and weights of the grade, the
            taste, the item's quality, and the log of how far the price exceeds what the budget bears.
        cart_rate: P(cart | click).
        purchase_rate: P(purchase | cart) at the list price; promotions add to it.
    """

    leaf_exponent: float = 0.7
    popularity_exponent: float = 0.8
    price_spread: float = 0.25
    tier_markup: tuple[float, float, float] = (-0.3, 0.0, 0.5)
    stuffed: float = 0.03
    duplicated: float = 0.02
    spam_quality: float = -1.0

    kind_shares: tuple[tuple[str, float], ...] = (
        ("plain", 0.18), ("attribute", 0.23), ("brand", 0.14), ("paraphrase", 0.2), ("typo", 0.15), ("model", 0.1),
    )  # fmt: skip
    query_exponent: float = 0.9
    query_family: float = 0.5
    asked_otherwise: float = 0.4
    judged_irrelevant: int = 40

    clusters: int = 24
    leaves_per_user: int = 6
    own_taste: float = 0.6
    drift: float = 0.4
    elasticities: tuple[tuple[str, float], ...] = (("bargain", -3.8), ("regular", -2.5), ("premium", -1.2))
    segment_shares: tuple[float, float, float] = (0.3, 0.5, 0.2)
    minority: float = 0.3
    group_taste: float = 0.8

    days: int = 180
    weekday_weights: tuple[float, ...] = (1.155, 1.06, 1.05, 1.016, 0.962, 0.838, 0.918)
    seasonal_strength: float = 0.8
    sale_weeks: tuple[int, ...] = (7, 20)
    sale_share: float = 0.5
    sale_visits: float = 1.6
    promotion: float = 0.12
    cold_items: float = 0.1
    fashion: tuple[float, float] = (0.9, 1.5)
    fashion_memory: float = 0.92
    out_of_stock: float = 0.083
    stockout_weeks: float = 2.0

    list_length: int = 10
    variants: int = 8
    randomised: float = 0.1
    ranker_noise: float = 0.8
    ranker_popularity: float = 0.6
    ranker_taste: float = 0.3
    examination_exponent: float = 0.7
    click_model: str = "position"
    cascade_leaves: float = 0.7
    further_pages: float = 0.5
    page_shares: tuple[float, float, float] = (0.6, 0.25, 0.15)
    reformulates: tuple[float, float] = (0.7, 0.3)
    reformulation_shares: tuple[tuple[str, float], ...] = (
        ("specialise", 0.35), ("generalise", 0.2), ("correct", 1.0), ("rephrase", 0.45),
    )  # fmt: skip
    exploration: float = 0.1
    attraction_bias: float = -1.0
    attraction_grade: float = 0.8
    attraction_taste: float = 1.1
    attraction_quality: float = 0.3
    attraction_budget: float = 1.5
    cart_rate: float = 0.087
    purchase_rate: float = 0.27

    def __post_init__(self) -> None:
        for field in fields(self):
            check(field.name, getattr(self, field.name))


@dataclass(frozen=True)
class Source:
    """A published figure: what it measures, the range that our value or measurement must lie in, where it stands.

    ``cite`` names the works for a reader, ``keys`` are theirs in ``book/references.bib``.
    """

    what: str
    low: float
    high: float
    cite: str
    keys: tuple[str, ...]


#: name of a parameter or of a measured property -> what is published about it; whatever isn't named here is assumed
SOURCES: dict[str, Source] = {
    "popularity_exponent": Source(
        "exponent of the Zipf-like popularity of web documents, as several studies report it, partly scattered because "
        "samples were small. The head of four public logs (orders of Online Retail, reviews of Amazon Beauty and Sports, "
        "places in Gowalla) is flatter, 0.48–0.60 by the same function", 0.60, 1.03,
        "Krashakov, Teslyuk & Shchur 2004",
        ("krashakov2004rank",),
    ),
    "query_exponent": Source(
        "query frequency follows a power law of the rank; the exponent is taken over from web documents, since none is "
        "known to us for a shop", 0.60, 1.03,
        "Xie & O'Hallaron 2002; Petersen, Simonsen & Lioma 2016; Krashakov, Teslyuk & Shchur 2004",
        ("xie2002locality", "petersen2016powerlaw", "krashakov2004rank"),
    ),
    "typo_rate": Source(
        "share of web queries that contain a spelling error: 10–15 %, of which we could confirm the lower end, in a paper "
        "that quotes it", 0.10, 0.15,
        "Cucerzan & Brill 2004; Li et al. 2006",
        ("cucerzan2004spelling", "li2006spelling"),
    ),
    "word_mismatch": Source(
        "probability that a word of the query is missing from a relevant document, in collections of documents, not of "
        "products; in Chorus, whose candidates came from word search, it is 0.05 of all fields and 0.12–0.22 of titles, "
        "by the same function",
        0.30, 0.40,
        "Zhao & Callan 2010",
        ("zhao2010necessity",),
    ),
    "elasticity": Source(
        "mean own-price elasticity over 1,851 estimates is -2.62; we keep the mean of all users within 0.25 of it",
        -2.87, -2.37,
        "Bijmolt, van Heerde & Pieters 2005",
        ("bijmolt2005elasticity",),
    ),
    "cart_rate": Source(
        "carts per click: 16,896,191 of 194,720,954 (OTTO, training part); carts per viewed product: 69,332 of 2,664,312 "
        "(Retailrocket)", 0.026, 0.094,
        "OTTO 2022; Retailrocket",
        ("normann2022otto", "retailrocket"),
    ),
    "purchases_per_cart": Source(
        "purchases per cart, promotions included: 1 - 0.7022 abandoned carts; 5,098,951 orders of 16,896,191 carts "
        "(OTTO); 22,457 transactions of 69,332 (Retailrocket)", 0.29, 0.33,
        "Baymard Institute 2025; OTTO 2022; Retailrocket",
        ("baymard_abandonment", "normann2022otto", "retailrocket"),
    ),
    "queries_per_session": Source(
        "1,523,072 queries in 964,780 sessions are 1.58 a session of web search; pages of a session stand in for queries",
        1.4, 1.7,
        "Jansen, Booth & Spink 2009",
        ("jansen2009reformulation",),
    ),
    "weekend": Source(
        "sessions of a Saturday or Sunday relative to a working day. People shop online at the beginning of the week: "
        "orders of one network 0.82 (our weights), searches in shops 0.88, sessions of apparel shops about 1",
        0.80, 1.00,
        "Zanox 2007; Doofinder",
        ("zanox2007weekday", "doofinder_weekday"),
    ),
    "turnover": Source(
        "fall of ``turnover`` from one week to 20 weeks, in each of eight 26-week windows of an online shop's order "
        "lines, as measured here", 0.40, 0.64,
        "Online Retail, Chen, Sain & Guo 2012",
        ("chen2012retail",),
    ),
    "out_of_stock": Source(
        "mean share of products out of stock, fast-moving consumer goods in shops of developed economies: 8.3 %",
        0.07, 0.09,
        "Gruen & Corsten 2008",
        ("gruen2008stock",),
    ),
}  # fmt: skip
