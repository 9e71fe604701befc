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
# # Sequential recommendation
#
# Three small functions: the split that every figure rests on, a session that is scored event by event, and the loss that
# makes a network a competitor. Run the first code cell below (Shift+Enter); it brings what the answers and the checks
# need. Then write each function where it says `...  # your code here`, run that cell, and run the one below it: it tells
# what is right, what came out, and what to try next.
# Each answer cell is read by itself, after the setup cell: `math` and `np` are there, your other cells are not.

# %% setup=true
import math

import numpy as np

# %% [markdown]
# ## 1 The last two out
#
# **Task.** A log holds `(user, item, time)` in the order in which it was written. For each user put the events in time
# order, and give the last item for the test, the last but one for validation, and the others for training.
#
# | symbol | meaning |
# |---|---|
# | user, item | names, as texts |
# | time | whole number; many events may have the same |
#
# **Example.** The log `[("u", "c", 5), ("u", "a", 3), ("u", "b", 5), ("v", "a", 1)]`: in time order u had a, c, b, for c
# was written before b at the same time. The result is `{"u": (["a"], "c", "b"), "v": (["a"], None, None)}`.
#
# **Contract.**
#
# - `log` is a list of tuples of two texts and a whole number. The result is a dict from user to a tuple of a list and two
#   items. An empty log gives an empty dict.
# - Events of equal time keep the order of the log. The names of the items decide nothing.
# - A user with fewer than three events has nothing to spare: all items are for training, and the two others are `None`.
#
# **In the shop.** A log that keeps days instead of seconds is full of equal times. Sort it by another column as well, and
# you have changed which purchase is the test.

# %% question="last_two_out" points=3
def last_two_out(log: list) -> dict:
    """Leave the last two events of each user out.

    Args:
        log: list[tuple[str, str, int]], user, item and time, in the order of the log.

    Returns:
        dict from user to (items for training, item for validation, item for the test).
    """
    ### BEGIN SOLUTION
    by_person = {}
    for person, thing, moment in log:
        by_person.setdefault(person, []).append((moment, thing))
    parts = {}
    for person, seen in by_person.items():
        ordered = [thing for _, thing in sorted(seen, key=lambda pair: pair[0])]
        parts[person] = (ordered[:-2], ordered[-2], ordered[-1]) if len(ordered) > 2 else (ordered, None, None)
    return parts
    ### END SOLUTION


# %% [markdown]
# ## 2 Votes that fade, event by event
#
# **Task.** A visitor's events arrive one by one. Each item votes for others, and votes fade with every later event and
# with time. Give the scores after *each* event:
#
# $$
# s_t(i) = \sum_{r \le t} \delta^{\,t - r}\; 2^{-(g_t - g_r) / h}\; V_{j_r i}
# $$
#
# | symbol | meaning |
# |---|---|
# | $t$, $r$ | numbers of events, from 0 |
# | $j_r$, $g_r$ | row of the item of event $r$; its time in hours |
# | $\delta$ | what one event later leaves of a vote |
# | $h$ | half-life in hours |
# | $V_{ji}$ | vote of item $j$ for item $i$ |
#
# **Example.** `votes = [[0, 4], [2, 0]]`, items 0 and 1 at times 0 and 3, `decay = 0.5`, `half_life = 3`. After the first
# event the scores are `[0, 4]`. At the second, the old votes are worth 0.5 · 2^(−1) = 0.25 of what they were: `[0 + 2,
# 4 · 0.25 + 0]` = `[2, 1]`.
#
# **Contract.**
#
# - `votes` is a list of lists of floats, a row and a column for each item. `items` and `hours` are lists of equal length;
#   `hours` never falls. `decay` is above 0 and at most 1, `half_life` above 0.
# - The result is a list with a list of floats for each event, each as long as `votes`. No event: an empty list.
# - What stands in the result for an event must not change when the next one arrives.
#
# **In the shop.** The sum can be kept and faded as a whole: an event costs one row, however long the visit. That is what
# makes a list live.

# %% question="live_votes" points=4
def live_votes(votes: list, items: list, hours: list, decay: float, half_life: float) -> list:
    """Scores of all items after each event of a session.

    Args:
        votes: list[list[float]], what each item speaks for. items: list[int], rows of the events.
        hours: list[float], their times. decay, half_life: of the votes.

    Returns:
        list of a list of floats for each event.
    """
    ### BEGIN SOLUTION
    board, shots, before = np.zeros(len(votes)), [], None
    for row, now in zip(items, hours):
        left = 1.0 if before is None else decay * 0.5 ** ((now - before) / half_life)
        board = left * board + np.array(votes[row], dtype=float)
        shots.append(board.tolist())
        before = now
    return shots
    ### END SOLUTION


# %% [markdown]
# ## 3 A softmax over a sample
#
# **Task.** A softmax over 12,000 items is dear; one over the right item and $m$ drawn ones is cheap. The drawn ones stand
# for all $N - 1$ wrong items, so each gets $\log((N - 1) / m)$ added to its score:
#
# $$
# \ell = -s_i + \log\Big( e^{s_i} + \sum_{j \in D} e^{\,s_j + \log((N - 1)/m)} \Big)
# $$
#
# | symbol | meaning |
# |---|---|
# | $i$ | row of the item that came next |
# | $s_j$ | score of item $j$ |
# | $D$ | drawn rows other than $i$; an item that was drawn twice counts twice |
# | $m$ | how many rows $D$ has |
# | $N$ | items of the catalogue |
#
# **Example.** Scores `[1, 0, 0, 0, 0]`, target 0, drawn `[1, 0, 2]`. The drawn 0 is the target and doesn't count, so $m$ =
# 2 and each of the others speaks for (5 − 1) / 2 = 2 items. The loss is −1 + log(e + 2 · 1 + 2 · 1) = 0.9048, which is
# also that of the full softmax.
#
# **Contract.**
#
# - `scores` is a list of floats, one for each item of the catalogue. `target` is a row. `drawn` is a list of rows. The
#   result is a float.
# - If nothing is left after the target has been taken out of `drawn`, the loss is 0.
# - Scores may be as large as 1,000 or as small as −1,000: neither may overflow.
#
# **In the shop.** Without the correction the network learns as if the catalogue were as small as the sample. With it, the
# same network is trained on a catalogue that no softmax would fit.

# %% question="sampled_softmax" points=4
def sampled_softmax(scores: list, target: int, drawn: list) -> float:
    """Loss of one event by a softmax over the target and the drawn items.

    Args:
        scores: list[float], of the whole catalogue. target: int, row of what came next. drawn: list[int], rows.

    Returns:
        float, the loss.
    """
    ### BEGIN SOLUTION
    rivals = [row for row in drawn if row != target]
    if not rivals:
        return 0.0
    shift = math.log((len(scores) - 1) / len(rivals))
    gaps = [scores[row] + shift - scores[target] for row in rivals]
    peak = max(0.0, *gaps)
    return peak + math.log(math.exp(-peak) + sum(math.exp(gap - peak) for gap in gaps))
    ### END SOLUTION
