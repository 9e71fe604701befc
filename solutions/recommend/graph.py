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
# # Graph recommendation
#
# Three small functions: what LightGCN does with its vectors, the same idea without any vectors, and the test that tells
# whether the edges mattered. Run the first code cell below (Shift+Enter); it brings what the answers and the checks
# need. Then write each function where it says `...  # your code here`, run that cell, and run the one below it: it
# tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - An **edge** joins a user and an item that have met. Users and items count from 0.
# - The **degree** of a user or an item is the number of its edges.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 LightGCN's forward pass
#
# **Task.** In each layer a node receives what its neighbours held in the layer before, each divided by the root of both
# degrees. The final vector is the mean of all layers, the first included:
#
# $$
# \mathbf{e}_u^{(k+1)} = \sum_{i \in N(u)} \frac{\mathbf{e}_i^{(k)}}{\sqrt{d_u d_i}}
# \qquad
# \mathbf{e}_i^{(k+1)} = \sum_{u \in N(i)} \frac{\mathbf{e}_u^{(k)}}{\sqrt{d_u d_i}}
# \qquad
# \mathbf{z} = \frac{1}{K + 1} \sum_{k=0}^{K} \mathbf{e}^{(k)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $N(u)$, $N(i)$ | the neighbours of user $u$, of item $i$ |
# | $d_u$, $d_i$ | their degrees |
# | $\mathbf{e}^{(k)}$ | vectors in layer $k$; those of layer 0 are given |
# | $K$ | number of layers |
#
# **Example.** One user with two items, each of which has no other user: $d_u = 2$, $d_i = 1$, so that each edge weighs
# $1/\sqrt 2$. With vectors of one number, 2 for the user and 1 and 3 for the items, layer 1 is $(1 + 3)/\sqrt 2 =
# 2.828$ for the user and $2/\sqrt 2 = 1.414$ for either item. With $K = 1$ the user ends at (2 + 2.828) / 2 = 2.414,
# the items at 1.207 and 2.207.
#
# **Contract.**
#
# - `edges` is a list of pairs `[user, item]`, none twice. `users` and `items` are lists of vectors, each a list of
#   floats, all of the same length. `layers` is a whole number from 0. The result is a tuple `(users, items)` of two
#   lists of vectors.
# - Both sides of a layer are computed from the layer before, neither from the other's new values.
# - A node without an edge receives nothing: its vectors in the layers from 1 on are zero, and still count in the mean.
#
# **In the shop.** This is all that LightGCN computes. It has no weights but the vectors of layer 0, and the rest of the
# method is how these are learned.

# %% question="lightgcn_forward" points=4
def lightgcn_forward(edges: list, users: list, items: list, layers: int) -> tuple:
    """Mean of the layers 0 to `layers` of LightGCN.

    Args:
        edges: list[list[int]], pairs [user, item].
        users, items: list[list[float]], the vectors of layer 0.
        layers: int, how many steps over the edges, from 0.

    Returns:
        tuple of two lists of vectors: the final vectors of users and of items.
    """
    ### BEGIN SOLUTION
    share = np.zeros((len(users), len(items)))
    for person, thing in edges:
        share[person, thing] = 1.0
    busy, liked = share.sum(1), share.sum(0)
    share /= np.sqrt(np.outer(np.where(busy > 0, busy, 1), np.where(liked > 0, liked, 1)))
    now_u, now_i = np.array(users, float), np.array(items, float)
    sum_u, sum_i = now_u, now_i
    for _step in range(layers):
        now_u, now_i = share @ now_i, share.T @ now_u
        sum_u, sum_i = sum_u + now_u, sum_i + now_i
    return (sum_u / (layers + 1)).tolist(), (sum_i / (layers + 1)).tolist()
    ### END SOLUTION


# %% [markdown]
# ## 2 Two steps, and nothing to train
#
# **Task.** A user's history is a signal on the items: 1 for each item that the user has, 0 elsewhere. Let it walk two
# edges, from the items to all users who have them and on to these users' items, and take what arrives as the score:
#
# $$
# s_j = \sum_{i \in H} \; \sum_{v \in N(i) \cap N(j)} \frac{1}{\sqrt{d_v d_i}} \cdot \frac{1}{\sqrt{d_v d_j}}
# $$
#
# | symbol | meaning |
# |---|---|
# | $H$ | the items of the user's history |
# | $j$ | the item that is scored |
# | $N(i) \cap N(j)$ | the users who have both $i$ and $j$ |
# | $d_v$, $d_i$, $d_j$ | degrees |
#
# **Example.** User 0 has items 0 and 1, user 1 has items 1 and 2. The history is item 0. Only user 0 has it. The score
# of item 1 is $1/\sqrt{2 \cdot 1} \cdot 1/\sqrt{2 \cdot 2} = 0.354$; item 2 has no user in common with item 0 and gets
# 0. Item 0 itself is in the history.
#
# **Contract.**
#
# - `edges` is a list of pairs `[user, item]`, none twice; `n_items` is how many items there are; `history` is a list of
#   items, none twice, and may be empty. The result is a list of `n_items` floats.
# - An item of the history has the score `-math.inf`: it must not be listed again.
# - An item without an edge scores 0, also where it stands in the history as the only item: nothing arrives from it.
#   (In the history it is `-math.inf` itself, of course.)
#
# **In the shop.** The history need not belong to a user of the graph. So a customer who came a minute ago gets a list
# at once, and no model was trained for it.

# %% question="two_step_scores" points=3
def two_step_scores(edges: list, n_items: int, history: list) -> list:
    """Scores of all items for a history, by two steps over the normalised edges.

    Args:
        edges: list[list[int]], pairs [user, item].
        n_items: int, how many items there are.
        history: list[int], items that the user has.

    Returns:
        list[float], a score for each item; -math.inf for those of the history.
    """
    ### BEGIN SOLUTION
    basket, fans = {}, [[] for _ in range(n_items)]
    for person, thing in edges:
        basket.setdefault(person, []).append(thing)
        fans[thing].append(person)
    score = [0.0] * n_items
    for thing in history:
        for person in fans[thing]:
            for other in basket[person]:
                score[other] += 1 / (len(basket[person]) * math.sqrt(len(fans[thing]) * len(fans[other])))
    return [-math.inf if place in history else value for place, value in enumerate(score)]
    ### END SOLUTION


# %% [markdown]
# ## 3 The test: swap the edges
#
# **Task.** Does a graph model live on *who* is joined to *what*, or only on how busy everybody is? Swap edges in pairs,
# so that every degree stays, and train again. Write the swapping: two edges $u$–$i$ and $v$–$j$ become $u$–$j$ and
# $v$–$i$, unless one of the new edges is there already.
#
# **Example.** Edges `[[0, 0], [1, 1], [2, 0]]`. The swap `[0, 1]` makes `[[0, 1], [1, 0], [2, 0]]`. On that, the swap
# `[1, 2]` would join user 1 and item 0, and user 2 and item 0: both are there already, so nothing happens.
#
# **Contract.**
#
# - `edges` is a list of pairs `[user, item]`, none twice. `swaps` is a list of pairs `[a, b]` of places in `edges`,
#   counted from 0, to be tried in order. The result is a new list of pairs, in the places of the old ones.
# - A swap is refused when one of the two new edges stands anywhere in the list *as it is then*. Two edges of one user,
#   or of one item, are thus never swapped: they would become one another.
# - The list that was given stays as it was.
#
# **In the shop.** If the swapped graph recommends as well as the real one, then the model has learned what is popular,
# and a list of best-sellers would do. This test costs one more training and has sunk many a graph model.

# %% question="swap_edges" points=3
def swap_edges(edges: list, swaps: list) -> list:
    """Edges after trying the swaps in order; every degree stays.

    Args:
        edges: list[list[int]], pairs [user, item].
        swaps: list[list[int]], pairs of places in `edges`.

    Returns:
        list[list[int]], the edges afterwards.
    """
    ### BEGIN SOLUTION
    now = [tuple(pair) for pair in edges]
    present = set(now)
    for here, there in swaps:
        (one, first), (two, second) = now[here], now[there]
        crossed = {(one, second), (two, first)}
        if not crossed & present:
            present = (present - {now[here], now[there]}) | crossed
            now[here], now[there] = (one, second), (two, first)
    return [list(pair) for pair in now]
    ### END SOLUTION
