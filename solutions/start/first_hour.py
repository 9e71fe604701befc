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
# # The whole pipeline in one sitting: four questions
#
# Run the first code cell below (Shift+Enter); it brings what the checks need. The first three questions need no
# programming: write a letter, letters or a number after the equals sign, in place of the three dots, and run the cell.
# The fourth is one small function. The cell below each answer checks it and says what to try next; you may try as often
# as you like.
#
# All numbers here are invented for the questions; the measured ones stand in the chapter.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Where is it broken?
#
# A customer types “waterproof hiking boots”. The shop sells fourteen such pairs; their makers call them “Gore-Tex
# trekking footwear”. None of the fourteen appears anywhere in the list. You follow the request from the model to the
# screen:
#
# - The language model guesses hidden words of product texts well, also in texts that it has never seen.
# - The fine-tuned model is good at its own task: on queries it has never seen, it puts the query closer to the
#   product that was clicked than to nearly all others.
# - Every product has its vector. Of the twenty products whose vectors are nearest to this query's vector, thirteen are
#   such boots.
# - The list of 200 candidates for this query was made by word search alone. None of the boots is among them.
# - The last model put these 200 in a sensible order: the few pairs of ordinary hiking shoes are on top.
# - The customer was not logged in, so nothing is known about earlier purchases.
#
# **Task.** Which stage has to be mended first, so that these boots can be shown?
#
# | letter | stage | what it does |
# |---|---|---|
# | a | pretraining | learns the shop's language by guessing hidden words |
# | b | fine-tuning | learns from the click log which query belongs to which product |
# | c | feature extraction | turns each product text and query into a vector |
# | d | retrieval | finds candidates for a query among all products |
# | e | collaborative filtering | finds candidates for a customer by what similar customers bought |
# | f | ranking | puts the candidates in order |
#
# **Form.** One letter in quotes, for example `"a"`.

# %% question="broken_stage" points=1
broken_stage = ...  # one letter in quotes
### BEGIN SOLUTION
broken_stage = "d"
### END SOLUTION

# %% [markdown]
# ## 2 Recall@10 by hand
#
# **Recall@10** of a query is the number of its relevant products that stand in the first ten places, divided by the
# number of *all* its relevant products, found or not. The recall@10 of a *system* is the mean over the queries: each
# query counts the same.
#
# **Example.** Query one: two relevant products, in places 1 and 70; recall@10 is one of two, 0.5. Query two: three
# relevant products, all in the first ten places; recall@10 is 1. The system's recall@10 is the mean of the two, 0.75.
#
# **Task.** A search engine answered three queries. What is its recall@10?
#
# | query | relevant products in the shop | places where they stand in the list |
# |---|---|---|
# | garden hose | 5 | 1, 3, 4, 9, 17 |
# | bicycle lamp | 2 | 6, 30 |
# | coffee grinder | 12 | 5, 7, 10, 11, 12, 40 (six were not found at all) |
#
# **Form.** A number from 0 to 1 with at least two digits after the point, or a fraction or sum such as
# `(1/3 + 3/7) / 2`, which is read as it stands.
#
# **In the shop.** What retrieval misses, no ranking can show: recall says how much of what could be sold gets through.

# %% question="mean_recall" points=1
mean_recall = ...  # a number
### BEGIN SOLUTION
mean_recall = (4 / 5 + 1 / 2 + 3 / 12) / 3
### END SOLUTION

# %% [markdown]
# ## 3 What may you say?
#
# Three search engines answered the same 150 queries, all later than the day on which their training data ends, over the
# full catalogue. People graded some of the products.
#
# | system | NDCG@10 [95 % interval] | condensed NDCG@10 | judged@10 | p against words |
# |---|---|---|---|---|
# | words | 0.412 [0.371, 0.453] | 0.660 | 92 % | |
# | meaning | 0.365 [0.322, 0.408] | 0.702 | 55 % | 0.031 |
# | hybrid | 0.447 [0.405, 0.489] | 0.698 | 83 % | 0.004 |
#
# - **NDCG@10**: are the good products in the first ten places, the best on top? From 0 to 1. A product that nobody
#   graded counts as wrong.
# - **95 % interval**: where the mean would lie with other queries of the same kind.
# - **condensed**: NDCG after products without a grade are taken out of the list.
# - **judged@10**: which part of the first ten was graded at all.
# - **p**: of a paired test on NDCG@10, query by query. If the two systems were equally good, how often would luck
#   alone give a difference at least this large?
#
# **Task.** Which of these statements does the table support? There may be several.
#
# | letter | statement |
# |---|---|
# | a | The intervals of hybrid and words overlap, so no difference between the two has been shown. |
# | b | If what nobody graded counts as wrong, hybrid is better than words on queries like these, and luck alone would seldom give such a difference. |
# | c | Customers get fewer good products from meaning than from words: p = 0.031 proves it. |
# | d | Before meaning is thrown out, somebody should grade the ungraded products among its first ten. |
# | e | A colleague's engine reached NDCG@10 0.52 on a random tenth of the whole log, training on the rest; so it is better than hybrid. |
# | f | The probability that hybrid is better than words is 99.6 %. |
#
# **Form.** The letters in quotes, in any order, for example `"ac"`.

# %% question="supported" points=2
supported = ...  # one or more letters in quotes
### BEGIN SOLUTION
supported = "bd"
### END SOLUTION

# %% [markdown]
# ## 4 One list out of two
#
# **Task.** Word search and meaning search each return a list of products, best first. Their scores have no common
# unit, so the hybrid adds what has one, the places (*reciprocal rank fusion*):
#
# $$
# s(p) = \sum_{r \in \{\text{words}, \text{meaning}\}} \frac{1}{c + \text{place}_r(p)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $p$ | a product that stands in at least one of the two lists |
# | $\text{place}_r(p)$ | its place in list $r$, from 1; a list that lacks it adds nothing |
# | $c$ | a constant, 60 in the chapter: the larger, the less the very first places stand out |
# | $s(p)$ | its fused score; the higher, the better |
#
# **Example.** `words = ["tent", "rope", "stove"]`, `meaning = ["rope", "lantern"]`, `c = 1`. Then `tent` has
# 1/(1+1) = 0.5, `rope` 1/(1+2) + 1/(1+1) = 0.833, `stove` 1/(1+3) = 0.25 and `lantern` 1/(1+2) = 0.333. The result is
# `["rope", "tent", "lantern", "stove"]`.
#
# **Contract.**
#
# - `words` and `meaning` are lists of product ids, best first, none twice in one list; either may be empty. `c` is a
#   whole number of at least 0.
# - The result is a list of all products of both lists, each once, highest score first.
# - Products of exactly the same score come in alphabetical order of their ids.
#
# **In the shop.** This is all that “hybrid search” needs to begin with. It was the safe choice in the chapter.

# %% question="reciprocal_rank_fusion" points=3
def reciprocal_rank_fusion(words: list, meaning: list, c: int) -> list:
    """Fuse two ranked lists by places.

    Args:
        words: list[str], ids found by words, best first.
        meaning: list[str], ids found by meaning, best first.
        c: int, added to every place.

    Returns:
        list[str]: the ids of both lists, each once, highest fused score first, equal scores in alphabetical order.
    """
    ### BEGIN SOLUTION
    score = {}
    for ranked in (words, meaning):
        for place, item in enumerate(ranked, start=1):
            score[item] = score.get(item, 0.0) + 1 / (c + place)
    return sorted(score, key=lambda item: (-score[item], item))
    ### END SOLUTION
