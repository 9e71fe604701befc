"""The generators of a pipeline that was given none."""

from __future__ import annotations

from typing import Any

from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import IALS, ItemCosine
from course_lib.recommend.engine.content import ContentNeighbours
from course_lib.recommend.sequential import SequentialRules


def default_generators(items: Any) -> dict[str, Recommender]:
    """Counting, factors, order, and a door for new products: unfitted, by name.

    Settings chosen on three simulated shops, with nine tries each but for "new", which wasn't tuned
    (``benchmarks/recommend_engine.py --tune``).

    Args:
        items: the items table of the shop, rows of it, or its ``Catalogue``.
    """
    return {
        "cosine": ItemCosine(item_damping=0.1, user_damping=0.5),
        "ials": IALS(factors=32, regularization=10.0, alpha=5.0, iterations=10),
        "rules": SequentialRules(decay=0.95, other=0.0),
        "new": ContentNeighbours(items, most_events=3),
    }
