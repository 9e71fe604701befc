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
# # Measuring without fooling yourself
#
# Six small functions decide whether one search or recommendation list is better than another. Run the first code cell
# below (Shift+Enter); it brings what the answers and the checks need. Then write each function where it says
# `...  # your code here`, run that cell, and run the one below it: it tells what is right, what came out, and what to
# try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.
#
# Words that all questions use:
#
# - A **query** is what somebody typed into the search box. For recommendations, read *user* instead.
# - A **ranked list** holds product ids, best first. Its first entry stands in **place 1**.
# - A product is **relevant** to a query when it is a good answer. A **grade** says how good: 0 not at all, 1 a little,
#   2 well, 3 exactly.
# - **@k** means: look at the first k places only, since nobody scrolls for ever.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 Recall at k
#
# **Task.** Which part of the relevant products stands in the first $k$ places?
#
# $$
# \text{recall@}k = \frac{|R \cap L_k|}{|R|}
# $$
#
# | symbol | meaning |
# |---|---|
# | $R$ | the set of relevant products |
# | $L_k$ | the set of products in the first $k$ places of the list |
# | $R \cap L_k$ | products that are in both; the bars $\lvert \cdot \rvert$ count |
#
# **Example.** Relevant are `{"lamp", "bulb", "torch", "candle"}`, and the list is
# `["lamp", "chair", "torch", "desk", "bulb"]`. With `k=3` the first three places hold `lamp` and `torch`: 2 of 4,
# so recall@3 is 0.5. With `k=5` it is 0.75.
#
# **Contract.**
#
# - `relevant` is a set of ids, `ranked` a list of ids, `k` a whole number of at least 1. The result is a float from 0
#   to 1.
# - `k` may be larger than the list: the missing places hold nothing.
# - A list glued together from two sources may show a product twice. It is found once, and its second showing takes a
#   place.
# - If `relevant` is empty, there is nothing to find and recall is undefined: return `math.nan` (“not a number”), so
#   that nobody averages it by mistake.
#
# **In the shop.** The first step of a search picks some hundred candidates out of everything. What it misses, no
# later step can bring back. Recall@k says how much of what sells gets through.

# %% question="recall_at_k" points=2
def recall_at_k(relevant: set, ranked: list, k: int) -> float:
    """Part of the relevant products that stands in the first k places.

    Args:
        relevant: set[str], ids of the relevant products; may be empty.
        ranked: list[str], ids, best first; may be empty or shorter than k, and may repeat an id.
        k: number of places to look at, at least 1.

    Returns:
        float from 0 to 1; math.nan if nothing is relevant.
    """
    ### BEGIN SOLUTION
    if not relevant:
        return math.nan
    return len(set(relevant) & set(ranked[:k])) / len(relevant)
    ### END SOLUTION


# %% [markdown]
# ## 2 NDCG at k, with grades
#
# **Task.** Recall doesn't care whether the best product comes first or tenth, nor whether it is good or perfect.
# Customers do. The *normalised discounted cumulative gain* (NDCG) adds up what every place brings, less the lower it
# stands, and divides by the sum that the best possible list would have:
#
# $$
# \text{DCG@}k = \sum_{r=1}^{k} \frac{2^{g_r} - 1}{\log_2(r + 1)}
# \qquad
# \text{NDCG@}k = \frac{\text{DCG@}k}{\text{IDCG@}k}
# $$
#
# | symbol | meaning |
# |---|---|
# | $r$ | the place, from 1 |
# | $g_r$ | grade of the product in place $r$; 0 if nobody graded it or the list has ended |
# | $2^{g_r} - 1$ | its gain: grades 0, 1, 2, 3 bring 0, 1, 3, 7 |
# | $\log_2(r + 1)$ | the discount: place 1 divides by 1, place 3 by 2, place 7 by 3 |
# | $\text{IDCG@}k$ | DCG@k of the ideal list: *all* graded products, best grade first, whether or not the list shows them |
#
# **Example.** Grades are `{"lamp": 2, "bulb": 1, "chair": 0}`, the list is `["bulb", "desk", "lamp"]`, `k=3`. DCG:
# place 1 brings 1 / 1, place 2 (`desk`, not graded) 0, place 3 brings 3 / 2; together 2.5. The ideal list is `lamp`,
# `bulb`, `chair`: 3 / 1 + 1 / log2(3) + 0 = 3.6309. NDCG@3 = 2.5 / 3.6309 = 0.6885.
#
# **Contract.**
#
# - `grades` maps ids to whole grades from 0 to 3; `ranked` is a list of ids without repetition; `k` is at least 1. The
#   result is a float from 0 to 1.
# - Graded products that the list lacks still belong to the ideal list. That is the point: who hides the best product
#   has to pay.
# - The ideal list is cut after $k$ places too.
# - If no grade is above 0, NDCG is undefined: return `math.nan`.
#
# **In the shop.** NDCG@10 is the number behind most tables of this course: are the good products on the first page,
# the best on top?

# %% question="ndcg_at_k" points=3
def ndcg_at_k(grades: dict, ranked: list, k: int) -> float:
    """Normalised discounted cumulative gain of the first k places, gain 2^grade - 1.

    Args:
        grades: dict[str, int], grade 0 to 3 of every judged product; may be empty.
        ranked: list[str], ids, best first, none twice; may be empty or shorter than k.
        k: number of places to look at, at least 1.

    Returns:
        float from 0 to 1; math.nan if no grade is above 0.
    """
    ### BEGIN SOLUTION
    def dcg(places: list) -> float:
        return sum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(places[:k], start=1))

    ideal = dcg(sorted(grades.values(), reverse=True))
    if ideal == 0:
        return math.nan
    return dcg([grades.get(item, 0) for item in ranked]) / ideal
    ### END SOLUTION


# %% [markdown]
# ## 3 Mean reciprocal rank
#
# **Task.** Somebody who types “iphone 15 case black” wants one product and stops at the first good one. How far down
# is it? Each query counts 1 divided by the place of its *first* relevant product; MRR is the mean over the queries:
#
# $$
# \text{MRR} = \frac{1}{|Q|} \sum_{q \in Q} \frac{1}{r_q}
# $$
#
# | symbol | meaning |
# |---|---|
# | $Q$ | the queries that have at least one relevant product |
# | $r_q$ | place of the first relevant product in the list of query $q$, from 1; if the list holds none, the fraction is 0 |
#
# **Example.** Three queries: the first has its first relevant product in place 2 (and another in place 3, which
# doesn't matter), the second in place 4, and the list of the third holds none. MRR = (1/2 + 1/4 + 0) / 3 = 0.25.
#
# **Contract.**
#
# - `relevant` is a list of sets of ids, `ranked` a list of lists of ids; entry $i$ of both belongs to query $i$. They
#   have the same length. The result is a float from 0 to 1.
# - A query *with* relevant products whose list shows none (an empty list, too) is a failure of the search: it counts 0.
# - A query *without* relevant products can't be answered by anybody: leave it out of the mean.
# - If no query is left, return `math.nan`.
#
# **In the shop.** For queries with one right answer – a model number, an order, a help page – MRR says more than
# recall.

# %% question="mean_reciprocal_rank" points=2
def mean_reciprocal_rank(relevant: list, ranked: list) -> float:
    """Mean over queries of 1 / place of the first relevant product.

    Args:
        relevant: list[set[str]], the relevant ids of each query; a set may be empty.
        ranked: list[list[str]], the ranked ids of each query, best first; a list may be empty.

    Returns:
        float from 0 to 1; math.nan if no query has a relevant product.
    """
    ### BEGIN SOLUTION
    values = []
    for wanted, shown in zip(relevant, ranked):
        if wanted:
            places = [place for place, item in enumerate(shown, start=1) if item in wanted]
            values.append(1 / places[0] if places else 0.0)
    return sum(values) / len(values) if values else math.nan
    ### END SOLUTION


# %% [markdown]
# ## 4 How far could the mean move? A bootstrap interval
#
# **Task.** NDCG was measured on 200 queries. With other queries of the same kind, the mean would be another one. How
# different? We can't ask for new queries, but we can draw from those we have. The *percentile bootstrap* does:
#
# 1. Draw $n$ of the $n$ values **with replacement**: a value may come twice, another not at all. This is one
#    *resample*.
# 2. Take its mean.
# 3. Do this `n_resamples` times.
# 4. The 95 % confidence interval reaches from the 2.5th to the 97.5th percentile of these means.
#
# $$
# [\,P_{2.5}(m_1, \dots, m_B),\; P_{97.5}(m_1, \dots, m_B)\,]
# $$
#
# | symbol | meaning |
# |---|---|
# | $n$ | number of values, one per query or user |
# | $B$ | `n_resamples`, the number of resamples |
# | $m_b$ | mean of resample $b$, which holds $n$ values |
# | $P_{2.5}$ | the 2.5th percentile: 2.5 % of the means lie below it |
#
# **Example.** The values are 0, 0 and 3, mean 1. A resample holds no 3 with probability 8/27, one with 12/27, two
# with 6/27, three with 1/27; its mean is 0, 1, 2 or 3. The lowest 2.5 % of the means are 0; since 1/27 is more than
# 2.5 %, the highest 2.5 % are 3: the interval is (0, 3). With three values we know next to nothing, and the interval
# says so.
#
# **Contract.**
#
# - `values` is a list of at least one number, `n_resamples` a whole number, `seed` the seed for
#   `np.random.default_rng(seed)`. The result is a tuple of two floats, `(low, high)`.
# - One value alone gives `(value, value)`: the method can't say more.
# - You needn't draw the same random numbers as we do. Results are compared within the accuracy of 10,000 resamples.
# - No loop is needed: `random.integers(n, size=(n_resamples, n))` draws the row numbers of all resamples at once.
#
# **In the shop.** Every number of this course has such an interval behind it. Revenue per customer needs it most:
# many zeros and a few large orders move the mean a lot.

# %% question="bootstrap_interval" points=3
def bootstrap_interval(values: list, n_resamples: int, seed: int) -> tuple:
    """95 % percentile bootstrap interval of the mean.

    Args:
        values: list[float], one value per query or user, at least one.
        n_resamples: how often to resample.
        seed: int, for np.random.default_rng.

    Returns:
        tuple[float, float]: low and high end.
    """
    ### BEGIN SOLUTION
    values = np.asarray(values, dtype=float)
    random = np.random.default_rng(seed)
    rows = random.integers(len(values), size=(n_resamples, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
    ### END SOLUTION


# %% [markdown]
# ## 5 Is it really better? A paired randomisation test
#
# **Task.** Two rankers answered the same queries; `a[i]` and `b[i]` are their NDCG on query $i$. The means differ.
# Could that be luck?
#
# Suppose both are equally good. Then it is chance which of the two values of a query carries the label *a*, and
# swapping them flips the sign of their difference. So flip the signs at random, many times, and count how often the
# mean difference is as large as the one we saw.
#
# $$
# d_i = a_i - b_i
# \qquad
# t = \Big| \frac{1}{n} \sum_{i=1}^{n} d_i \Big|
# \qquad
# t_j = \Big| \frac{1}{n} \sum_{i=1}^{n} s_{ij}\, d_i \Big|
# \qquad
# p = \frac{|\{j : t_j \ge t\}| + 1}{N + 1}
# $$
#
# | symbol | meaning |
# |---|---|
# | $d_i$ | difference on query $i$; $n$ queries |
# | $t$ | what we saw: the size of the mean difference, without its sign |
# | $s_{ij}$ | +1 or −1, each with probability 1/2, drawn for every query $i$ and every round $j$ |
# | $t_j$ | the size of the mean difference in round $j$ |
# | $N$ | `n_permutations`, the number of rounds |
# | $p$ | the p-value: how often luck alone gives a difference this large. The $+1$ counts what we saw itself as one more round, so that $p$ is never 0 |
#
# The bars around the sums make the test *two-sided*: it would be just as surprising if *b* were that much better.
#
# **Example.** Four queries, differences 0.2, 0.1, 0.3 and 0.2: *a* wins all, $t$ = 0.2. Of the 16 ways to set four
# signs only two reach 0.2 (all plus, all minus). With many rounds $p$ comes close to 2/16 = 0.125. Winning all of
# four queries is no proof.
#
# **Contract.**
#
# - `a` and `b` are lists of numbers of the same length, at least 1; `n_permutations` is a whole number of at least 1;
#   `seed` is for `np.random.default_rng(seed)`. The result is a float, above 0 and at most 1.
# - Two equal lists give exactly 1.
# - Two sums that should be equal may differ in their last digit. Count a round when $t_j \ge t - 10^{-12}$.
# - You needn't draw the same random numbers as we do; results are compared within the accuracy of `n_permutations`
#   rounds.
# - `random.choice([-1, 1], size=(n_permutations, n))` draws all signs at once.
#
# **In the shop.** Before a table of this course says “better”, this test has been run. Hard queries are hard for
# both rankers; looking at differences takes that noise out, which a comparison of two separate groups can't.

# %% question="paired_randomisation_p" points=4
def paired_randomisation_p(a: list, b: list, n_permutations: int, seed: int) -> float:
    """Two-sided p-value of the mean difference under random swaps of the pairs.

    Args:
        a, b: list[float], one value per query, in the same order of queries; at least one.
        n_permutations: rounds of random signs, at least 1.
        seed: int, for np.random.default_rng.

    Returns:
        float, above 0 and at most 1.
    """
    ### BEGIN SOLUTION
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    random = np.random.default_rng(seed)
    signs = random.choice([-1, 1], size=(n_permutations, len(difference)))
    seen = abs(difference.mean())
    by_luck = np.abs((signs @ difference) / len(difference))
    return float((np.sum(by_luck >= seen - 1e-12) + 1) / (n_permutations + 1))
    ### END SOLUTION


# %% [markdown]
# ## 6 Never learn from the future: a split by time
#
# **Task.** A model is asked tomorrow about what happens tomorrow; it learned from what happened until today. A fair
# test does the same: one moment divides the log *for everybody*, the model learns from what came before and is
# measured on what came after.
#
# Let $n$ events have the times $t_1, \dots, t_n$ (in seconds, or any other whole numbers).
#
# 1. Sort the events by time. Events of the same time keep the order that they have in the log (a **stable** sort).
# 2. Count $m = \lfloor f \cdot n \rfloor$ events from the start ($\lfloor \cdot \rfloor$ rounds down). The event that
#    comes next, number $m + 1$ in this order, marks the moment $T$.
# 3. Everything **before** $T$ is for training; everything **at or after** $T$ is for the test.
#
# | symbol | meaning |
# |---|---|
# | $f$ | `train_fraction`, from 0 to 1 |
# | $m$ | the most events that training may hold |
# | $T$ | the moment of the split |
#
# Step 3 matters when several events carry the same time $T$: all of them go to the test, so training may hold fewer
# than $m$ events. A purchase and the view that belongs to it often share a second. If one of them lands in training,
# the answer has leaked.
#
# **Example.** Times `[50, 20, 40, 20, 40]`, `train_fraction=0.5`: in order of time they are the rows 1, 3 (time 20),
# 2, 4 (time 40), 0 (time 50). $m = \lfloor 2.5 \rfloor = 2$; the next event is row 2, so $T = 40$. Training gets
# `[1, 3]`, the test `[2, 4, 0]`. With `train_fraction=0.75`, $m = 3$ and the next event is row 4, whose time is again
# 40: the split is the same.
#
# **Contract.**
#
# - `timestamps` is a list of whole numbers in any order, with repetitions; it may be empty. `train_fraction` is a
#   number from 0 to 1.
# - The result is a tuple of two lists of row numbers (from 0), `(train_rows, test_rows)`, both in order of time,
#   equal times in the order of the log. Each row stands in exactly one of them. NumPy arrays of whole numbers are
#   accepted as well.
# - With $m = n$ there is no next event: everything is for training.
#
# **In the shop.** A random split would train on next week to predict this week. The chapter *The whole pipeline in
# one sitting* shows how much better a model looks in such a test, and how little it means.

# %% question="temporal_split" points=3
def temporal_split(timestamps: list, train_fraction: float) -> tuple:
    """Rows of the events before the moment of the split, and of those at or after it.

    Args:
        timestamps: list[int], the time of each event, in any order; may be empty.
        train_fraction: float from 0 to 1, the part of the events that training may hold at most.

    Returns:
        tuple[list[int], list[int]]: row numbers for training and for the test, each in order of time.
    """
    ### BEGIN SOLUTION
    order = sorted(range(len(timestamps)), key=lambda row: timestamps[row])  # sorted() is stable
    m = math.floor(train_fraction * len(timestamps))
    if m == len(timestamps):
        return order, []
    moment = timestamps[order[m]]
    train = [row for row in order if timestamps[row] < moment]
    return train, order[len(train) :]
    ### END SOLUTION
