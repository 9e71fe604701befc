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
# # Fine-tuning: a loss, a score and a temperature
#
# Three small functions: the loss that trains a bi-encoder, the score that shows what a majority class hides, and the
# one number that makes a model's “90 % sure” mean something. Run the first code cell below (Shift+Enter); it brings
# what the answers and the checks need. Then write each function where it says `...  # your code here`, run that cell,
# and run the one below it.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 InfoNCE, with duplicates left out
#
# **Task.** A batch holds $b$ pairs of a query and its product. Every query should give the highest score to its own
# product; the products of the other pairs are its negatives. But two pairs may share a query, or a product: then the
# other product is a right answer in disguise, and it must not count as a negative. Compute the loss from query to
# product, its mean over the batch:
#
# $$
# L = -\frac{1}{b} \sum_{i=1}^{b} \ln \frac{\exp(s_{ii} / \tau)}{\sum_{j \in N_i} \exp(s_{ij} / \tau)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $s_{ij}$ | `scores[i][j]`, the cosine of query $i$ and the product of pair $j$ |
# | $\tau$ | `temperature`, above 0: the smaller, the more the highest scores count |
# | $N_i$ | the columns that count for row $i$: $i$ itself, and every $j$ whose query *and* whose product both differ from those of pair $i$ |
#
# **Example.** Two pairs that share nothing, scores `[[0.5, 0.0], [0.2, 0.2]]`, $\tau = 0.5$. Row 1: the scores divided
# by $\tau$ are 1 and 0, so its part is $-\ln(e^1 / (e^1 + e^0)) = 0.3133$. Row 2: 0.4 and 0.4, $-\ln(1/2) = 0.6931$. The
# loss is their mean, 0.5032. If both pairs had the same query, nothing but the own column would be left in each row,
# and the loss would be 0.
#
# **Contract.**
#
# - `scores` is an array [b, b], b at least 1; `queries` and `products` are lists of b ids; the result is a float.
# - With $\tau = 0.01$ and cosines up to 1, $\exp(100)$ is still a number; with larger scores it isn't. Subtract the
#   largest score of a row before you take exponents: it changes nothing in the fraction. Scores up to 1,000 are tried.
# - The own product always counts.
#
# **In the shop.** Popular products come many times in one batch. Without the protection, the model is punished for
# finding them.

# %% question="info_nce" points=4
def info_nce(scores: np.ndarray, queries: list, products: list, temperature: float) -> float:
    """InfoNCE from query to product with in-batch negatives; pairs that share a query or a product are no negatives.

    Args:
        scores: float [b, b], of query i and the product of pair j; the diagonal holds the pairs.
        queries, products: list[str], the ids of each pair's query and product.
        temperature: float above 0.

    Returns:
        float, the mean over the b rows.
    """
    ### BEGIN SOLUTION
    x = np.asarray(scores, dtype=float) / temperature
    q, p = np.array(queries), np.array(products)
    counts = (q[:, None] != q[None, :]) & (p[:, None] != p[None, :])
    np.fill_diagonal(counts, True)
    x = np.where(counts, x, -np.inf)
    top = x.max(axis=1)
    log_sum = top + np.log(np.exp(x - top[:, None]).sum(axis=1))
    return float((log_sum - np.diag(x)).mean())
    ### END SOLUTION


# %% [markdown]
# ## 2 Macro-F1: every label counts the same
#
# **Task.** Of 100 pairs, 90 are irrelevant. Who always says “irrelevant” is right 90 times. Macro-F1 asks each label
# for itself, and takes the mean over the labels that occur:
#
# $$
# F_c = \frac{2 \, r_c}{t_c + g_c}
# \qquad
# \text{macro-}F_1 = \frac{1}{|C|} \sum_{c \in C} F_c
# $$
#
# | symbol | meaning |
# |---|---|
# | $r_c$ | examples of label $c$ that were guessed rightly |
# | $t_c$, $g_c$ | examples whose true label is $c$; examples for which $c$ was guessed |
# | $C$ | the labels that occur among the *true* labels |
#
# **Example.** True: `["E", "I", "I", "I"]`, guessed: `["I", "I", "I", "I"]`. $F_E = 0$; $F_I = 2 \cdot 3 / (3 + 4) =
# 0.8571$; macro-F1 = 0.4286, although three of four guesses are right.
#
# **Contract.**
#
# - `truth` and `guess` are lists of labels (strings) of the same length. The result is a float from 0 to 1.
# - A label that is guessed but never true is in no mean of its own; it costs the labels it was guessed for.
# - A label that is true but never guessed has $F_c = 0$ and stays in the mean.
# - Nothing to measure (empty lists): return `math.nan`.
#
# **In the shop.** Exact matches are few and substitutes many. A grader that never says “exact” can look good for months,
# as long as nobody asks each label for itself.

# %% question="macro_f1" points=3
def macro_f1(truth: list, guess: list) -> float:
    """Mean of the labels' F1 over the labels that occur in truth.

    Args:
        truth, guess: list[str], the true and the guessed label of each example; may be empty.

    Returns:
        float from 0 to 1; math.nan for empty lists.
    """
    ### BEGIN SOLUTION
    if not len(truth):
        return math.nan
    values = []
    for label in sorted(set(truth)):
        right = sum(t == g == label for t, g in zip(truth, guess))
        values.append(2 * right / (list(truth).count(label) + list(guess).count(label)))
    return sum(values) / len(values)
    ### END SOLUTION


# %% [markdown]
# ## 3 The temperature that makes it honest
#
# **Task.** A classifier's logits $z_i$ (its scores before the softmax) are divided by a temperature $T$. That changes no
# decision, only how sure the model says it is. Of the temperatures in `grid`, return the one with the smallest
# cross-entropy on validation data:
#
# $$
# \text{CE}(T) = -\frac{1}{n} \sum_{i=1}^{n} \ln \frac{\exp(z_{i y_i} / T)}{\sum_{c} \exp(z_{ic} / T)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $z_{ic}$ | `logits[i][c]`, the logit of class $c$ for example $i$ |
# | $y_i$ | `targets[i]`, the number of the right class, from 0 |
# | $T$ | the temperature: above 1 less sure, below 1 more sure |
#
# **Example.** Logits `[[2, 0], [2, 0]]`, targets `[0, 1]`, grid `[1, 4]`: the model is sure of class 0 and right once in
# two. With $T = 1$: $-\ln 0.8808 = 0.1269$ and $-\ln 0.1192 = 2.1269$, mean 1.1269. With $T = 4$: 0.4741 and 0.9741,
# mean 0.7241. The answer is 4.
#
# **Contract.**
#
# - `logits` is an array [n, c], n at least 1; `targets` n whole numbers; `grid` a list of at least one temperature above
#   0, none twice, in any order. The result is one of the numbers in `grid`.
# - Logits up to 1,000 are tried: subtract each row's largest before you take exponents.
# - The inputs are built so that the best temperature is clearly the best.
#
# **In the shop.** “Hide the product when it is irrelevant with 95 %” is a rule about probabilities. Without calibration
# nobody knows what the rule does.

# %% question="best_temperature" points=3
def best_temperature(logits: np.ndarray, targets: list, grid: list) -> float:
    """The temperature of the grid with the smallest cross-entropy on validation data.

    Args:
        logits: float [n, n_classes].
        targets: list[int], the right class of each row.
        grid: list[float], temperatures above 0.

    Returns:
        float, one of grid.
    """
    ### BEGIN SOLUTION
    def cross_entropy(temperature: float) -> float:
        x = np.asarray(logits, dtype=float) / temperature
        x = x - x.max(axis=1, keepdims=True)
        log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        return -log_p[np.arange(len(targets)), targets].mean()

    return float(min(grid, key=cross_entropy))
    ### END SOLUTION
