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
# ## 1 The curve of examination, from pages ordered by lot
#
# **Task.** Some pages were ordered by lot, so that no place has better products than another. How often is each place
# looked at, relative to the top one?
#
# $$
# \hat\theta_p = \frac{\text{clicks}_p \,/\, \text{showings}_p}{\text{clicks}_0 \,/\, \text{showings}_0}
# $$
#
# | symbol | meaning |
# |---|---|
# | $p$ | a place, from 0 |
# | $\text{showings}_p$ | showings at place $p$ on pages ordered by lot |
# | $\text{clicks}_p$ | those of them that were clicked |
# | $\hat\theta_p$ | estimated chance of a look, relative to place 0 |
#
# **Example.** Places `[0, 0, 0, 0, 1, 1, 1, 1]`, clicked `[1, 1, 0, 0, 1, 0, 0, 0]`, all by lot. The click rates are
# 2/4 and 1/4, so the curve is `[1.0, 0.5]`.
#
# **Contract.**
#
# - `place`, `clicked` and `by_lot` are lists of whole numbers of the same length, an entry for each showing; `clicked`
#   and `by_lot` hold 0 or 1. `n_places` is at least 1. The result is a list of `n_places` floats.
# - Showings on pages that were *not* ordered by lot don't count at all.
# - A place without a showing is unknown: `math.nan`.
# - If place 0 has no showing or no click, nothing can be said: all are `math.nan`.
#
# **In the shop.** This is the only measurement of looks that needs no model of anything. It costs a worse page for
# those who see it, which is why the share of such pages is small and the numbers are noisy.

# %% question="curve_from_lot" points=2
def curve_from_lot(place: list, clicked: list, by_lot: list, n_places: int) -> list:
    """Click rate of each place relative to place 0, on pages ordered by lot.

    Args:
        place: list[int], place of each showing, from 0 and below n_places.
        clicked: list[int], 1 where it was clicked, else 0.
        by_lot: list[int], 1 where its page was ordered by lot, else 0.
        n_places: int, at least 1.

    Returns:
        list[float] of n_places; math.nan where nothing is known.
    """
    ### BEGIN SOLUTION
    shown_at, clicked_at = [0] * n_places, [0] * n_places
    for where, hit, lot in zip(place, clicked, by_lot):
        if lot:
            shown_at[where] += 1
            clicked_at[where] += hit
    if clicked_at[0] == 0:
        return [math.nan] * n_places
    top_rate = clicked_at[0] / shown_at[0]
    return [hits / views / top_rate if views else math.nan for hits, views in zip(clicked_at, shown_at)]
    ### END SOLUTION


# %% [markdown]
# ## 2 One round of expectation–maximisation
#
# **Task.** In the position-based model a showing of product $d$ at place $p$ is clicked with chance $\theta_p \alpha_d$. Given
# the present values of both, improve them once.
#
# *Expectation*, for each showing:
#
# | | it was clicked | it was not clicked |
# |---|---|---|
# | chance that the customer looked | 1 | $\theta_p (1 - \alpha_d) \,/\, (1 - \theta_p \alpha_d)$ |
# | chance that the product attracts | 1 | $(1 - \theta_p)\, \alpha_d \,/\, (1 - \theta_p \alpha_d)$ |
#
# *Maximisation*: the new $\theta_p$ is the mean of the first row over all showings at place $p$; the new $\alpha_d$ is the
# mean of the second row over all showings of product $d$.
#
# | symbol | meaning |
# |---|---|
# | $\theta_p$ | chance that place $p$ is looked at |
# | $\alpha_d$ | chance that product $d$ is clicked, once it is looked at |
#
# **Example.** `theta = [1.0, 0.5]`, `alpha = [0.5]`, and two showings of product 0 at place 1, the first clicked, the second
# not. Without a click, the chance of a look is 0.5 · 0.5 / 0.75 = 1/3, that of attraction 0.5 · 0.5 / 0.75 = 1/3. The
# new $\theta_1$ is (1 + 1/3) / 2 = 2/3, the new $\alpha_0$ is 2/3 as well; $\theta_0$ stays at 1.
#
# **Contract.**
#
# - `theta` and `alpha` are lists of floats; each is above 0, `alpha` below 1, `theta` at most 1. `place`, `product` and
#   `clicked` are lists of whole numbers of the same length: rows of `theta`, rows of `alpha`, and 0 or 1. The result is a
#   tuple `(new_theta, new_alpha)` of two lists of floats.
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
# **Task.** In the simplified dynamic Bayesian network, customers read from the top and go on until a click has satisfied
# them. So everything at or above the *last* click of a page was looked at, and nothing below it; a page without a click
# was read to its end. Count:
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
# **Example.** Two pages of one query: `["a", "b", "c"]` with a click at place 1, and `["b", "a"]` without one. On the first, `a`
# and `b` were looked at, on the second both. So $\hat\alpha_a$ = 0/2, $\hat\alpha_b$ = 1/2 and $\hat\sigma_b$ = 1/1;
# `c` was never looked at, so nothing is known of it.
#
# **Contract.**
#
# - `pages` is a list of tuples `(shown, clicked)`: a list of product ids from the top, none twice, and the list of clicked
#   places, in any order. All pages belong to one query. The result is a dict from *every* id shown anywhere to a tuple
#   `(alpha, sigma)` of two floats.
# - A product that was never looked at has `math.nan` for both; one that was never clicked has `math.nan` for sigma.
#
# **In the shop.** No iterations and no settings: one pass over the log. It is the usual first model where customers read
# lists downward, and it errs in a known direction: a customer who tired is taken for one who was satisfied.

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
