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
# # A simulated shop with known truth: five questions
#
# Run the first code cell below (Shift+Enter); it brings what the answers and the checks need. The first two questions
# need no programming: write a number or letters after the equals sign, in place of the three dots. The other three are
# small functions: write each where it says `...  # your code here`. Run the cell and the one below it: that one says
# what is right and what to try next, as often as you like.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# All numbers here are invented for the questions; the measured ones stand in the chapter.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 How probable was this line of the log?
#
# The **propensity** of a product at a place is the probability that the shop's own program puts it there. It has to be
# written into the log when the page is shown; later nobody can tell.
#
# **Example.** A shop shuffles every tenth page. On all other pages it shows one of four prepared lists, each as often
# as the others. A kettle stands in place 1 of one of them. On a shuffled page it is one of 25 products that may stand
# there. Its propensity at place 1 is 0.9 · 1/4 + 0.1 · 1/25 = 0.229.
#
# **Task.** The page for “desk lamp” has ten places. What is the propensity of the lamp “Lux” at **place 1** this week?
#
# - Every fifth page, drawn by chance, is shuffled: its list is a random ordering of the products that fit and are in
#   stock, cut after ten places.
# - All other pages show one of eight prepared lists, each with the same probability.
# - Lux stands in place 1 in three of the eight lists, in place 2 in four, and is missing in one. None of the products
#   in these lists is sold out.
# - 40 products fit the query. 24 of them are sold out this week; Lux is in stock.
#
# **Form.** A number from 0 to 1 with at least three digits after the point, or a sum such as
# `9/10 * 1/4 + 1/10 * 1/25`, which is read as it stands.
#
# **In the shop.** Whoever wants to know later what another ranker would have earned divides by this number. If it is
# wrong, everything after it is.

# %% question="mixture_propensity" points=1
mixture_propensity = ...  # a number
### BEGIN SOLUTION
mixture_propensity = 4 / 5 * 3 / 8 + 1 / 5 * 1 / 16
### END SOLUTION

# %% [markdown]
# ## 2 What may you say after a win on the simulator?
#
# A new ranker was trained on the log of simulated shops and judged by their truth: five shops that differ in their
# seed, 1,500 queries in all. NDCG@10 says whether the best products stand among the first ten, the best on top.
#
# | visitors of the simulated shops | old ranker | new ranker | p, paired test |
# |---|---|---|---|
# | position-based: look at each place or not, whatever stands above | 0.66 | 0.71 | < 0.001 |
# | cascade: read downwards and mostly leave after a click | 0.66 | 0.63 | 0.002 |
#
# The *p* says how often luck alone would give a difference this large if both rankers were equally good.
#
# **Task.** Which of these sentences does the experiment support? There may be several.
#
# | letter | sentence |
# |---|---|
# | a | In our shop, the new ranker will sell more than the old one. |
# | b | Where visitors look at a list as the position-based model says, and the rest is as simulated, the new ranker orders products better than the old one. |
# | c | Whether the new ranker is an improvement hangs on how visitors read a list; that has to be found out in the real shop. |
# | d | One of the two simulations must be wrong, since a method that is good is good for all visitors. |
# | e | Before we report, we may adjust the simulator's parameters until the new ranker wins with both kinds of visitor. |
# | f | The truth is known in a simulation, so one shop with one seed would have shown the same. |
#
# **Form.** The letters in quotes, in any order, for example `"ad"`.

# %% question="simulator_claims" points=2
simulator_claims = ...  # one or more letters in quotes
### BEGIN SOLUTION
simulator_claims = "bc"
### END SOLUTION

# %% [markdown]
# ## 3 The slope of popularity
#
# **Task.** Popularity falls like a power of the rank: the most frequent query is asked $c$ times, the one with rank $r$
# about $c \cdot r^{-\alpha}$ times. On logarithmic axes that is a straight line,
#
# $$
# \log(\text{count}) = \log c - \alpha \log r
# $$
#
# and least squares find its slope. How large is $\alpha$ for the most frequent products or queries?
#
# | symbol | meaning |
# |---|---|
# | $r$ | rank by frequency, from 1 |
# | $c$ | a constant: about the count of rank 1 |
# | $\alpha$ | the Zipf exponent, larger than 0 where counts fall |
#
# **Example.** `counts = [25, 100, 50]` and `ranks = 3`. Sorted, the counts are 100, 50, 25 at ranks 1, 2, 3. The points
# (log 1, log 100), (log 2, log 50), (log 3, log 25) have a best line with slope −1.234, so $\alpha$ = 1.234. With
# `ranks = 2` two points are left, and the line through them has slope −1: $\alpha$ = 1.
#
# **Contract.**
#
# - `counts` is a list of whole numbers of at least 0, in any order; `ranks` is a whole number of at least 1. The result
#   is a float.
# - Only the `ranks` largest counts are used (all of them, if there are fewer): the tail of every finite log bends down.
# - A count of 0 has no logarithm: leave it out.
# - Fewer than two points have no slope: return `math.nan`.
# - `np.polyfit(x, y, 1)` gives slope and intercept of the least-squares line.
#
# **In the shop.** The exponent says how much of the business hangs on a few products, and how many queries a cache or
# a hand-made rule can serve.

# %% question="zipf_exponent" points=2
def zipf_exponent(counts: list, ranks: int) -> float:
    """Zipf exponent of the most frequent ranks, by least squares on logarithms.

    Args:
        counts: list[int], how often each product or query occurs, at least 0, in any order.
        ranks: int, how many of the largest counts to use, at least 1.

    Returns:
        float: the exponent, positive where counts fall with the rank; math.nan with fewer than two counts above 0.
    """
    ### BEGIN SOLUTION
    largest = [count for count in sorted(counts, reverse=True)[:ranks] if count > 0]
    if len(largest) < 2:
        return math.nan
    slope = np.polyfit(np.log(np.arange(1, len(largest) + 1)), np.log(largest), 1)[0]
    return float(-slope)
    ### END SOLUTION


# %% [markdown]
# ## 4 How often is each place looked at?
#
# **Task.** In the production ranker's lists the better products stand above, so a high click rate there may come from
# the place or from the product. On **shuffled** pages every place holds the same mix of products. Their click rates
# differ only because places are looked at more or less often. Divide by the rate of the first place, and you have the
# *examination curve*: 1 at the top, and then falling.
#
# $$
# \hat e_p = \frac{k_p / n_p}{k_0 / n_0}
# $$
#
# | symbol | meaning |
# |---|---|
# | $p$ | position, counted from 0 as in the log |
# | $n_p$ | impressions at position $p$ on shuffled pages |
# | $k_p$ | how many of them were clicked |
#
# **Example.** Shuffled pages made four impressions at position 0, two of them clicked, and four at position 1, one
# clicked. The rates are 0.5 and 0.25, the curve is `[1.0, 0.5]`. Clicks on production pages don't change it.
#
# **Contract.**
#
# - `impressions` is a list of triples `(position, clicked, shuffled)`: a whole number from 0 to `length - 1`, and 0 or
#   1 twice. It may be empty. `length` is at least 1.
# - The result is a list of `length` floats.
# - A position without a shuffled impression has no rate: `math.nan` there.
# - If the first position has no shuffled impression or no click there, nothing can be divided: every entry is
#   `math.nan`.
#
# **In the shop.** A small slice of shuffled pages is the price of this curve. With it, clicks from all other pages can
# be read.

# %% question="examination_curve" points=3
def examination_curve(impressions: list, length: int) -> list:
    """How often each position is looked at, relative to the first, from shuffled pages.

    Args:
        impressions: list[tuple[int, int, int]], (position from 0, clicked 0 or 1, shuffled 0 or 1); may be empty.
        length: int, number of positions of a list.

    Returns:
        list[float]: one value per position, the first 1; math.nan where there is nothing to go by.
    """
    ### BEGIN SOLUTION
    shown, clicks = [0] * length, [0] * length
    for position, clicked, shuffled in impressions:
        if shuffled:
            shown[position] += 1
            clicks[position] += clicked
    if not clicks[0]:
        return [math.nan] * length
    first = clicks[0] / shown[0]
    return [k / n / first if n else math.nan for k, n in zip(clicks, shown)]
    ### END SOLUTION


# %% [markdown]
# ## 5 The click rate of a ranker that was never live
#
# **Task.** The log comes from the old ranker. A new one would have made some of these impressions more often and others
# less. Weigh each by how much more often, and the old log speaks for the new ranker. Two things keep luck in check.
# Weights are **clipped**: none may exceed a cap, so that one rare impression can't decide everything. And the sum is
# divided by the **sum of the weights**, not by their number (*self-normalised*), so that the result stays between 0
# and 1.
#
# $$
# w_j = \min\left(\frac{\pi_{\text{new}, j}}{\pi_{\text{old}, j}},\; W\right)
# \qquad
# \hat R = \frac{\sum_j w_j\, y_j}{\sum_j w_j}
# $$
#
# | symbol | meaning |
# |---|---|
# | $j$ | an impression of the log |
# | $y_j$ | 1 if it was clicked, else 0 |
# | $\pi_{\text{old}, j}$, $\pi_{\text{new}, j}$ | probability that the old and the new ranker show this product at this place |
# | $w_j$, $W$ | its weight; the cap |
#
# **Example.** `clicked = [1, 0, 1]`, `new = [0.6, 0.2, 0.5]`, `old = [0.2, 0.4, 0.1]`, `cap = 4`. The ratios are 3, 0.5
# and 5; clipped, 3, 0.5 and 4. The estimate is (3 + 4) / 7.5 = 0.9333.
#
# **Contract.**
#
# - `clicked`, `new` and `old` are lists of the same length, maybe empty; `clicked` holds 0 and 1, `new` numbers from 0
#   to 1, `old` numbers above 0 up to 1; `cap` is a number above 0. The result is a float from 0 to 1.
# - If all weights are 0, or there is no impression, the log says nothing about the new ranker: return `math.nan`.
#
# **In the shop.** Ten ideas for a ranker, one slot for an experiment: this estimate says which idea deserves it. It can
# be no better than the logged propensities.

# %% question="weighted_click_rate" points=3
def weighted_click_rate(clicked: list, new: list, old: list, cap: float) -> float:
    """Clipped, self-normalised inverse-propensity estimate of the new ranker's click rate.

    Args:
        clicked: list[int], 0 or 1 for each impression.
        new: list[float], its propensity under the new ranker, 0 to 1.
        old: list[float], its logged propensity, above 0.
        cap: float, no weight may exceed it.

    Returns:
        float from 0 to 1; math.nan if no impression has a weight above 0.
    """
    ### BEGIN SOLUTION
    weights = [min(target / logged, cap) for target, logged in zip(new, old)]
    total = sum(weights)
    if total == 0:
        return math.nan
    return sum(weight * y for weight, y in zip(weights, clicked)) / total
    ### END SOLUTION
