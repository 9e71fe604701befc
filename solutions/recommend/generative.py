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
# # Generative recommendation
#
# Three small functions: name a product, strike out what is no product, and search for likely names. Run the first code
# cell below (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says
# `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came out, and what to try
# next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Codes, coarse to fine
#
# **Task.** Each level has a book of centres. Level by level, take the number of the centre that is nearest to what is left
# of the vector, and subtract that centre:
#
# $$
# c_\ell = \arg\min_k \, \| \mathbf{r}_\ell - \mathbf{b}_{\ell k} \|^2, \qquad
# \mathbf{r}_{\ell + 1} = \mathbf{r}_\ell - \mathbf{b}_{\ell c_\ell}, \qquad \mathbf{r}_1 = \mathbf{x}
# $$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{x}$ | vector of the product |
# | $\ell$ | level |
# | $\mathbf{b}_{\ell k}$ | centre $k$ in the book of level $\ell$, counted from 0 |
# | $\mathbf{r}_\ell$ | what is left before level $\ell$ |
# | $c_\ell$ | code of level $\ell$ |
#
# **Example.** `vector = [5, 1]`, `books = [[[0, 0], [4, 0]], [[2, 0], [0, 1]]]`. Nearest at level 1 is centre 1, `[4, 0]`;
# left is `[1, 1]`. At level 2 the distances are 1 + 1 = 2 and 1 + 0 = 1: centre 1, and `[1, 0]` is left. The result is
# `([1, 1], [1.0, 0.0])`.
#
# **Contract.**
#
# - `vector` is a list of d floats; `books` is a list of levels, each a list of at least one centre of d floats. Levels may
#   have books of different size.
# - The result is a tuple: the list of codes, and the list of d floats that is left at the end.
# - Of two centres that are equally near, the lower number counts. No book: no code, and the whole vector is left.
#
# **In the shop.** The first code is a department that nobody had to name, the next ones are shelves in it. Two products
# that begin alike are alike, and what the network learns about one beginning holds for both.

# %% question="residual_codes" points=3
def residual_codes(vector: list, books: list) -> tuple:
    """Codes of a vector by residual quantisation, and what they leave.

    Args:
        vector: list[float] of length d. books: list[list[list[float]]], centres of each level.

    Returns:
        (list[int], list[float]), a code for each level, and the rest.
    """
    ### BEGIN SOLUTION
    rest, names = np.array(vector, dtype=float), []
    for book in books:
        gaps = [float(((rest - np.array(centre)) ** 2).sum()) for centre in book]
        names.append(gaps.index(min(gaps)))
        rest = rest - np.array(book[names[-1]], dtype=float)
    return names, rest.tolist()
    ### END SOLUTION


# %% [markdown]
# ## 2 Only products
#
# **Task.** The network has scores for all codes of the next place. Give the chance of each code, where only those can come
# that make the beginning of some product's word:
#
# $$
# P(c \mid p) = \frac{e^{s_c}}{\sum_{k \in A(p)} e^{s_k}} \ \text{ for } c \in A(p), \qquad P(c \mid p) = 0 \ \text{ for all others}
# $$
#
# | symbol | meaning |
# |---|---|
# | $p$ | the codes that are written already |
# | $s_c$ | score of code $c$ |
# | $A(p)$ | the codes that follow $p$ in some word of the catalogue |
#
# **Example.** The words `[[0, 2], [0, 1], [1, 0]]`, written `[0]`, scores `[9, 0, 0]`. After 0 there are words with 2 and
# with 1, but none with 0, whatever its score: the result is `[0.0, 0.5, 0.5]`.
#
# **Contract.**
#
# - `words` is a list of lists of whole numbers, all of one length. `written` is a list, perhaps empty, shorter than a word.
#   `scores` is a list of floats, one for each code.
# - The result is a list of floats as long as `scores`. It sums to 1, or is all 0 where no word begins like this.
# - Scores may be as large as 1,000 or as small as −1,000: neither may overflow, nor may it divide by 0.
#
# **In the shop.** Leave a word out of the list, and the product can't be recommended any more: sold out, recalled, not for
# this age. No training is needed for that.

# %% question="next_chances" points=4
def next_chances(words: list, written: list, scores: list) -> list:
    """Chances of the next code among those that lead to a product.

    Args:
        words: list[list[int]], of all products. written: list[int], the codes so far. scores: list[float], of each code.

    Returns:
        list[float], a chance for each code.
    """
    ### BEGIN SOLUTION
    so_far = len(written)
    open_codes = {word[so_far] for word in words if list(word[:so_far]) == list(written)}
    if not open_codes:
        return [0.0] * len(scores)
    peak = max(scores[code] for code in open_codes)
    weights = [math.exp(score - peak) if code in open_codes else 0.0 for code, score in enumerate(scores)]
    return [weight / sum(weights) for weight in weights]
    ### END SOLUTION


# %% [markdown]
# ## 3 One step of a beam
#
# **Task.** A beam holds the likeliest beginnings found so far, each with the logarithm of its chance. Make every beginning
# longer by every code that can follow, and keep the `width` likeliest of all:
#
# $$
# \log P(p, c) = \log P(p) + \log P(c \mid p)
# $$
#
# | symbol | meaning |
# |---|---|
# | $p$ | a beginning: the codes written so far |
# | $c$ | the next code |
# | $P(c \mid p)$ | its chance after this beginning; 0 where it leads to no product |
#
# **Example.** `beams = [([0], log 0.6), ([1], log 0.4)]`, `chances = [[0.5, 0.5], [0.0, 1.0]]`, `width = 2`. The longer
# beginnings have the chances 0.3, 0.3 and 0.4. Kept are `([1, 1], log 0.4)` and, of the two that are equal, `([0, 0], log
# 0.3)`.
#
# **Contract.**
#
# - `beams` is a list of pairs (list of codes, float). `chances` is a list with a list of floats for each beam: the chance
#   of code 0, 1, … after it. `width` is at least 1.
# - The result is such a list of pairs, the likeliest first; of two that are equally likely, first the one whose codes come
#   first when lists are compared. It may be shorter than `width`, and must not hold a beginning of chance 0.
# - `width` counts all beams together. The beams that were given stay as they are.
#
# **In the shop.** A list of ten products needs a beam that is wider than ten: what the visitor has seen and what is out of
# stock takes places too.

# %% question="beam_step" points=4
def beam_step(beams: list, chances: list, width: int) -> list:
    """The likeliest beginnings that are one code longer.

    Args:
        beams: list[tuple[list[int], float]], codes and log chance. chances: list[list[float]]. width: int.

    Returns:
        list[tuple[list[int], float]], at most width.
    """
    ### BEGIN SOLUTION
    longer = []
    for (codes, known), after in zip(beams, chances):
        for code, chance in enumerate(after):
            if chance > 0:
                longer.append(([*codes, code], known + math.log(chance)))
    longer.sort(key=lambda pair: (-pair[1], pair[0]))
    return longer[:width]
    ### END SOLUTION
