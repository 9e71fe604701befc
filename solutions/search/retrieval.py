# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Retrieval
#
# Four small functions stand between a typed query and a list of candidates: a score by words, a fusion of two lists, a
# search that skips most of the catalogue, and the price of a filter that comes too late. Run the first code cell below
# (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says
# `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came out, and what to try
# next. Each answer cell is read by itself, after the setup cell: `np` and `Counter` are there, your other cells are not.

# %% setup=true
from collections import Counter

import numpy as np

# %% [markdown]
# ## 1 BM25
#
# **Task.** Score one product for one query by the words they share.
#
# $$
# \text{score} = \sum_{t \in q} \ln\!\left(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\right) \cdot
# \frac{f_t}{f_t + k_1 \left(1 - b + b\, l / \bar{l}\right)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $q$, $t$ | the query's words; one of them (a word that stands in the query twice counts twice) |
# | $N$, $n_t$ | products in the catalogue; how many of them contain $t$ |
# | $f_t$ | how often $t$ stands in the product |
# | $l$, $\bar{l}$ | words of the product; the mean over the catalogue |
# | $k_1$, $b$ | how slowly repetition stops counting; how much length is marked down |
#
# **Example.** The catalogue is *red running shoe*, *red lamp*, *desk lamp*, the query *red shoe*, $k_1$ = 1.2, $b$ = 0.75.
# The first product has 3 words, the mean is 7/3, so $1.2 \cdot (0.25 + 0.75 \cdot 9/7)$ = 1.457. *red*: ln(1 + 1.5/2.5) =
# 0.470; *shoe*: ln(1 + 2.5/1.5) = 0.981. The score is (0.470 + 0.981) · 1 / 2.457 = 0.590.
#
# **Contract.**
#
# - `query` is a list of words, `catalogue` a list of products, each a list of words; `row` says which product is scored.
#   The result is a float.
# - A word that the product lacks adds 0, also where no product has it. An empty query scores 0.
# - At least one product of the catalogue has a word; `k1` is above 0, `b` between 0 and 1.
#
# **In the shop.** This is what every new search has to beat, and it is not beaten easily.

# %% question="bm25_score" points=3
def bm25_score(query: list, catalogue: list, row: int, k1: float, b: float) -> float:
    """The BM25 score of one product for a query.

    Args:
        query: list[str]. catalogue: list[list[str]]. row: which product, from 0.
        k1, b: the two settings.

    Returns:
        float, at least 0.
    """
    ### BEGIN SOLUTION
    here = Counter(catalogue[row])
    usual = sum(len(words) for words in catalogue) / len(catalogue)
    brake = k1 * (1 - b + b * len(catalogue[row]) / usual)
    score = 0.0
    for word in query:
        holders = sum(word in words for words in catalogue)
        rarity = np.log(1 + (len(catalogue) - holders + 0.5) / (holders + 0.5))
        score += rarity * here[word] / (here[word] + brake)
    return float(score)
    ### END SOLUTION


# %% [markdown]
# ## 2 One list out of several
#
# **Task.** Two searches give two lists whose scores have no common unit. Fuse the lists by places alone.
#
# $$
# \text{RRF}(p) = \sum_{r} \frac{1}{c + \text{place}_r(p)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $r$ | a list; one that lacks $p$ adds nothing |
# | $\text{place}_r(p)$ | the place of $p$ in the list, from 1 |
# | $c$ | the larger, the less the first places stand out |
#
# **Example.** Lists [7, 3, 5] and [5, 9], `c` = 60. Product 5 gets 1/63 + 1/61 = 0.0323, 7 gets 1/61 = 0.0164, 3 and 9 get
# 1/62 = 0.0161 each. With `k` = 3 the result is [5, 7, 3].
#
# **Contract.**
#
# - `lists` is a list of lists of product numbers, best first, no number twice in one of them; a list may be empty.
# - Return the `k` best numbers as a list, best first; fewer where there are fewer.
# - Of equal sums (to the ninth digit), the lower number comes first.
#
# **In the shop.** Nothing has to be trained or judged for this, which is why it is where most hybrid searches start.

# %% question="fuse_by_places" points=3
def fuse_by_places(lists: list, k: int, c: float) -> list:
    """The k best of several lists by reciprocal-rank fusion.

    Args:
        lists: list[list[int]], each best first.
        k: how many at most. c: the constant.

    Returns:
        list[int] of at most k product numbers, best first.
    """
    ### BEGIN SOLUTION
    total = Counter()
    for one in lists:
        for place, product in enumerate(one, start=1):
            total[product] += 1 / (c + place)
    ordered = sorted(total, key=lambda product: (-round(total[product], 9), product))
    return [int(product) for product in ordered[:k]]
    ### END SOLUTION


# %% [markdown]
# ## 3 Search in the nearest lists
#
# **Task.** An IVF has sorted the products' vectors into lists, each with a centroid. Read the `probes` lists whose
# centroids have the largest inner product with the query, and no other; return the best `k` products in them.
#
# $$
# s_j = \mathbf{q} \cdot \mathbf{v}_j, \qquad j \text{ in one of the } P \text{ lists with the largest } \mathbf{q} \cdot
# \mathbf{c}_l
# $$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{q}$, $\mathbf{v}_j$ | vectors of the query and of product $j$ |
# | $\mathbf{c}_l$ | centroid of list $l$ |
# | $P$ | `probes`, how many lists are read |
# | $s_j$ | score of product $j$ |
#
# **Example.** Centroids (1, 0) and (0, 1). Products 0 (1, 0) and 1 (0.8, 0.6) lie in list 0, product 2 (0.6, 0.8) in list 1.
# The query is (0.6, 0.8), so list 1 is nearer. With `probes` = 1 and `k` = 2 the result is [2] alone; with `probes` = 2 it
# is [2, 1].
#
# **Contract.**
#
# - `query` is a float array [d], `centroids` [L, d], `vectors` [n, d]; `assigned` is an int array [n]: the list of each
#   product. `probes` is from 1 to L, `k` at least 1.
# - Return a list of product rows, best first; fewer than k where the lists hold fewer.
# - Equal scores (of products or of centroids): the lower number comes first.
#
# **In the shop.** Every list that is skipped saves time, and whatever stands in it can't be found. `probes` is the price.

# %% question="probe_lists" points=3
def probe_lists(
    query: np.ndarray, centroids: np.ndarray, assigned: np.ndarray, vectors: np.ndarray, probes: int, k: int
) -> list:
    """The k best products of the nearest lists.

    Args:
        query: float [d]. centroids: float [L, d]. assigned: int [n]. vectors: float [n, d].
        probes: lists that are read. k: results at most.

    Returns:
        list[int] of at most k rows of vectors, best first.
    """
    ### BEGIN SOLUTION
    open_lists = np.argsort(-(centroids @ query), kind="stable")[:probes]
    inside = np.flatnonzero(np.isin(assigned, open_lists))
    order = np.argsort(-(vectors[inside] @ query), kind="stable")
    return [int(row) for row in inside[order][:k]]
    ### END SOLUTION


# %% [markdown]
# ## 4 The filter that comes too late
#
# **Task.** A search fetches the `fetch` best products, and only then drops those that the customer's filter forbids. Which
# part of the right list is left? The right list is the best `k` of the products that are allowed.
#
# $$
# \text{recall} = \frac{|A \cap E|}{|E|}
# $$
#
# | symbol | meaning |
# |---|---|
# | $E$ | the `k` best of the allowed products (all of them, where fewer are allowed) |
# | $A$ | the allowed ones among the `fetch` best of *all* products |
#
# **Example.** Scores 0.9, 0.8, 0.7, 0.6, 0.5; allowed are rows 0, 3 and 4. With `k` = 2, $E$ = {0, 3}. With `fetch` = 2 the search
# holds rows 0 and 1, of which only 0 is allowed: recall 0.5. With `fetch` = 4 row 3 is in, and recall is 1.
#
# **Contract.**
#
# - `scores` is a float array [n], no two equal; `allowed` a bool array [n]; `k` and `fetch` at least 1. The result is a float.
# - Where nothing is allowed nothing can be missed: return 1.0.
#
# **In the shop.** “Under 20, in stock” leaves a small part of the catalogue. A shop that filters afterwards shows half-empty
# pages, and nobody sees an error.

# %% question="post_filter_recall" points=3
def post_filter_recall(scores: np.ndarray, allowed: np.ndarray, k: int, fetch: int) -> float:
    """Which part of the best k allowed products is among the best ``fetch`` of all?

    Args:
        scores: float [n]. allowed: bool [n].
        k: length of the right list. fetch: how many are fetched before the filter.

    Returns:
        float between 0 and 1.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-scores)
    right = [row for row in order if allowed[row]][:k]
    fetched = set(order[:fetch].tolist())
    return sum(int(row) in fetched for row in right) / len(right) if right else 1.0
    ### END SOLUTION
