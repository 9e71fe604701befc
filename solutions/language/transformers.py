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
# # Transformers
#
# Three small functions hold most of what a transformer is: attention with a mask, the size of a model, and the
# exercise that a GPT is trained on. Run the first code cell below (Shift+Enter); it brings what the answers and the
# checks need. Then write each function where it says `...  # your code here`, run that cell, and run the one below it:
# it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **token** is a word or a piece of a word; a text is a row of tokens, and each has a whole number, its **id**.
# - The **width** is the length of the vector that stands for a token inside the model.
# - A **mask** says which tokens a token may look at: `True` where it may, `False` where it may not.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Attention with a mask
#
# **Task.** Each token asks a question (its *query*), each offers a description of itself (its *key*) and something to
# hand over (its *value*). A token gets the mean of the values, weighted by how well the keys fit its query:
#
# $$
# s_{ij} = \frac{q_i \cdot k_j}{\sqrt{d}}
# \qquad
# w_{ij} = \frac{m_{ij}\, e^{s_{ij}}}{\sum_{t} m_{it}\, e^{s_{it}}}
# \qquad
# o_i = \sum_j w_{ij}\, v_j
# $$
#
# | symbol | meaning |
# |---|---|
# | $q_i$, $k_j$, $v_j$ | row $i$ of `query`, row $j$ of `key`, row $j$ of `value` |
# | $d$ | length of a query, which is the length of a key |
# | $m_{ij}$ | 1 where `mask[i, j]` is `True`, else 0 |
# | $w_{ij}$ | how much token $i$ takes from token $j$; each row sums to 1 |
# | $o_i$ | row $i$ of the result |
#
# **Example.** One query `[2, 0, 0, 0]`, keys `[0, 0, 0, 0]`, `[ln 3, 0, 0, 0]` and `[9, 9, 9, 9]`, values `[4]`, `[8]`
# and `[100]`; the mask forbids the third. With $d = 4$ the scores are 0 and 2 · ln 3 / 2 = ln 3, so the weights are
# 1/4 and 3/4, and the result is 4/4 + 3 · 8/4 = `[7]`.
#
# **Contract.**
#
# - `query` is an array [l, d], `key` [m, d], `value` [m, e], `mask` an array of booleans [l, m]. The result is an
#   array of floats [l, e]. Leave the arguments as they are.
# - A token that may not look at anything gets zeros, not NaN (“not a number”): a row of padding must not poison others.
# - Scores may be large, up to some thousands, and $e^{1000}$ is infinite: subtract from each row its largest *allowed*
#   score first. That changes no weight.
#
# **In the shop.** Titles of different lengths are computed side by side and filled up with padding. With a wrong
# mask, the vector of a product depends on which other products stood beside it.

# %% question="masked_attention" points=4
def masked_attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Scaled dot-product attention over the keys that the mask allows.

    Args:
        query: float array [l, d].
        key: float array [m, d].
        value: float array [m, e].
        mask: bool array [l, m], True where a query may look at a key.

    Returns:
        float array [l, e]; a row of zeros where the mask allows nothing.
    """
    ### BEGIN SOLUTION
    scores = query @ key.T / math.sqrt(query.shape[1])
    scores = np.where(mask, scores, -np.inf)
    highest = scores.max(axis=1, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    weights = np.exp(scores - highest)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / np.where(total > 0, total, 1.0)) @ value
    ### END SOLUTION


# %% [markdown]
# ## 2 How large is it?
#
# **Task.** Count the parameters of a BERT-like encoder from its configuration. A linear layer from $a$ to $b$ numbers
# has $a \cdot b + b$ of them (a matrix and a *bias*), a normalisation (LayerNorm) of width $d$ has $2d$.
#
# $$
# N = \underbrace{(V + P + 2)\, d + 2d}_{\text{embeddings}}
#   + L \Big[ \underbrace{4\,(d^2 + d)}_{\text{attention}}
#   + \underbrace{(d h + h) + (h d + d)}_{\text{feed-forward}}
#   + \underbrace{2 \cdot 2d}_{\text{two norms}} \Big]
# $$
#
# | symbol | meaning |
# |---|---|
# | $V$, $P$ | `vocabulary`, the number of tokens; `places`, the most tokens that a text may have. Each has a vector of its own; so have the 2 kinds of *segments* (first or second text) |
# | $d$, $h$ | `width`; `hidden`, the width inside the feed-forward network |
# | $L$ | `layers`, the number of blocks |
#
# The 4 linear layers of attention make queries, keys and values, and join the heads again.
#
# **Example.** `vocabulary=10, width=4, layers=1, heads=2, hidden=8, places=6`: embeddings (10 + 6 + 2) · 4 + 8 = 80;
# attention 4 · (16 + 4) = 80; feed-forward (32 + 8) + (32 + 4) = 76; norms 16. Together 252.
#
# **Contract.**
#
# - All arguments are whole numbers of at least 1, but `layers` may be 0; the result is a whole number (`int`).
# - `heads` is in every configuration. Each head has `width / heads` of the columns: think about what that means for the
#   number of parameters.
# - If `width` can't be shared equally by the heads, there is no such model: raise a `ValueError`.
#
# **In the shop.** Parameters are what has to be stored, loaded and multiplied for every query: each is worth 2 to 4
# bytes of memory, and 2 operations for every token.

# %% question="encoder_parameters" points=3
def encoder_parameters(vocabulary: int, width: int, layers: int, heads: int, hidden: int, places: int) -> int:
    """Number of parameters of a BERT-like encoder without a head.

    Args:
        vocabulary, places: rows of the token and of the position table.
        width: of a token's vector.
        layers: number of blocks, at least 0.
        heads: of attention.
        hidden: width inside the feed-forward network.

    Returns:
        int.

    Raises:
        ValueError: width is not a multiple of heads.
    """
    ### BEGIN SOLUTION
    if width % heads:
        raise ValueError("width is not a multiple of heads")
    embeddings = (vocabulary + places + 2) * width + 2 * width
    attention = 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    return embeddings + layers * (attention + feed_forward + 4 * width)
    ### END SOLUTION


# %% [markdown]
# ## 3 What comes next? The exercise of a GPT
#
# **Task.** A decoder is asked at every token for the one after it. From texts of different lengths, make the three
# arrays that a training step needs:
#
# 1. `inputs`: each text **without its last** token, filled up with `pad`.
# 2. `targets`: each text **without its first** token, so that `targets[b, i]` is what comes after `inputs[b, i]`;
#    filled up with −100, which the loss passes over.
# 3. `mask`: `mask[b, i, j]` is `True` where token $i$ of text $b$ may look at token $j$:
#
# $$
# \text{mask}_{bij} = [\, j \le i \,] \cdot [\, j < n_b - 1 \,]
# $$
#
# | symbol | meaning |
# |---|---|
# | $n_b$ | number of tokens of text $b$, so that its inputs have $n_b - 1$; places count from 0 |
# | $[\,\dots]$ | 1 (`True`) if it is so, else 0 (`False`) |
#
# **Example.** Texts `[7, 8, 9]` and `[5, 6]` with `pad=0`: inputs `[[7, 8], [5, 0]]`, targets `[[8, 9], [6, -100]]`. The
# mask of the first text is `[[True, False], [True, True]]`; that of the second `[[True, False], [True, False]]`,
# since its second column is padding.
#
# **Contract.**
#
# - `texts` is a list of lists of ids, each of at least 2, at least one text; `pad` is a whole number, and may also be
#   the id of a real token, so find padding by the lengths and not by the value.
# - The result is a tuple of three arrays: whole numbers [b, l], whole numbers [b, l], booleans [b, l, l], where l is
#   the length of the longest text less 1.
#
# **In the shop.** Forget $j \le i$ and the loss looks wonderful: the model copies the answer from the place to the right.
# The chapter's lab shows what it writes then.

# %% question="next_token_batch" points=4
def next_token_batch(texts: list, pad: int) -> tuple:
    """Inputs, targets and mask of a training step that asks for the next token.

    Args:
        texts: list[list[int]], token ids of each text, at least 2 each.
        pad: id that fills up the inputs.

    Returns:
        tuple: int array [b, l], int array [b, l] (−100 where nothing is asked), bool array [b, l, l].
    """
    ### BEGIN SOLUTION
    longest = max(len(text) for text in texts) - 1
    inputs = np.full((len(texts), longest), pad)
    targets = np.full((len(texts), longest), -100)
    real = np.zeros((len(texts), longest), dtype=bool)
    for number, ids in enumerate(texts):
        n = len(ids) - 1
        inputs[number, :n], targets[number, :n], real[number, :n] = ids[:-1], ids[1:], True
    causal = np.tril(np.ones((longest, longest), dtype=bool))
    return inputs, targets, causal[None] & real[:, None, :]
    ### END SOLUTION
