"""Collaborative filtering: what a user will want, learned from who did what, without a word of text.

The baselines that every later model must beat, behind one contract (``recommend.base.Recommender``). A tuned iALS is
among the strongest of them on most data (Rendle et al., "Revisiting the Performance of iALS on Item Recommendation
Benchmarks", RecSys 2022).
"""

from course_lib.recommend.collaborative.als import IALS, als_step
from course_lib.recommend.collaborative.bpr import BPR, bpr_step
from course_lib.recommend.collaborative.counting import DAY, Popularity, Random, item_counts
from course_lib.recommend.collaborative.ease import EASE, ease_weights
from course_lib.recommend.collaborative.explain import Reason, because
from course_lib.recommend.collaborative.neighbours import ItemCosine, UserCosine

__all__ = [
    "BPR",
    "DAY",
    "EASE",
    "IALS",
    "ItemCosine",
    "Popularity",
    "Random",
    "Reason",
    "UserCosine",
    "als_step",
    "because",
    "bpr_step",
    "ease_weights",
    "item_counts",
]
