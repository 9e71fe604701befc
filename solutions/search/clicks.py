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
# # Clicks and position bias
#
# Four small functions lead from a log of clicks to numbers that don't depend on where a product stood. Run the first
# code cell below (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says
# `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came out, and what to
# try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **showing** is one product at one place of one result page.
# - **Places** count from 0 here, as in every array: place 0 is the top of the page.
# - A **look** is what nobody logs: the customer's eye on that place.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Harvesting the curve: one round
#
# **Task.** No page was ordered by lot, but the ranking changes, and the same pair of query and product stands now here,
# now there. Compare each pair with itself. Given the present curve of looks, correct the attractions, and with them the
# curve:
#
# $$
# \alpha_i = \frac{\sum_p c_{ip}}{\sum_p n_{ip}\, \theta_p}
# \qquad \text{then} \qquad
# t_p = \frac{\sum_i c_{ip}}{\sum_i n_{ip}\, \alpha_i}
# \qquad \text{then} \qquad
# \theta_p = \frac{t_p}{t_0}
# $$
#
# | symbol | meaning |
# |---|---|
# | $i$, $p$ | a pair of query and product; a place, from 0 |
# | $n_{ip}$, $c_{ip}$ | how often pair $i$ was shown at place $p$; how often it was clicked there |
# | $\theta_p$ | chance that place $p$ is looked at, relative to place 0 |
# | $\alpha_i$ | attraction of pair $i$ |
# | $t_p$ | the new curve before it is brought to 1 at place 0 |
#
# **Example.** Pair 0 was shown 2 and 4 times at places 0 and 1 with a click at each, pair 1 four times at each with two
# clicks at place 0. With `theta = [1.0, 0.5]`, $\alpha_0$ = 2 / (2 + 4 · 0.5) = 0.5 and $\alpha_1$ = 2 / (4 + 4 ·
# 0.5) = 1/3. Then $t_0$ = 3 / (2 · 0.5 + 4 / 3) = 9/7 and $t_1$ = 1 / (4 · 0.5 + 4 / 3) = 0.3, so the new curve is
# `[1.0, 0.2333]`.
#
# **Contract.**
#
# - `theta` is a list of floats, all above 0. `shown` and `clicks` are lists with a row for each pair, each row a list
#   of whole numbers as long as `theta`. Place 0 has a click at least. The result is a tuple `(alpha, new_theta)` of
#   two lists of floats.
# - A pair that was never shown has an attraction of 0: it takes part in nothing.
# - A place at which no pair of an attraction above 0 was shown can't be compared: its new value is `math.nan`.
#
# **In the shop.** Repeat this round, and the curve comes out without a model of the products and without a single page
# ordered by lot. What it needs is a ranking that moves the same products up and down.

# %% question="harvest_round" points=3
def harvest_round(theta: list, shown: list, clicks: list) -> tuple:
    """One round of harvesting: attractions by the present curve, and a new curve by these.

    Args:
        theta: list[float], chance of a look at each place, relative to place 0.
        shown, clicks: list[list[int]], a row for each pair: showings and clicks at each place.

    Returns:
        tuple of two lists of floats: the attraction of each pair, and the new curve, which is 1 at place 0.
    """
    ### BEGIN SOLUTION
    attraction = []
    for n_row, c_row in zip(shown, clicks):
        expected_looks = sum(n * look for n, look in zip(n_row, theta))
        attraction.append(sum(c_row) / expected_looks if expected_looks else 0.0)
    raw = []
    for spot in range(len(theta)):
        hoped_for = sum(n_row[spot] * pull for n_row, pull in zip(shown, attraction))
        raw.append(sum(c_row[spot] for c_row in clicks) / hoped_for if hoped_for else math.nan)
    return attraction, [one / raw[0] for one in raw]
    ### END SOLUTION


# %% [markdown]
# ## 2 One round of expectation–maximisation
#
# **Task.** In the position-based model a showing of product $d$ at place $p$ is clicked with chance $\theta_p
# \alpha_d$. Given the present values of both, improve them once.
#
# *Expectation*, for each showing:
#
# | | it was clicked | it was not clicked |
# |---|---|---|
# | chance that the customer looked | 1 | $\theta_p (1 - \alpha_d) \,/\, (1 - \theta_p \alpha_d)$ |
# | chance that the product attracts | 1 | $(1 - \theta_p)\, \alpha_d \,/\, (1 - \theta_p \alpha_d)$ |
#
# *Maximisation*: the new $\theta_p$ is the mean of the first row over all showings at place $p$; the new $\alpha_d$
# is the mean of the second row over all showings of product $d$.
#
# | symbol | meaning |
# |---|---|
# | $\theta_p$ | chance that place $p$ is looked at |
# | $\alpha_d$ | chance that product $d$ is clicked, once it is looked at |
#
# **Example.** `theta = [1.0, 0.5]`, `alpha = [0.5]`, and two showings of product 0 at place 1, the first clicked, the
# second not. Without a click, the chance of a look is 0.5 · 0.5 / 0.75 = 1/3, that of attraction 0.5 · 0.5 / 0.75 =
# 1/3. The new $\theta_1$ is (1 + 1/3) / 2 = 2/3, the new $\alpha_0$ is 2/3 as well; $\theta_0$ stays at 1.
#
# **Contract.**
#
# - `theta` and `alpha` are lists of floats; each is above 0, `alpha` below 1, `theta` at most 1. `place`, `product` and
#   `clicked` are lists of whole numbers of the same length: rows of `theta`, rows of `alpha`, and 0 or 1. The result
#   is a tuple `(new_theta, new_alpha)` of two lists of floats.
# - Both rows are computed from the *old* values; neither update sees the other.
# - `theta[0]` is 1, and stays exactly 1: place 0 is always looked at.
# - A place or a product without a showing keeps its old value.
#
# **In the shop.** Repeat this round until nothing moves, and you have the model of the chapter. That it splits each
# missing click fairly between “not seen” and “not wanted” is all that debiasing knows.

# %% question="pbm_em_round" points=4
def pbm_em_round(theta: list, alpha: list, place: list, product: list, clicked: list) -> tuple:
    """One round of EM for the position-based model.

    Args:
        theta: list[float], chance of a look at each place. alpha: list[float], attraction of each product.
        place, product: list[int], of each showing, rows of theta and of alpha.
        clicked: list[int], 1 where the showing was clicked, else 0.

    Returns:
        tuple of two lists of floats: new theta, new alpha.
    """
    ### BEGIN SOLUTION
    looked, liked = [[] for _ in theta], [[] for _ in alpha]
    for where, what, hit in zip(place, product, clicked):
        chance = theta[where] * alpha[what]
        looked[where].append(1.0 if hit else (theta[where] - chance) / (1 - chance))
        liked[what].append(1.0 if hit else (alpha[what] - chance) / (1 - chance))
    better_theta = [sum(each) / len(each) if each else old for each, old in zip(looked, theta)]
    better_alpha = [sum(each) / len(each) if each else old for each, old in zip(liked, alpha)]
    return [1.0, *better_theta[1:]], better_alpha
    ### END SOLUTION


# %% [markdown]
# ## 3 Customers who read downward: SDBN by counting
#
# **Task.** In the simplified dynamic Bayesian network, customers read from the top and go on until a click has
# satisfied them. So everything at or above the *last* click of a page was looked at, and nothing below it; a page
# without a click was read to its end. Count:
#
# $$
# \hat\alpha_d = \frac{\text{clicks on } d}{\text{times } d \text{ was looked at}}
# \qquad
# \hat\sigma_d = \frac{\text{times a click on } d \text{ was the last of its page}}{\text{clicks on } d}
# $$
#
# | symbol | meaning |
# |---|---|
# | $\hat\alpha_d$ | attraction of product $d$: chance of a click, once it is looked at |
# | $\hat\sigma_d$ | satisfaction: chance that a click on it ends the search |
#
# **Example.** Two pages of one query: `["a", "b", "c"]` with a click at place 1, and `["b", "a"]` without one. On the
# first, `a` and `b` were looked at, on the second both. So $\hat\alpha_a$ = 0/2, $\hat\alpha_b$ = 1/2 and
# $\hat\sigma_b$ = 1/1; `c` was never looked at, so nothing is known of it.
#
# **Contract.**
#
# - `pages` is a list of tuples `(shown, clicked)`: a list of product ids from the top, none twice, and the list of
#   clicked places, in any order. All pages belong to one query. The result is a dict from *every* id shown anywhere
#   to a tuple `(alpha, sigma)` of two floats.
# - A product that was never looked at has `math.nan` for both; one that was never clicked has `math.nan` for sigma.
#
# **In the shop.** No iterations and no settings: one pass over the log. It is the usual first model where customers
# read lists downward, and it errs in a known direction: a customer who tired is taken for one who was satisfied.

# %% question="sdbn_estimate" points=3
def sdbn_estimate(pages: list) -> dict:
    """Attraction and satisfaction of each product under the simplified dynamic Bayesian network.

    Args:
        pages: list of tuples (shown, clicked): list[str] of ids from the top, and list[int] of clicked places.

    Returns:
        dict[str, tuple[float, float]]: alpha and sigma of every id shown; math.nan where unknown.
    """
    ### BEGIN SOLUTION
    seen, hits, ends = {}, {}, {}
    for shown, clicked in pages:
        stop = max(clicked) if clicked else len(shown)
        for where, name in enumerate(shown):
            seen[name] = seen.get(name, 0) + (where <= stop)
            hits[name] = hits.get(name, 0) + (where in clicked)
            ends[name] = ends.get(name, 0) + (where == stop)
    return {
        name: (hits[name] / seen[name] if seen[name] else math.nan, ends[name] / hits[name] if hits[name] else math.nan)
        for name in seen
    }
    ### END SOLUTION


# %% [markdown]
# ## 4 Inverse propensities, clipped and normalised
#
# **Task.** One product was shown $n$ times, at places that were looked at with chances $x_1, \dots, x_n$. Estimate its
# attraction in two ways from its clicks, with weights of at most $w$:
#
# $$
# \hat\alpha_{\text{IPS}} = \frac{1}{n} \sum_{j=1}^{n} \frac{c_j}{\tilde x_j}
# \qquad
# \hat\alpha_{\text{norm}} = \frac{\sum_j c_j}{\sum_j \tilde x_j}
# \qquad
# \tilde x_j = \max(x_j,\, 1/w)
# $$
#
# | symbol | meaning |
# |---|---|
# | $c_j$ | 1 if showing $j$ was clicked, else 0 |
# | $x_j$ | chance that it was looked at |
# | $w$ | largest weight that a click may get: a look rarer than $1/w$ counts as one of chance $1/w$ |
#
# **Example.** Looks `[1.0, 0.5, 0.1]`, clicks `[0, 1, 1]`, $w = 5$. The last look counts as 0.2. IPS is
# (0 + 1/0.5 + 1/0.2) / 3 = 7/3, which is above 1; normalised it is 2 / (1 + 0.5 + 0.2) = 1.176.
#
# **Contract.**
#
# - `looks` is a list of floats from 0 to 1, `clicked` a list of 0 and 1 of the same length, `max_weight` a number of at
#   least 1. The result is a tuple `(ips, normalised)` of two floats.
# - Nothing is cut off above 1: an estimate that is too large in one draw is too small in others.
# - Without any showing, both are `math.nan`.
#
# **In the shop.** A click at the bottom of the page counts for many. That is right on average and wild in the single
# case, so every real system clips; the two numbers differ most where a product was shown a few times only.

# %% question="clipped_ips" points=3
def clipped_ips(looks: list, clicked: list, max_weight: float) -> tuple:
    """Attraction of one product by clipped inverse propensities, plain and normalised.

    Args:
        looks: list[float], chance of a look at each showing, from 0 to 1; may be empty.
        clicked: list[int], 1 where the showing was clicked, else 0.
        max_weight: float, the largest weight of a click, at least 1.

    Returns:
        tuple[float, float]: the plain and the normalised estimate; math.nan twice if there is no showing.
    """
    ### BEGIN SOLUTION
    if not looks:
        return math.nan, math.nan
    floor = 1 / max_weight
    kept = [look if look > floor else floor for look in looks]
    weighted = [hit / look for hit, look in zip(clicked, kept)]
    return sum(weighted) / len(weighted), sum(clicked) / sum(kept)
    ### END SOLUTION
