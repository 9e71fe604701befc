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
# # Feature extraction
#
# Three small functions stand between a language model and a search by meaning: one vector out of many, negatives to
# learn from, and a shorter vector. Run the first code cell below (Shift+Enter); it brings what the answers and the
# checks need. Then write each function where it says `...  # your code here`, run that cell, and run the one below it:
# it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `np` is there, your other cells are not.

# %% setup=true
import numpy as np

# %% [markdown]
# ## 1 Mean pooling, and length 1
#
# **Task.** A model has given each token of a product text a vector. Texts of one batch were filled up with padding to
# one length; a mask says which rows are tokens. Take the mean of the tokens' vectors, and bring it to length 1.
#
# $$
# \mathbf{v} = \frac{\sum_i m_i\, \mathbf{h}_i}{\sum_i m_i}
# \qquad
# \mathbf{u} = \frac{\mathbf{v}}{\lVert \mathbf{v} \rVert}
# $$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{h}_i$ | vector of row $i$ |
# | $m_i$ | 1 if row $i$ is a token, 0 if it is padding |
# | $\lVert \mathbf{v} \rVert$ | length of the mean: the root of the sum of its squared components |
#
# **Example.** Rows (2, 0), (4, 8) and (9, 9), mask 1, 1, 0. The mean of the first two is (3, 4), its length 5, and the
# result (0.6, 0.8). The third row is padding: whatever stands there must not matter.
#
# **Contract.**
#
# - `hidden` is a float array [l, d], `mask` an int array [l] of 0 and 1, l and d at least 1. The result is a float
#   array [d].
# - Padding may stand anywhere.
# - Where no row is a token, or the mean is exactly zero, there is no direction: return zeros, and neither NaN nor a
#   warning.
#
# **In the shop.** Every vector of a catalogue is made in this way. Who counts the padding gets another vector for the
# same product whenever its neighbours in the batch change.

# %% question="mean_pool_unit" points=3
def mean_pool_unit(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of the rows that are tokens, of length 1.

    Args:
        hidden: float [l, d], a vector per row.
        mask: int [l], 1 where the row is a token, 0 where it is padding.

    Returns:
        float [d], of length 1, or zeros where there is no direction.
    """
    ### BEGIN SOLUTION
    mean = (hidden * mask[:, None]).sum(axis=0) / max(mask.sum(), 1)
    length = np.linalg.norm(mean)
    return mean / length if length > 0 else mean
    ### END SOLUTION


# %% [markdown]
# ## 2 Hard negatives
#
# **Task.** Find the products that the present vectors put highest for a query although nobody said that they are good.
# Of these, leave out the first few: they are likely to be good, and merely unknown.
#
# Let $P$ be the known positives. Sort all rows $j \notin P$ by falling $s_j = \mathbf{u}_q \cdot \mathbf{u}_j$. Drop
# the first `skip` of them, and return the next $k$.
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{u}_q$, $\mathbf{u}_j$ | vectors of the query and of product $j$, of length 1 |
# | $s_j$ | the score of product $j$ |
# | $P$ | catalogue rows that are known to be good for the query |
# | $k$ | how many negatives are wanted |
#
# **Example.** The scores of five products are 0.9, 0.8, 0.7, 0.6 and 0.1, and row 1 is known to be good. Without it the
# order is 0, 2, 3, 4. With `k=2` and `skip=1`, row 0 is dropped and the result is `[2, 3]`.
#
# **Contract.**
#
# - `query` is a float array [d], `items` a float array [n, d], `positives` a set of rows, which may be empty; `k` is at
#   least 1, `skip` at least 0. The result is a list of ints, hardest first.
# - `skip` counts products that are *not* known to be good.
# - Where fewer than k are left, return those that are there, at worst an empty list.
# - Equal scores: the lower row comes first. `np.argsort(-scores, kind="stable")` does so.
#
# **In the shop.** Negatives at random are too easy: nobody confuses a kettle with a shoe. But of the hardest, many are
# good products that nobody has clicked yet, and a model that learns to push them away does harm.

# %% question="hard_negatives" points=3
def hard_negatives(query: np.ndarray, items: np.ndarray, positives: set, k: int, skip: int) -> list:
    """The k highest-scoring rows that are not known to be good, after the first skip of them.

    Args:
        query: float [d]. items: float [n, d].
        positives: set[int], rows of items that are known to be good; may be empty.
        k: how many, at least 1. skip: how many of the highest to leave out, at least 0.

    Returns:
        list[int] of at most k rows, hardest first.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-(items @ query), kind="stable")
    candidates = [int(row) for row in order if int(row) not in positives]
    return candidates[skip : skip + k]
    ### END SOLUTION


# %% [markdown]
# ## 3 A shorter vector that is whole again
#
# **Task.** A Matryoshka model puts the most important into the first components. Cut the vectors to their first $m$
# components, and bring each back to length 1, so that products are cosines again.
#
# $$
# \mathbf{u}^{(m)} = \frac{\mathbf{u}_{1:m}}{\lVert \mathbf{u}_{1:m} \rVert}
# $$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{u}_{1:m}$ | the first $m$ components of $\mathbf{u}$ |
# | $\lVert \cdot \rVert$ | length of a vector |
#
# **Example.** The vector (0.36, 0.48, 0.8) has length 1. Cut to $m = 2$ it is (0.36, 0.48), of length 0.6; divided by
# that it is (0.6, 0.8).
#
# **Contract.**
#
# - `vectors` is a float array [n, d], `m` a whole number from 1 to d. The result is a float array [n, m].
# - Each row is divided by its *own* length.
# - A row whose first m components are all zero stays zero, without NaN or a warning.
# - `vectors` itself must stay as it is.
#
# **In the shop.** 64 components in place of 384 are a sixth of the memory. A product whose weight lies in the part that
# was cut off would score low for every query if its vector weren't made whole again.

# %% question="truncate_unit" points=2
def truncate_unit(vectors: np.ndarray, m: int) -> np.ndarray:
    """The first m components of each row, brought back to length 1.

    Args:
        vectors: float [n, d].
        m: components to keep, from 1 to d.

    Returns:
        float [n, m].
    """
    ### BEGIN SOLUTION
    cut = vectors[:, :m]
    length = np.linalg.norm(cut, axis=1, keepdims=True)
    return cut / np.where(length > 0, length, 1)
    ### END SOLUTION
