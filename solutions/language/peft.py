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
# # Parameter-efficient fine-tuning
#
# Three small functions hold most of what this chapter is about: what LoRA adds to a weight matrix, what it costs, and
# how AdaLoRA shares out its ranks. Run the first code cell below (Shift+Enter); it brings what the answers and the
# checks need. Then write each function where it says `...  # your code here`, run that cell, and run the one below it:
# it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `np` is there, your other cells are not.
#
# Words that all questions use:
#
# - A linear layer with weights $W$ turns a row $x$ into $x W^\top$. $W$ has one row per output and one column per input.
# - The **rank** $r$ says how thin the two matrices of a LoRA are.
# - A weight is **trained** when the optimiser changes it, and **frozen** otherwise.

# %% setup=true
import numpy as np

# %% [markdown]
# ## 1 Merge a LoRA into its layer
#
# **Task.** LoRA leaves $W$ as it is and learns two thin matrices $A$ and $B$. When training is over, they can be added
# to $W$, and the layer costs what it cost before. Compute the merged weights:
#
# $$
# W' = W + \frac{\alpha}{r}\, B A
# $$
#
# | symbol | meaning |
# |---|---|
# | $W$ | frozen weights, shape (outputs, inputs) |
# | $A$ | trained, shape ($r$, inputs) |
# | $B$ | trained, shape (outputs, $r$) |
# | $r$ | the rank: the number of rows of $A$ |
# | $\alpha$ | a number that sets how strongly the LoRA counts |
#
# **Example.** $W$ = [[1, 0], [0, 1]], $A$ = [[1, 2]], $B$ = [[3], [0]], $\alpha$ = 2. The rank is 1, so $B A$ =
# [[3, 6], [0, 0]] counts twice: $W'$ = [[7, 12], [0, 1]]. The row $x$ = [1, 1] gives $x W'^\top$ = [19, 1], and the layer
# with its LoRA beside it gives the same: [1, 1] + 2 · [9, 0].
#
# **Contract.**
#
# - `W`, `A` and `B` are lists of rows of numbers, with the shapes above; `alpha` is a number above 0. The result is the
#   merged matrix as a list of lists of floats.
# - The arguments stay as they are: whoever merges may want to go back.
#
# **In the shop.** A merchant whose adapter is used all day gets a merged model and pays nothing for the LoRA when
# somebody searches. Merchants who are seldom asked for keep theirs beside the shared weights.

# %% question="merge_lora" points=3
def merge_lora(W: list, A: list, B: list, alpha: float) -> list:
    """Weights of a layer with its LoRA added.

    Args:
        W: list of rows, shape (outputs, inputs).
        A: list of rows, shape (r, inputs).
        B: list of rows, shape (outputs, r).
        alpha: number above 0.

    Returns:
        list[list[float]], shape (outputs, inputs).
    """
    ### BEGIN SOLUTION
    W, A, B = (np.array(matrix, dtype=float) for matrix in (W, A, B))
    return (W + alpha / len(A) * (B @ A)).tolist()
    ### END SOLUTION


# %% [markdown]
# ## 2 What does a LoRA cost?
#
# **Task.** Some matrices of a model get a LoRA of rank $r$. How many weights are trained, and how many bytes does the
# optimiser Adam hold for them? Adam keeps two numbers for each trained weight (a running mean of its gradients and one
# of their squares), 4 bytes each.
#
# $$
# n = \sum_{m} r \,(o_m + i_m) \qquad \text{bytes} = 8\, n
# $$
#
# | symbol | meaning |
# |---|---|
# | $m$ | a matrix that gets a LoRA |
# | $o_m$, $i_m$ | its outputs and inputs |
# | $r$ | the rank, the same for all |
# | $n$ | number of trained weights |
#
# **Example.** Two matrices, of 8 outputs and 8 inputs and of 16 outputs and 8 inputs, rank 2:
# $n$ = 2 · (8 + 8) + 2 · (16 + 8) = 80 trained weights, 640 bytes. Without LoRA all 8 · 8 + 16 · 8 = 192 would be trained.
#
# **Contract.**
#
# - `shapes` is a list of pairs (outputs, inputs) of whole numbers, possibly empty; `rank` is a whole number of at least
#   1. The result is a tuple of two whole numbers, (trained weights, bytes of the optimiser).
# - No biases are trained. The frozen weights are in memory as well, but Adam holds nothing for them.
#
# **In the shop.** Memory decides which machine is needed. This sum is the first thing to write down before anybody rents
# one.

# %% question="lora_cost" points=3
def lora_cost(shapes: list, rank: int) -> tuple:
    """Trained weights of a LoRA and the bytes that Adam holds for them.

    Args:
        shapes: list of (outputs, inputs), whole numbers; may be empty.
        rank: whole number, at least 1.

    Returns:
        tuple[int, int]: trained weights, bytes.
    """
    ### BEGIN SOLUTION
    trained = sum(rank * (outputs + inputs) for outputs, inputs in shapes)
    return trained, 8 * trained
    ### END SOLUTION


# %% [markdown]
# ## 3 Share out the ranks, as AdaLoRA does
#
# **Task.** AdaLoRA gives each layer some directions, each with an importance, and has a *budget*: so many directions may
# stay, in all layers together. The least important ones fall, wherever they are. How many stay in each layer?
#
# $$
# \theta = \text{the } (n - b)\text{-th smallest importance}, \qquad
# r_\ell = \left|\{\, j : s_{\ell j} > \theta \,\}\right|
# $$
#
# | symbol | meaning |
# |---|---|
# | $s_{\ell j}$ | importance of direction $j$ of layer $\ell$ |
# | $n$ | number of directions in all layers |
# | $b$ | the budget |
# | $\theta$ | the threshold: what is not above it falls |
# | $r_\ell$ | the rank that layer $\ell$ keeps |
#
# **Example.** The first layer has importances 0.9, 0.1 and 0.4, the second 0.2 and 0.3; the budget is 2. Of five, three
# fall: the third smallest is 0.3, so $\theta$ = 0.3, and 0.9 and 0.4 are above it. Both are in the first layer: ranks 2
# and 0. If the 0.4 were a 0.3, it would fall too, for it is not *above* the threshold: ranks 1 and 0, and one place of
# the budget is left empty.
#
# **Contract.**
#
# - `scores` is a list of lists of numbers of at least 0, one list per layer, at least one direction in all; `budget` is a
#   whole number of at least 0. The result is a list of whole numbers, one per layer.
# - **Ties fall together**: with $\theta$ as above, a direction whose importance equals it goes. So the budget is never
#   exceeded, but may be left unused.
# - With a budget of $n$ or more, everything stays.
#
# **In the shop.** A fixed rank gives every layer the same, whether or not the task has any use for it. A shared budget
# puts the weights where this merchant's goods differ from everybody else's.

# %% question="share_ranks" points=4
def share_ranks(scores: list, budget: int) -> list:
    """Rank that each layer keeps when all share one budget.

    Args:
        scores: list[list[float]], importance of each direction of each layer; a layer's list may be empty.
        budget: whole number of at least 0: directions that may stay in all layers together.

    Returns:
        list[int], one per layer.
    """
    ### BEGIN SOLUTION
    every = sorted(score for layer in scores for score in layer)
    gone = max(len(every) - budget, 0)
    if gone == 0:
        return [len(layer) for layer in scores]
    threshold = every[gone - 1]
    return [sum(score > threshold for score in layer) for layer in scores]
    ### END SOLUTION
