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
# # Neural recommendation
#
# Three small functions decide whether a two-tower model works: its loss, what the user tower reads, and the list that it
# serves. Run the first code cell below (Shift+Enter); it brings what the answers and the checks need. Then write each
# function where it says `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came
# out, and what to try next. Each answer cell is read by itself, after the setup cell: `np` is there, your other cells are not.

# %% setup=true
import numpy as np

# %% [markdown]
# ## 1 The corrected softmax
#
# **Task.** Compute the loss of a batch of pairs, in which the items of the other pairs are the wrong answers, corrected for
# how often they are drawn.
#
# $$
# \mathcal{L} = -\frac{1}{B} \sum_k \log \frac{e^{s_{kk} - \log q_k}}{\sum_{j \in B_k} e^{s_{kj} - \log q_j}}
# $$
#
# | symbol | meaning |
# |---|---|
# | $B$ | pairs in the batch |
# | $s_{kj}$ | score of pair $k$'s user with pair $j$'s item |
# | $q_j$ | chance that a drawn pair has item $j$ |
# | $B_k$ | pair $k$ itself, and the pairs whose item is another than pair $k$'s |
#
# **Example.** Two pairs, items 0 and 1, `q` 0.8 and 0.2, all scores 0. $e^{-\log q}$ is 1.25 and 5. The shares are 1.25 / 6.25 = 0.2 and
# 5 / 6.25 = 0.8; the loss is −(log 0.2 + log 0.8) / 2 = 0.916.
#
# **Contract.**
#
# - `scores` is a float array [B, B], `items` an int array [B]: the item of each pair. `q` is a float array with an entry for
#   each item of the catalogue, above 0 for every item of the batch. The result is a float.
# - Scores may be as large as 1,000: the result stays finite.
#
# **In the shop.** Without the correction a mug that half of the customers own is pushed down in every batch.

# %% question="corrected_softmax" points=3
def corrected_softmax(scores: np.ndarray, items: np.ndarray, q: np.ndarray) -> float:
    """The loss of a batch.

    Args:
        scores: float [B, B]. items: int [B]. q: float [n_items].

    Returns:
        float, at least 0.
    """
    ### BEGIN SOLUTION
    values = []
    for k, item in enumerate(items):
        rivals = [j for j in range(len(items)) if j == k or items[j] != item]
        points = np.array([scores[k, j] - np.log(q[items[j]]) for j in rivals])
        top = points.max()
        mine = scores[k, k] - np.log(q[item])
        values.append(top + np.log(np.exp(points - top).sum()) - mine)
    return float(np.mean(values))
    ### END SOLUTION


# %% [markdown]
# ## 2 What the user tower reads
#
# **Task.** A user is the mean of the vectors of the items in the history. In training, the item to be guessed must not be
# among them.
#
# $$
# \bar{\mathbf{x}} = \frac{1}{|H|} \sum_{i \in H} \mathbf{x}_i, \qquad H = \text{history without the target}
# $$
#
# | symbol | meaning |
# |---|---|
# | $H$ | the different items of the history, the target taken out |
# | $\mathbf{x}_i$ | vector of item $i$ |
# | $\lvert H \rvert$ | how many they are |
#
# **Example.** Vectors (1, 0), (0, 1), (1, 1) of items 0, 1, 2. The history is [0, 2, 2, 2, 1]. With target 1, $H$ = {0, 2} and the mean is
# (1, 0.5). With target −1 (nothing to be guessed), it is (2/3, 2/3).
#
# **Contract.**
#
# - `history` is a list of item rows, repeats allowed, which count once. `target` is an item row, or −1.
# - `vectors` is a float array [n, d]; the result is a float array [d]. Where $H$ is empty, it is zeros.
#
# **In the shop.** With the target left in, training looks splendid, and the lists are no better than before.

# %% question="read_history" points=3
def read_history(history: list, target: int, vectors: np.ndarray) -> np.ndarray:
    """What the user tower reads.

    Args:
        history: list[int]. target: item row or -1. vectors: float [n, d].

    Returns:
        float array [d].
    """
    ### BEGIN SOLUTION
    kept = sorted(set(history) - {target})
    if not kept:
        return np.zeros(vectors.shape[1])
    return vectors[kept].mean(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## 3 A list from an index
#
# **Task.** An index of item vectors finds the largest inner products and knows nothing of what a user has. Ask it for enough
# items, drop those that were seen, and give the best `k` of the rest. Each item also has a bias.
#
# $$
# s_i = \mathbf{u} \cdot \mathbf{v}_i + b_i = [\mathbf{u}; 1] \cdot [\mathbf{v}_i; b_i]
# $$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{u}$, $\mathbf{v}_i$ | vectors of the user and of item $i$ |
# | $b_i$ | how much everybody likes item $i$ |
# | $s_i$ | the score |
#
# **Example.** Vectors (1, 0), (0, 1), (1, 1), biases 0, 0.5, −2, user (1, 0.2): scores 1, 0.7, −0.8. With `seen` = [0] and `k` = 2 the list
# is [1, 2]; with `k` = 1 it is [1].
#
# **Contract.**
#
# - `user` is a float array [d], `vectors` [n, d], `bias` [n]; `seen` is a list of item rows, perhaps empty, repeats allowed.
# - Return at most `k` rows as a list, best first; fewer where fewer are left. Equal scores: the lower row first.
#
# **In the shop.** Who asks for exactly `k` and then drops what was seen shows the best customers the shortest lists.

# %% question="serve_unseen" points=3
def serve_unseen(user: np.ndarray, vectors: np.ndarray, bias: np.ndarray, seen: list, k: int) -> list:
    """The k best items that the user hasn't seen.

    Args:
        user: float [d]. vectors: float [n, d]. bias: float [n]. seen: list[int]. k: at least 1.

    Returns:
        list[int] of at most k rows, best first.
    """
    ### BEGIN SOLUTION
    points = vectors @ user + bias
    asked = np.argsort(-points, kind="stable")[: k + len(seen)]
    return [int(row) for row in asked if row not in seen][:k]
    ### END SOLUTION
