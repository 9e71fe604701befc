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
# # Pretraining: three small pieces that every run rests on
#
# A pretraining makes its own questions out of plain text. Three functions decide whether these questions are the
# right ones, and whether the answers are counted rightly: what is hidden from a BERT, how surprised a GPT is, and
# what a T5 gets to read and to write. Run the first code cell below (Shift+Enter); it brings what the answers and the
# checks need. Then write each function where it says `...  # your code here`, run that cell, and run the one below
# it: it tells what is right, what came out, and what to try next. Each answer cell is read by itself, after the setup
# cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **token** is a word or a piece of one. A model sees its number, the token's **id**.
# - A **special token** marks the beginning, the end or the padding of a text. It is never hidden.
# - A **label** is what the model should have said at a place. The label **−100** means: nothing is asked here.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 What a BERT is asked: the masking rule
#
# **Task.** Some tokens of a text are *chosen*; the model must say what stood there. Not all of the chosen ones are
# hidden: 80 % become `[MASK]`, 10 % stay as they are, and 10 % become a random token. Otherwise the model would learn
# to look at `[MASK]` alone, which no text in the shop ever holds.
#
# Chance comes in two draws per token, both uniform between 0 and 1:
#
# $$
# \text{chosen}_i = \text{not special}_i \text{ and } u_i < s
# \qquad
# \tilde{x}_i = \begin{cases}
# \texttt{[MASK]} & \text{if chosen}_i \text{ and } f_i < 0.8 \\
# x_i & \text{if chosen}_i \text{ and } 0.8 \le f_i < 0.9 \\
# r_i & \text{if chosen}_i \text{ and } f_i \ge 0.9 \\
# x_i & \text{if not chosen}_i
# \end{cases}
# $$
#
# | symbol | meaning |
# |---|---|
# | $x_i$, $\tilde{x}_i$ | the token at place $i$; what the model sees there |
# | $u_i$, $f_i$ | `draw` and `fate`: the two draws of place $i$ |
# | $s$ | `share`: the part of the tokens that is chosen |
# | $r_i$ | `replacement`: a random token, drawn beforehand for each place |
#
# The label of a chosen place is the token that stood there, $x_i$, whatever the model sees. Everywhere else it is
# −100.
#
# **Example.** `ids = [1, 40, 41, 42, 2]`, the first and the last are special, `draw = [0.0, 0.1, 0.05, 0.9, 0.0]`,
# `fate = [0.5, 0.3, 0.95, 0.1, 0.5]`, `replacement = [60, 61, 62, 63, 64]`, `mask_id = 4`, `share = 0.15`. Places 1
# and 2 are chosen (counted from 0). Place 1 has fate 0.3 and becomes `[MASK]`; place 2 has fate 0.95 and becomes 62.
# The model sees `[1, 4, 62, 42, 2]`, the labels are `[-100, 40, 41, -100, -100]`.
#
# **Contract.**
#
# - `ids`, `special`, `draw`, `fate` and `replacement` are lists of one length, which may be 0; `special` holds truth
#   values. `mask_id` is a whole number, `share` a number from 0 to 1.
# - The result is a tuple of two lists of whole numbers, `(seen, labels)`. NumPy arrays are accepted as well.
# - Chosen means *below* the share: with `share = 0` nothing is chosen, whatever was drawn. The arguments stay
#   unchanged.
#
# **In the shop.** A tenth of the chosen tokens is left in plain sight, so the model can't know which words to trust.
# That is why its vectors are usable for texts in which nothing is hidden, such as product titles.

# %% question="mask_rule" points=3
def mask_rule(
    ids: list, special: list, draw: list, fate: list, replacement: list, mask_id: int, share: float
) -> tuple:
    """What the model sees of a text, and what it is asked.

    Args:
        ids: list[int], the tokens. special: list[bool], true where a token is never chosen.
        draw: list[float], a token is chosen where its draw is below ``share``.
        fate: list[float], what happens to a chosen token. replacement: list[int], the random tokens.
        mask_id: the id of [MASK]. share: float from 0 to 1.

    Returns:
        tuple[list[int], list[int]]: the tokens as seen, and the labels (-100 where nothing is asked).
    """
    ### BEGIN SOLUTION
    seen, labels = [], []
    for x, fixed, u, f, r in zip(ids, special, draw, fate, replacement):
        chosen = not fixed and u < share
        labels.append(x if chosen else -100)
        if not chosen or 0.8 <= f < 0.9:
            seen.append(x)
        else:
            seen.append(mask_id if f < 0.8 else r)
    return seen, labels
    ### END SOLUTION


# %% [markdown]
# ## 2 How surprised is a GPT? Perplexity
#
# **Task.** A causal model reads from left to right. At each place it gives a *logit* to every token of the
# vocabulary: the larger, the likelier it holds it to come **next**. So the logits at place $t$ are held against the
# label at place $t + 1$:
#
# $$
# H = -\frac{1}{|A|} \sum_{(b, t) \in A} \log \frac{\exp z_{b, t, y}}{\sum_{w} \exp z_{b, t, w}},
# \quad y = y_{b, t + 1}
# \qquad
# \text{perplexity} = e^{H}
# $$
#
# | symbol | meaning |
# |---|---|
# | $z_{b, t, w}$ | the logit of text $b$ at place $t$ for token $w$ of the vocabulary |
# | $y_{b, t+1}$ | the label one place further on |
# | $A$ | all places of all texts whose label one further on is not −100; $\lvert A \rvert$ counts them |
# | $H$ | the cross-entropy, in nats per token |
#
# Perplexity is the number of equally likely tokens that would surprise as much: a model that knows nothing of a
# vocabulary of 50 tokens has a perplexity of 50.
#
# **Example.** One text of three tokens, a vocabulary of two: labels `[[1, 0, 1]]`, logits `[[[log 3, 0], [0, log 3],
# [5, 5]]]`. At place 0 the model gives token 0 a probability of 3 / 4, and token 0 comes next; at place 1 it gives
# token 1 a probability of 3 / 4, and it comes. Place 2 has nothing after it. $H = -\log(3/4)$, the perplexity is 4 /
# 3. The label at place 0 is never asked for: nothing stands before it.
#
# **Contract.**
#
# - `logits` is an array [b, l, v] of finite numbers, `labels` an array of whole numbers [b, l] from 0 to v − 1, or
#   −100. The result is a float.
# - All asked places of all texts count alike: one mean over all of them, not a mean of the texts' means.
# - If nothing is asked, return `math.nan`.
# - Logits may be in the thousands: `np.exp(1000.0)` is infinite. Subtract the largest logit of each place first,
#   which changes no probability.
#
# **In the shop.** Perplexity on held-out texts is the number that says whether a pretraining still learns. It
# compares models that share a tokenizer, and no others. Whether search gets better is another question, and the
# chapter asks it.

# %% question="causal_perplexity" points=4
def causal_perplexity(logits: np.ndarray, labels: np.ndarray) -> float:
    """Perplexity of the next tokens; places with the label -100 are not asked.

    Args:
        logits: float [b, l, v]. labels: int [b, l], the tokens themselves, -100 where nothing is asked.

    Returns:
        float, at least 1; math.nan if nothing is asked.
    """
    ### BEGIN SOLUTION
    scores, following = logits[:, :-1], labels[:, 1:]
    asked = following != -100
    if not asked.any():
        return math.nan
    scores, following = scores[asked], following[asked]
    scores = scores - scores.max(axis=1, keepdims=True)
    right = scores[np.arange(len(following)), following]
    surprise = np.log(np.exp(scores).sum(axis=1)) - right
    return float(np.exp(surprise.mean()))
    ### END SOLUTION


# %% [markdown]
# ## 3 What a T5 reads and writes: span corruption
#
# **Task.** A T5 reads a text with holes and writes down what was in them. Each *run* of hidden tokens becomes one
# hole, and a hole is a *sentinel*: a token of its own, the first hole gets the first sentinel, the second the second.
# The target is the same thing turned inside out: each sentinel, and behind it what it stands for; a last sentinel
# says that nothing more comes.
#
# | | |
# |---|---|
# | text | soft **grey cotton** blanket for **children** |
# | input | soft `<0>` blanket for `<1>` |
# | target | `<0>` grey cotton `<1>` children `<2>` |
#
# **Example.** That is `ids = [30, 31, 32, 33, 34, 35]`, hidden at places 1, 2 and 5, sentinels `[90, 91, 92, 93]`:
# the input is `[30, 90, 33, 34, 91]`, the target `[90, 31, 32, 91, 35, 92]`.
#
# **Contract.**
#
# - `ids` is a list of whole numbers, `hidden` a list of truth values of the same length (both may be empty),
#   `sentinels` a list of ids, at least one more than there are runs.
# - Hidden neighbours are one run and share a sentinel, also at the beginning and at the end of the text.
# - The target ends with the next sentinel that is not used yet. Where nothing is hidden, it is the first one alone.
# - The result is a tuple of two lists, `(source, target)`; the arguments stay unchanged. NumPy arrays are accepted as
#   well.
#
# **In the shop.** The target is short: a T5 pays for writing only what was hidden. The form also fits tasks: a
# description with a hole where the material should stand is a question that such a model can answer.

# %% question="corrupt_spans" points=3
def corrupt_spans(ids: list, hidden: list, sentinels: list) -> tuple:
    """Input and target of span corruption.

    Args:
        ids: list[int], the tokens; may be empty. hidden: list[bool], which of them are cut out.
        sentinels: list[int], one more at least than there are runs of hidden tokens.

    Returns:
        tuple[list[int], list[int]]: what the model reads, and what it has to write.
    """
    ### BEGIN SOLUTION
    source, target, hole = [], [], 0
    for place, token in enumerate(ids):
        if not hidden[place]:
            source.append(token)
            continue
        if place == 0 or not hidden[place - 1]:
            source += [sentinels[hole]]
            target += [sentinels[hole]]
            hole += 1
        target.append(token)
    return source, target + [sentinels[hole]]
    ### END SOLUTION
