"""Ways to fool oneself, each small enough to see how. None of them is a way to measure; ``evaluate`` is."""

from course_lib.shop.measurement.exhibits.leakage import (
    leak_alone,
    popularity,
    popularity_with_the_future,
    random_split_leakage,
)
from course_lib.shop.measurement.exhibits.peeking import peeking
from course_lib.shop.measurement.exhibits.sampled import (
    drawn_targets,
    full_ranks,
    ranks_of_targets,
    sampled_hit,
    sampled_reversal,
    sharp_and_vague,
)

__all__ = [
    "drawn_targets",
    "full_ranks",
    "leak_alone",
    "peeking",
    "popularity",
    "popularity_with_the_future",
    "random_split_leakage",
    "ranks_of_targets",
    "sampled_hit",
    "sampled_reversal",
    "sharp_and_vague",
]
