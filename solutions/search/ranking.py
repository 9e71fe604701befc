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
# # Ranking search results
#
# Four small functions: the force between two products of a list, the weight that LambdaRank gives it, a loss over the
# whole list, and the curve that turns scores into probabilities. Run the first code cell below (Shift+Enter); it brings
# what the answers and the checks need. Then write each function where it says `...  # your code here`, run that cell,
# and run the one below it: it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **list** holds the candidates of one query. Entry $i$ of `scores` and of `grades` belongs to its product $i$.
# - A **score** is what a ranker says; the list is shown by falling score. A **grade** says how good a product is, from 0
#   (bad) to 3 (exactly right).

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Who pulls whom: the gradient of RankNet
#
# **Task.** RankNet looks at every pair of products of which one has the higher grade. The pair's loss is
#
# $$
# \ell_{ij} = \ln\left(1 + e^{-(s_i - s_j)}\right) \quad \text{where } g_i > g_j
# $$
#
# Training moves the scores against the gradient of the *sum* of all pairs' losses. Compute that gradient: for each
# product $i$, the derivative of $\sum \ell$ with respect to $s_i$. A pair gives its two products the same force, with
# opposite signs:
#
# $$
# \frac{\partial \ell_{ij}}{\partial s_i} = -\rho_{ij}, \qquad
# \frac{\partial \ell_{ij}}{\partial s_j} = +\rho_{ij}, \qquad
# \rho_{ij} = \frac{1}{1 + e^{s_i - s_j}}
# $$
#
# | symbol | meaning |
# |---|---|
# | $s_i$, $g_i$ | score and grade of product $i$ |
# | $\rho_{ij}$ | the force: the chance that the model still gives to the wrong order |
#
# **Example.** Scores [0, 0, 1], grades [2, 0, 1]. Pairs: product 0 beats 1 and 2, product 2 beats 1. The forces are
# $\rho_{01}$ = 1/2, $\rho_{02}$ = 1 / (1 + e^-1) = 0.7311, $\rho_{21}$ = 1 / (1 + e) = 0.2689. The gradient is
# [−1.2311, 0.7689, 0.4621]: product 0 is pulled up (a negative gradient raises its score), the others down.
#
# **Contract.**
#
# - `scores` and `grades` are lists of numbers of the same length, at least 1. The result is a list of floats of that length.
# - Products of equal grade make no pair. Without any pair, all entries are 0.
# - Scores lie between −50 and 50.
#
# **In the shop.** The better a pair already stands, the less it pulls: training spends its force on what is wrong.

# %% question="ranknet_gradient" points=3
def ranknet_gradient(scores: list, grades: list) -> list:
    """Gradient of the sum of RankNet's pair losses with respect to each score.

    Args:
        scores: list[float], one per product, at least one.
        grades: list[float], of the same products.

    Returns:
        list[float], one per product.
    """
    ### BEGIN SOLUTION
    pull = [0.0] * len(scores)
    for winner, high in enumerate(grades):
        for loser, low in enumerate(grades):
            if high > low:
                rho = 1 / (1 + math.exp(scores[winner] - scores[loser]))
                pull[winner] -= rho
                pull[loser] += rho
    return pull
    ### END SOLUTION


# %% [markdown]
# ## 2 What a swap is worth: the weight of LambdaRank
#
# **Task.** To RankNet, a wrong pair at places 40 and 41 is as bad as one at places 1 and 2. LambdaRank weighs each pair by
# the size of the change in NDCG if its two products swapped places, everything else staying as it is:
#
# $$
# \left|\Delta_{ij}\right| = \frac{\left|G_i - G_j\right| \cdot \left|\frac{1}{D_i} - \frac{1}{D_j}\right|}{\text{IDCG}},
# \qquad G = 2^g - 1, \qquad D = \log_2(r + 1)
# $$
#
# | symbol | meaning |
# |---|---|
# | $G_i$ | gain of product $i$: grades 0, 1, 2, 3 bring 0, 1, 3, 7 |
# | $D_i$ | discount of its place: $r$ is the place, from 1, when the list is sorted by falling *score* |
# | IDCG | sum of gain / discount of the list sorted by falling *grade* |
#
# **Example.** Scores [0.2, 0.9, 0.5], grades [3, 0, 1]. By score, product 1 stands in place 1, product 2 in place 2,
# product 0 in place 3. IDCG = 7 / 1 + 1 / 1.585 = 7.631. Products 0 and 1: |7 − 0| · |1/2 − 1| / 7.631 = 0.4587. Products 0 and
# 2: |7 − 1| · |1/2 − 1/1.585| / 7.631 = 0.1029.
#
# **Contract.**
#
# - `scores` and `grades` are lists of the same length, at least 2; grades are whole numbers from 0 to 3. `i` and `j` are
#   positions in these lists, from 0. The result is a float of at least 0.
# - Equal scores keep the order of the list.
# - If all grades are 0, no swap can change anything: return 0.
#
# **In the shop.** This weight is why LambdaRank works hard on the first page and hardly at all on the third.

# %% question="swap_weight" points=3
def swap_weight(scores: list, grades: list, i: int, j: int) -> float:
    """By how much NDCG changes if products i and j swap their places.

    Args:
        scores: list[float], one per product, at least two.
        grades: list[int], 0 to 3, of the same products.
        i, j: positions in the lists, from 0.

    Returns:
        float, at least 0.
    """
    ### BEGIN SOLUTION
    worth = [2**grade - 1 for grade in grades]
    by_score = sorted(range(len(scores)), key=lambda product: -scores[product])
    share = {product: 1 / math.log2(place) for place, product in enumerate(by_score, start=2)}
    best = sum(w / math.log2(place) for place, w in enumerate(sorted(worth, reverse=True), start=2))
    if best == 0:
        return 0.0
    return abs((worth[i] - worth[j]) * (share[i] - share[j])) / best
    ### END SOLUTION


# %% [markdown]
# ## 3 A whole list at once: ListNet with gains
#
# **Task.** Scores and grades each become a distribution over the products of the list: the chance that a product stands
# first. The loss is the cross-entropy between the two:
#
# $$
# \ell = -\sum_i y_i \ln p_i, \qquad p_i = \frac{e^{s_i}}{\sum_j e^{s_j}}, \qquad y_i = \frac{2^{g_i} - 1}{\sum_j (2^{g_j} - 1)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $p_i$ | the model's chance of product $i$ (softmax of the scores) |
# | $y_i$ | what the grades say: shares of the gains; they sum to 1 |
#
# **Example.** Scores [0, 0, ln 2], grades [2, 0, 1]. The softmax is [1/4, 1/4, 1/2], the gains are 3, 0, 1, so $y$ = [3/4, 0,
# 1/4]. The loss is −3/4 · ln(1/4) − 1/4 · ln(1/2) = 1.2130.
#
# **Contract.**
#
# - `scores` and `grades` are lists of the same length, at least 1; grades are whole numbers from 0 to 3. The result is a
#   float.
# - Scores may be as large as 1,000 or as small as −1,000; e^1000 is too large for a float. Subtract the largest score
#   first, which changes no $p_i$, and don't take the logarithm of a $p_i$ that has become 0.
# - If all grades are 0, the grades say nothing: return 0.
#
# **In the shop.** One sum per query instead of all pairs: for a list of a thousand products that is a thousand terms and
# not half a million.

# %% question="listnet_loss" points=3
def listnet_loss(scores: list, grades: list) -> float:
    """Cross-entropy between the shares of the gains and the softmax of the scores.

    Args:
        scores: list[float], one per product, at least one.
        grades: list[int], 0 to 3, of the same products.

    Returns:
        float; 0 if all grades are 0.
    """
    ### BEGIN SOLUTION
    share = np.exp2(np.array(grades, dtype=float)) - 1
    if not share.any():
        return 0.0
    share /= share.sum()
    lowered = np.array(scores, dtype=float) - max(scores)
    log_chance = lowered - math.log(np.exp(lowered).sum())
    return float(-(share @ log_chance))
    ### END SOLUTION


# %% [markdown]
# ## 4 From a score to a probability: pool adjacent violators
#
# **Task.** A ranker's scores only order. To say “this product is relevant with 80 %”, fit the rising curve that lies nearest
# to what happened. The products stand in order of rising score, and `relevant[i]` says whether product $i$ was relevant
# (1) or not (0).
#
# 1. Each product begins as a block of its own, whose value is its outcome.
# 2. Wherever a block's value is *lower* than that of the block before it, the two become one block; its value is the mean
#    over **all products** in it. That may put it below the block before, so look again.
# 3. When no such place is left, every product gets the value of its block.
#
# $$
# v_B = \frac{1}{|B|} \sum_{i \in B} y_i, \qquad v_1 \le v_2 \le v_3 \le \dots
# $$
#
# | symbol | meaning |
# |---|---|
# | $y_i$ | outcome of product $i$, 0 or 1 |
# | $B$, $\lvert B \rvert$ | a block of neighbours, and how many products it holds |
# | $v_B$ | value of the block, the calibrated probability |
#
# **Example.** Outcomes [0, 1, 0, 0, 1]. The third is lower than the second: they become a block of value 1/2. The fourth is
# lower than that: a block of three, value 1/3. The result is [0, 1/3, 1/3, 1/3, 1].
#
# **Contract.**
#
# - `relevant` is a list of 0 and 1, at least one, in order of rising score; the scores are all different. The result is a
#   list of floats of the same length, never falling.
#
# **In the shop.** “Hide products below 5 %” is one limit for all queries, and makes sense only for scores that are
# probabilities.

# %% question="pool_adjacent" points=3
def pool_adjacent(relevant: list) -> list:
    """The never-falling sequence nearest to the outcomes.

    Args:
        relevant: list[int], 0 or 1, in order of rising score, at least one.

    Returns:
        list[float] of the same length.
    """
    ### BEGIN SOLUTION
    stack = []  # [sum, number] of each block
    for outcome in relevant:
        total, number = outcome, 1
        while stack and stack[-1][0] / stack[-1][1] > total / number:
            before = stack.pop()
            total, number = total + before[0], number + before[1]
        stack.append((total, number))
    return [total / number for total, number in stack for _ in range(number)]
    ### END SOLUTION
