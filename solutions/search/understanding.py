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
# # Query understanding
#
# Four small functions between what is typed and what is searched: which word was meant, where words end, what a query is
# about, and what may be asked in its place. Run the first code cell below (Shift+Enter); it brings what the answers and
# the checks need. Then write each function where it says `...  # your code here`, run that cell, and run the one below
# it: it tells what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Which word was meant?
#
# **Task.** Somebody typed a word. Its neighbours are known, and by how many slips each of them lies from it. Choose the
# most probable one, by how often the shop uses a word and by how rarely fingers slip.
#
# $$
# \hat{w} = \arg\max_w \; P(w)\, P(x \mid w)
# \qquad
# P(w) \propto n_w
# \qquad
# P(x \mid w) = \begin{cases} 1 - \varepsilon & s_w = 0 \\ \varepsilon^{s_w} & s_w \ge 1 \end{cases}
# $$
#
# | symbol | meaning |
# |---|---|
# | $x$, $w$ | the word as typed; a word that may have been meant, $x$ among them |
# | $n_w$ | how often the shop's texts use $w$; `unseen` for a word that they don't have |
# | $s_w$ | slips between $w$ and $x$; 0 for $x$ itself |
# | $\varepsilon$ | the chance of a slip |
#
# **Example.** *sheos* was typed; *shoes* (1 slip) stands in the texts 90 times, *sheds* (1 slip) 10 times, *shoe* (2
# slips) 300 times, *sheos* never. With ε = 0.05 and `unseen` = 0.001 the four get 90 · 0.05 = 4.5, 10 · 0.05 = 0.5,
# 300 · 0.05² = 0.75 and 0.001 · 0.95 = 0.00095. The answer is *shoes*.
#
# **Contract.**
#
# - `slips` maps each candidate to its slips; the typed word is the one with 0. `counts` maps words to numbers above 0;
#   a candidate that isn't there has `unseen`, which is above 0. `error` is ε, between 0 and 1.
# - The result is one of the candidates. Of equally probable ones, the first by alphabet.
#
# **In the shop.** A speller that always takes the nearest word changes words that are right and merely rare. One that
# always takes the frequent word reads *shoe* where *shoes* was meant.

# %% question="what_was_meant" points=3
def what_was_meant(slips: dict, counts: dict, error: float, unseen: float) -> str:
    """The most probable candidate.

    Args:
        slips: dict[str, int], candidate -> slips from what was typed; 0 for what was typed.
        counts: dict[str, int], word -> how often the shop uses it.
        error: the chance of a slip. unseen: the count of a word that isn't in counts.

    Returns:
        The candidate with the largest product; ties by alphabet.
    """
    ### BEGIN SOLUTION
    def value(candidate):
        far = slips[candidate]
        return counts.get(candidate, unseen) * (error**far if far else 1 - error)

    return min(slips, key=lambda candidate: (-value(candidate), candidate))
    ### END SOLUTION


# %% [markdown]
# ## 2 Where do words end?
#
# **Task.** Cut a text without spaces into the words of a dictionary, so that the product of their probabilities is as
# large as possible.
#
# $$
# R(i) = \max_{j > i} \; \log P(t_{i:j}) + R(j)
# \qquad
# R(n) = 0
# \qquad
# P(w) = \frac{n_w}{\sum_v n_v}
# $$
#
# | symbol | meaning |
# |---|---|
# | $t_{i:j}$ | the characters $i$ to $j - 1$ of the text; $n$ is its length |
# | $n_w$ | how often the dictionary has seen $w$; 1 for a single character that it doesn't have |
# | $R(i)$ | the best log-probability of the rest of the text from $i$ on |
#
# **Example.** The dictionary is 运动 3, 运动鞋 7, 鞋 2, 红色 8: 20 in all. 红色运动鞋 can be cut as 红色 · 运动鞋, with (8/20)(7/20)
# = 0.14, or as 红色 · 运动 · 鞋, with (8/20)(3/20)(2/20) = 0.006. The first one wins. In 大红色, 大 isn't in the dictionary
# and stands alone with 1/20.
#
# **Contract.**
#
# - `text` is a string, `counts` maps words to numbers above 0, at least one. The result is a list of strings that
#   joined give the text; an empty text gives an empty list.
# - A piece of several characters must be in the dictionary. A single character may always stand alone.
# - Where two cuts are equally probable, either is right. A text of 30 characters has half a billion cuts: don't try
#   them all.
#
# **In the shop.** Who cuts 女士红色运动鞋 into nothing at all finds no product for 运动鞋. Who takes the longest word from the
# left cuts 和服装 (“and clothing”) into 和服 (kimono) and 装.

# %% question="cut_words" points=3
def cut_words(text: str, counts: dict) -> list:
    """The most probable segmentation.

    Args:
        text: without spaces.
        counts: dict[str, int], word -> how often; at least one.

    Returns:
        list[str], the words in order.
    """
    ### BEGIN SOLUTION
    total, longest = sum(counts.values()), max(len(word) for word in counts)
    rest = {len(text): (0.0, [])}  # place -> the best value of what follows, and its words
    for start in reversed(range(len(text))):
        ways = []
        for stop in range(start + 1, min(len(text), start + longest) + 1):
            piece = text[start:stop]
            seen = counts.get(piece, 1 if len(piece) == 1 else 0)
            if seen:
                ways.append((math.log(seen / total) + rest[stop][0], [piece, *rest[stop][1]]))
        rest[start] = max(ways)
    return rest[0][1]
    ### END SOLUTION


# %% [markdown]
# ## 3 What is a query about?
#
# **Task.** Two things tell which category a query is about: the clicks after it, and what its words say. Put them
# together so that few clicks change little and many clicks decide.
#
# $$
# P(c \mid q) = \frac{k_c + m\, p_c}{k + m}
# $$
#
# | symbol | meaning |
# |---|---|
# | $k_c$, $k$ | clicks after the query on products of category $c$; their sum over all categories |
# | $p_c$ | what the words of the query say: a probability for each category |
# | $m$ | how many clicks the words weigh |
#
# **Example.** Words say 0.8 and 0.2, $m$ = 5, and there were 1 and 4 clicks. The result is (1 + 4) / 10 = 0.5 and
# (4 + 1) / 10 = 0.5.
#
# **Contract.**
#
# - `clicks` and `words_say` are float arrays [c]; `words_say` sums to 1; `m` is at least 0. The result is a float array
#   [c] that sums to 1.
# - Without any click it is `words_say`, also where m is 0.
# - Neither array may be changed.
#
# **In the shop.** The share of clicks alone makes a category certain after one click, perhaps a slip of the thumb. A
# filter set by it hides everything else.

# %% question="intent_of" points=2
def intent_of(clicks: np.ndarray, words_say: np.ndarray, m: float) -> np.ndarray:
    """The probability of each category.

    Args:
        clicks: float [c], clicks after the query.
        words_say: float [c], sums to 1.
        m: weight of the words in clicks, at least 0.

    Returns:
        float [c], sums to 1.
    """
    ### BEGIN SOLUTION
    evidence = clicks.sum()
    if not evidence:
        return words_say.copy()
    trust = evidence / (evidence + m)
    return trust * clicks / evidence + (1 - trust) * words_say
    ### END SOLUTION


# %% [markdown]
# ## 4 What may be asked instead?
#
# **Task.** A query found nothing. There are rewrites, and what each one's results are worth. Choose the best that is
# allowed: one that loses no wish and doesn't move the intent too far.
#
# $$
# \text{moved} = \tfrac{1}{2} \sum_c \left| P(c \mid q) - P(c \mid t) \right|
# $$
#
# | symbol | meaning |
# |---|---|
# | $P(c \mid q)$ | probability of category $c$ for the query |
# | $P(c \mid t)$ | the same for a rewrite |
# | moved | 0 where both have the same intent, 1 where they have no category in common |
#
# **Example.** The query has the intent (0.9, 0.1) and a reward of 0. Rewrite 1 has (0.1, 0.9) and 0.8, rewrite 2 has
# (0.7, 0.3) and 0.4; neither loses a wish, and `most` is 0.5. Rewrite 1 moved by (0.8 + 0.8) / 2 = 0.8: not allowed.
# Rewrite 2 moved by 0.2, and 0.4 is more than 0. The answer is 2.
#
# **Contract.**
#
# - `query` is a float array [c], `rewrites` a float array [n, c]; their rows sum to 1. `lost` is a bool array [n]. n may
#   be 0. `rewards` is a float array [n + 1]: first the query's, then the rewrites'.
# - A rewrite is allowed where it lost nothing and moved by at most `most` (a difference below 1e-9 is none).
# - The result is an int: 0 to leave the query as it is, i for the i-th rewrite, counted from 1. A rewrite must be worth
#   *more* than the query; of equally good ones, the first.
#
# **In the shop.** The reward alone would sell the customer what the shop has most of. A rule says what no reward can buy.

# %% question="choose_rewrite" points=3
def choose_rewrite(
    query: np.ndarray, rewrites: np.ndarray, rewards: np.ndarray, lost: np.ndarray, most: float
) -> int:
    """The best rewrite that is allowed, or 0 for the query itself.

    Args:
        query: float [c]. rewrites: float [n, c], intents. rewards: float [n + 1], the query's first.
        lost: bool [n], the rewrite loses a wish. most: the largest movement of the intent.

    Returns:
        int, 0 … n.
    """
    ### BEGIN SOLUTION
    worth = rewards.astype(float).copy()
    far = abs(rewrites - query).sum(axis=1) > 2 * (most + 1e-9)
    worth[1:][far | lost] = -math.inf
    return int(worth.argmax())
    ### END SOLUTION
