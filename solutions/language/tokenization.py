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
# # Tokenization
#
# Three small functions cut words into pieces in the three ways that language models use. Run the first code cell below
# (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says
# `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came out, and what to
# try next.
# Each answer cell is read by itself, after the setup cell: `math` is there, your other cells are not.
#
# Words that all questions use:
#
# - A **piece** is a stretch of letters. A **vocabulary** is the set of pieces that a model knows.
# - To **cut** a word is to write it as pieces, in order, nothing left out and nothing twice.

# %% setup=true
import math

# %% [markdown]
# ## 1 Learn merges
#
# **Task.** Byte-pair encoding begins with single letters. In each round it counts all pairs of neighbouring pieces and
# makes the most frequent pair one piece, everywhere:
#
# $$
# (a, b) = \operatorname{argmax}_{(x, y)} \sum_w n_w \, c_w(x, y)
# $$
#
# | symbol | meaning |
# |---|---|
# | $n_w$ | how often the word $w$ occurs in the texts |
# | $c_w(x, y)$ | how often the piece $y$ stands directly after the piece $x$ in the word $w$, as it is cut now |
# | $\operatorname{argmax}$ | the pair for which the sum is largest |
#
# Where several pairs are equally frequent, take the one that comes first in Python's order of tuples:
# `("a", "z") < ("b", "a")`.
#
# **Example.** `counts = {"mugs": 2, "hug": 1}`, two rounds. Pairs: m-u 2, u-g 3, g-s 2, h-u 1. The first merge is
# `("u", "g")`, and the words are now m-ug-s and h-ug. Pairs: m-ug 2, ug-s 2, h-ug 1. Two are equal; `("m", "ug")` comes
# first. The result is `[("u", "g"), ("m", "ug")]`.
#
# **Contract.**
#
# - `counts` maps words to how often they occur, at least 1. `n_merges` is at least 0. The result is a list of pairs of
#   strings, the first merge first.
# - Within a word, a merge goes from left to right, and pieces don't overlap: with `("a", "a")`, `aaa` becomes aa-a.
# - When no pair is left, stop: the list is then shorter than `n_merges`.
# - Don't change `counts`.
#
# **In the shop.** These lines decide whether *headphones* is one token or six, and with that how much of a product
# text a model can read and what each call costs.

# %% question="learn_merges" points=4
def learn_merges(counts: dict, n_merges: int) -> list:
    """The first merges of byte-pair encoding.

    Args:
        counts: dict[str, int], how often each word occurs; may be empty.
        n_merges: at most so many merges, at least 0.

    Returns:
        list of (str, str), the pair merged first at the beginning.
    """
    ### BEGIN SOLUTION
    spelled = [(times, list(word)) for word, times in counts.items()]
    learned = []
    while len(learned) < n_merges:
        seen = {}
        for times, parts in spelled:
            for k in range(1, len(parts)):
                duo = (parts[k - 1], parts[k])
                seen[duo] = times + seen.get(duo, 0)
        if not seen:
            break
        most = max(seen.values())
        chosen = min(duo for duo, total in seen.items() if total == most)
        learned.append(chosen)
        for _, parts in spelled:
            k = 0
            while k + 1 < len(parts):
                if (parts[k], parts[k + 1]) == chosen:
                    parts[k : k + 2] = ["".join(chosen)]
                k += 1
    return learned
    ### END SOLUTION


# %% [markdown]
# ## 2 Cut by the longest match
#
# **Task.** WordPiece takes from the left the longest piece that the vocabulary holds, then goes on with the rest.
# Pieces that don't stand at the beginning of the word are written with `##` before them, in the vocabulary as well:
#
# $$
# e_i = \max \{\, e > s_i : m_i + w[s_i : e] \in V \,\}, \qquad s_{i+1} = e_i
# $$
#
# | symbol | meaning |
# |---|---|
# | $w[s : e]$ | the letters of the word from place $s$ up to, not including, place $e$; places count from 0 |
# | $s_i$, $e_i$ | where the piece number $i$ begins and ends; $s_1 = 0$ |
# | $m_i$ | the mark: nothing for the first piece, `##` for all others |
# | $V$ | the vocabulary |
#
# **Example.** Vocabulary `{"head", "he", "##phone", "##s", "##ad"}`, word `headphones`. From place 0, `head` is the
# longest; then `##phone`, then `##s`. The word `headset` begins with `head`, and then no piece fits: it becomes
# `["[UNK]"]`, the token for what is unknown.
#
# **Contract.**
#
# - `word` is a string, `vocabulary` a set of strings. The result is a list of strings.
# - Where no piece fits the rest of a word, the *whole* word is unknown: the result is `["[UNK]"]` alone.
# - The cut never looks back, even if a shorter piece before would have saved it.
# - An empty word has no pieces: return an empty list.
#
# **In the shop.** One letter that the vocabulary lacks, and a model number becomes `[UNK]`, like all other such numbers.

# %% question="longest_match" points=3
def longest_match(word: str, vocabulary: set) -> list:
    """Cut a word from the left into the longest pieces of the vocabulary.

    Args:
        word: str, may be empty.
        vocabulary: set[str]; pieces that continue a word begin with "##".

    Returns:
        list[str]: the pieces as the vocabulary writes them, or ["[UNK]"].
    """
    ### BEGIN SOLUTION
    found, rest = [], word
    while rest:
        mark = "##" if found else ""
        fitting = [mark + rest[:n] for n in range(1, len(rest) + 1) if mark + rest[:n] in vocabulary]
        if not fitting:
            return ["[UNK]"]
        found.append(fitting[-1])
        rest = rest[len(fitting[-1]) - len(mark) :]
    return found
    ### END SOLUTION


# %% [markdown]
# ## 3 Cut by probability
#
# **Task.** The unigram model gives each piece a log-probability and looks at all cuts of a word. The best is the one
# whose sum is largest. There are $2^{n-1}$ cuts of $n$ letters, but the best sum of each beginning of the word is
# enough:
#
# $$
# b_0 = 0, \qquad b_e = \max_{s < e} \left( b_s + \log p(w[s : e]) \right)
# $$
#
# | symbol | meaning |
# |---|---|
# | $w[s : e]$ | the letters from place $s$ up to, not including, place $e$ |
# | $\log p$ | `scores` of that piece; a stretch that is no piece can't be used |
# | $b_e$ | sum of the best cut of the first $e$ letters |
#
# **Example.** `scores = {"a": -1.0, "b": -3.0, "ab": -3.5, "ba": -2.0}`, word `aba`. The cuts are a-b-a with −5,
# ab-a with −4.5, a-ba with −3. The result is `(["a", "ba"], -3.0)`.
#
# **Contract.**
#
# - `scores` maps pieces to log-probabilities, all below 0. The result is a tuple: the list of the pieces, and the sum.
# - Where two cuts have the same sum, any of them is right.
# - A word that the pieces can't spell has no cut: return `([], -math.inf)`.
# - The empty word is cut into nothing: `([], 0.0)`.
#
# **In the shop.** Chinese search has used exactly this, with a dictionary's word frequencies, since long before language
# models: 女士红色运动鞋 has no spaces, and the best sum says where the words end.

# %% question="best_cut" points=4
def best_cut(word: str, scores: dict) -> tuple:
    """The most probable cut of a word under a unigram model.

    Args:
        word: str, may be empty.
        scores: dict[str, float], log-probability of each piece.

    Returns:
        (list[str], float): the pieces and their sum; ([], -math.inf) if the word can't be spelled.
    """
    ### BEGIN SOLUTION
    stop = len(word)
    value, came_from = [0.0], [0]
    for e in range(1, stop + 1):
        ways = [(value[s] + scores.get(word[s:e], -math.inf), s) for s in range(e)]
        total, first = max(ways, key=lambda way: way[0])
        value.append(total)
        came_from.append(first)
    if value[stop] == -math.inf:
        return [], -math.inf
    cut, e = [], stop
    while e > 0:
        cut.append(word[came_from[e] : e])
        e = came_from[e]
    return cut[::-1], value[stop]
    ### END SOLUTION
