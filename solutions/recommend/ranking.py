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
# # Ranking and the display list
#
# Three small functions of the second stage: a feature that doesn't know the future, attention over a history, and an
# order by money. Run the first code cell below (Shift+Enter); it brings what the answers and the checks need. Then write
# each function where it says `...  # your code here`, run that cell, and run the one below it: it tells what is right,
# what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **showing** is one product at one place of a page, on one day; it was clicked or not.
# - **Days** are whole numbers; a feature of a day knows earlier days alone.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 A rate that doesn't know the future
#
# **Task.** A model is to be given the click rate of a product as a feature. For each question, a product and a day,
# count the showings and clicks of that product on *earlier* days, and draw the rate to a usual one:
#
# $$
# r = \frac{c + m\, u}{n + m}
# $$
#
# | symbol | meaning |
# |---|---|
# | $n$, $c$ | showings of the product on earlier days, and how many of them were clicked |
# | $m$ | how many showings at the usual rate each product starts with |
# | $u$ | the usual rate |
#
# **Example.** Product `"mug"` was shown on day 1 (clicked), day 2 (not) and day 3 (clicked). With $m = 4$ and $u = 0.1$,
# its rate on day 3 is (1 + 0.4) / (2 + 4) = 0.2333: the click of day 3 is not known on day 3. On day 1 nothing is known,
# and the rate is 0.4 / 4 = 0.1.
#
# **Contract.**
#
# - `showings` is a list of tuples `(product, day, clicked)`, in any order: a text, a whole number, and 0 or 1.
#   `questions` is a list of tuples `(product, day)`. `m` and `u` are floats, `m` above 0. The result is a list of floats,
#   one for each question, in their order.
# - What happened on the day of the question counts for nothing, whenever it happened.
# - A product that was never shown has the rate $u$.
#
# **In the shop.** A rate counted over the whole log contains the click that it is to foretell. The offline AUC rises, and
# the live one doesn't.

# %% question="rates_before" points=3
def rates_before(showings: list, questions: list, m: float, u: float) -> list:
    """The smoothed click rate of a product as of the night before a day.

    Args:
        showings: list of tuples (product, day, clicked), in any order.
        questions: list of tuples (product, day).
        m, u: float, showings at the usual rate, and that rate.

    Returns:
        list[float]: a rate for each question.
    """
    ### BEGIN SOLUTION
    answers = []
    for wanted, today in questions:
        known = [hit for name, when, hit in showings if name == wanted and when < today]
        answers.append((sum(known) + m * u) / (len(known) + m))
    return answers
    ### END SOLUTION


# %% [markdown]
# ## 2 Attention to a history
#
# **Task.** Sum a user's history with weights that depend on the product in question, as DIN does. The activation unit is
# one hidden layer with a ReLU:
#
# $$
# v = \sum_{j:\, \text{real}} a_j\, h_j, \qquad
# a_j = w \cdot \max(0,\; W\, [h_j,\, t,\, h_j \odot t,\, h_j - t] + b)
# $$
#
# | symbol | meaning |
# |---|---|
# | $h_j$, $t$ | vectors of length $d$: of a clicked product, and of the product in question |
# | $\odot$ | product entry by entry |
# | $W$, $b$, $w$ | the unit's weights: $m \times 4d$, $m$ and $m$ numbers |
# | $a_j$ | weight of product $j$ of the history, any number, not divided by a sum |
#
# **Example.** $d = 1$, $t = [2]$, history `[[1], [3]]`, $W$ = `[[0, 0, 1, 0]]`, $b$ = `[0]`, $w$ = `[0.5]`. The unit sees
# the product alone: $a_1 = 0.5 \cdot 2 = 1$ and $a_2 = 0.5 \cdot 6 = 3$. So $v = 1 \cdot 1 + 3 \cdot 3 = 10$.
#
# **Contract.**
#
# - `history` is a float array [L, d], `real` a bool array [L] (False: a filler, whatever stands there), `target` a float
#   array [d], `W` [m, 4d], `b` [m], `w` [m]. The result is a float array [d].
# - Fillers add nothing. Without any real entry the result is zeros.
#
# **In the shop.** For a lamp, the lamps of the history count, for a shoe the shoes: one user, many interests.

# %% question="interest" points=4
def interest(history: np.ndarray, real: np.ndarray, target: np.ndarray, W: np.ndarray, b: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The interest vector of DIN for one user and one product.

    Args:
        history: float [L, d]. real: bool [L], False for fillers. target: float [d].
        W, b, w: float [m, 4d], [m], [m], the weights of the activation unit.

    Returns:
        np.ndarray: float [d].
    """
    ### BEGIN SOLUTION
    total = np.zeros(len(target))
    for clicked, there in zip(history, real):
        if there:
            seen = np.concatenate((clicked, target, clicked * target, clicked - target))
            strength = w @ np.maximum(W @ seen + b, 0)
            total = total + strength * clicked
    return total
    ### END SOLUTION


# %% [markdown]
# ## 3 From scores to money
#
# **Task.** A click model was trained on all clicks and on a share $\rho$ of the showings without one, so its chances $q$
# are too high. Put them right, multiply, and order the products by what they bring:
#
# $$
# p = \frac{q}{q + (1 - q) / \rho}, \qquad e = p \cdot P(\text{buy} \mid \text{click}) \cdot \text{price}
# $$
#
# | symbol | meaning |
# |---|---|
# | $q$, $p$ | chance of a click: according to the model, and put right |
# | $\rho$ | share of the showings without a click that the model saw |
# | $e$ | expected turnover of a showing |
#
# **Example.** $\rho = 0.1$. A mug with $q = 0.5$, 0.02 purchases per click and price 10 has $p$ = 0.5 / (0.5 + 5) =
# 0.0909 and $e$ = 0.01818. A lamp with $q = 0.8$, 0.02 and price 4 has $p$ = 0.8 / (0.8 + 2) = 0.2857 and $e$ = 0.02286.
# The lamp comes first; by the uncorrected chances (0.1 against 0.064) it would come last.
#
# **Contract.**
#
# - `q`, `buy` and `price` are lists of floats of one length, chances from 0 to 1, prices of at least 0; `share` is above 0
#   and at most 1. The result is a tuple `(order, value)`: a list of whole numbers, rows from the largest value to the
#   smallest, and the list of the values $e$ by row, not sorted.
# - Equal values keep the order of their rows. Empty lists give `([], [])`.
#
# **In the shop.** AUC is the same before and after. The page isn't: chances that are too high lie too near together, and
# then the price decides.

# %% question="order_by_money" points=3
def order_by_money(q: list, buy: list, price: list, share: float) -> tuple:
    """Rows by falling expected turnover, and the turnover of each.

    Args:
        q: list[float], chances of a click by a model that saw a share of the negatives.
        buy: list[float], chances of a purchase after a click. price: list[float].
        share: float, the share of the negatives that the model saw.

    Returns:
        tuple of list[int], rows from the best, and list[float], the value of each row.
    """
    ### BEGIN SOLUTION
    worth = []
    for said, bought, money in zip(q, buy, price):
        odds = math.inf if said == 1 else share * said / (1 - said)
        real_chance = 1.0 if odds == math.inf else odds / (1 + odds)
        worth.append(real_chance * bought * money)
    return sorted(range(len(worth)), key=lambda row: -worth[row]), worth
    ### END SOLUTION
