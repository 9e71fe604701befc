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
# # Collaborative filtering
#
# Three small functions: neighbours by cosine, one user's step of ALS, and EASE. Run the first code cell below
# (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says `...  # your code
# here`, run that cell, and run the one below it: it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `np` is there, your other cells are not.

# %% setup=true
import numpy as np

# %% [markdown]
# ## 1 Items that the same people had
#
# **Task.** Give the score of every item for one user: each item of the user's history votes for all others by its cosine.
#
# $$
# s_u(i) = \sum_{j \in u,\; j \ne i} \frac{n_{ji}}{\sqrt{n_j\, n_i}}
# $$
#
# | symbol | meaning |
# |---|---|
# | $u$ | the user; $j \in u$: an item of the user's history |
# | $n_i$ | users who had item $i$ |
# | $n_{ji}$ | users who had both |
#
# **Example.** `histories = [[0, 1], [0, 1], [2, 1], [0, 2]]`, `user = 3`: item 1 was had by three users, item 0 by three,
# item 2 by two; 0 and 1 go together twice, 2 and 1 once. The score of item 1 is 2/√9 + 1/√6 = 1.0749.
#
# **Contract.**
#
# - `histories` is a list of lists of rows, one list for each user; a row that stands twice in it counts once. `n_items` is the
#   size of the catalogue, `user` a row of `histories`. The result is a list of `n_items` floats.
# - Items of the history get scores too, from the *other* items of it. An item that nobody had gets 0.
#
# **In the shop.** This list needs no training, tells why, and is the bar that many a network doesn't reach.

# %% question="cosine_scores" points=4
def cosine_scores(histories: list, n_items: int, user: int) -> list:
    """Scores of all items for one user by item cosine.

    Args:
        histories: list[list[int]], rows of the items of each user. n_items: of the catalogue. user: row of histories.

    Returns:
        list of n_items floats.
    """
    ### BEGIN SOLUTION
    table = np.zeros((len(histories), n_items))
    for who, things in enumerate(histories):
        table[who, things] = 1
    together = table.T @ table
    root = np.sqrt(np.maximum(np.diag(together), 1))
    likeness = together / np.outer(root, root)
    np.fill_diagonal(likeness, 0)
    return (table[user] @ likeness).tolist()
    ### END SOLUTION


# %% [markdown]
# ## 2 One user's step
#
# **Task.** The item vectors are fixed. Give the user's vector that minimises
#
# $$
# \sum_{i} c_i\,(y_i - \mathbf{p} \cdot \mathbf{q}_i)^2 + \lambda \lVert \mathbf{p} \rVert^2
# $$
#
# | symbol | meaning |
# |---|---|
# | $i$ | *every* item of the catalogue |
# | $y_i$ | 1 where the user had $i$, else 0 |
# | $c_i$ | $\alpha$ where the user had $i$, else 1 |
# | $\mathbf{p}$, $\mathbf{q}_i$ | vectors of the user and of item $i$ |
# | $\lambda$ | regularisation |
#
# **Example.** Vectors `[[1], [2]]`, the user had item 0, α = 3, λ = 1: minimise 3 (1 − p)² + (2p)² + p², so 8p = 3 and the
# result is `[0.375]`.
#
# **Contract.**
#
# - `item_vectors` is a list of lists of floats, `had` a list of different rows, `alpha` and `lam` are above 0. The result is
#   a list of floats, as long as an item's vector.
# - A user without an item gets zeros.
#
# **In the shop.** A new customer's vector is this one equation: no training anew.

# %% question="user_step" points=4
def user_step(item_vectors: list, had: list, alpha: float, lam: float) -> list:
    """The best vector of one user for fixed item vectors.

    Args:
        item_vectors: list[list[float]]. had: list[int], rows. alpha, lam: floats above 0.

    Returns:
        list of floats.
    """
    ### BEGIN SOLUTION
    table = np.array(item_vectors, dtype=float)
    trust = np.ones(len(table))
    trust[had] = alpha
    wish = np.zeros(len(table))
    wish[had] = 1
    left_side = (table.T * trust) @ table + lam * np.identity(table.shape[1])
    return np.linalg.solve(left_side, table.T @ (trust * wish)).tolist()
    ### END SOLUTION


# %% [markdown]
# ## 3 Every item from all others
#
# **Task.** Give the weights of EASE:
#
# $$
# P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -P_{ij} / P_{jj} \;\; (i \ne j), \qquad B_{jj} = 0
# $$
#
# | symbol | meaning |
# |---|---|
# | $X$ | users × items, 1 where the user had the item, else 0 |
# | $\lambda$, $I$ | regularisation; identity matrix |
# | $B_{ij}$ | what having $i$ says for $j$ |
#
# **Example.** `x = [[1, 1], [1, 0]]`, λ = 1: XᵀX + I = `[[3, 1], [1, 2]]`, P = `[[0.4, −0.2], [−0.2, 0.6]]`, and the result is
# `[[0, 0.3333], [0.5, 0]]`.
#
# **Contract.**
#
# - `x` is a list of lists of 0 and 1, a row for each user. `lam` is above 0. The result is a list of lists of floats.
#
# **In the shop.** One matrix, one number to tune, no training loop.

# %% question="ease_matrix" points=3
def ease_matrix(x: list, lam: float) -> list:
    """The item weights of EASE.

    Args:
        x: list[list[int]], users × items. lam: float above 0.

    Returns:
        list[list[float]], items × items.
    """
    ### BEGIN SOLUTION
    table = np.array(x, dtype=float)
    solved = np.linalg.inv(table.T @ table + lam * np.identity(table.shape[1]))
    weights = solved / -solved.diagonal()[None, :]
    weights[np.diag_indices(len(weights))] = 0
    return weights.tolist()
    ### END SOLUTION
