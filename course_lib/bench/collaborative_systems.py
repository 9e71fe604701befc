"""The systems of ``course bench collaborative`` and their settings, the same for all data.

    python benchmarks/collaborative_settings.py DIR --save benchmarks/results/collaborative_settings.json

searches settings, six tries each: a fifth of each user's items in train.txt is held out, test.txt is not looked at. Item
cosine's, EASE's (on 8,000 items) and BPR's are from it, BPR's at 20 epochs; 100 epochs, tried once more on the same fifth,
were ahead of them. iALS's is the setting of the data's reference figures, which there was ahead of the six tries too.
LightGCN's are its class's own (``recommend.graph``).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import BPR, EASE, IALS, ItemCosine, Popularity
from course_lib.recommend.collaborative.engine import gram, invert
from course_lib.shop.interactions import Interactions

#: system → settings that differ from the class's own
SETTINGS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "item_cosine": {"neighbours": None, "item_damping": 0.3, "user_damping": 1.0},
    "ease": {"regularization": 100.0},
    "bpr": {"factors": 64, "epochs": 100, "rate": 0.1, "regularization": 0.03},
    "ials": {"factors": 256, "regularization": 100.0, "alpha": 40.0, "iterations": 15},
    "lightgcn": {},
}
CLASSES: dict[str, type[Recommender]] = {
    "popularity": Popularity, "item_cosine": ItemCosine, "ease": EASE, "bpr": BPR, "ials": IALS,
}  # fmt: skip
_PROBE = 2_000  #: items of the inversion by which EASE's time is foretold
_SHARE = 0.6  #: of the budget that the foretold time may take: building and copying cost some, a busy machine more


def make(system: str, *, seed: int = 0, minutes: float | None = None, n_items: int = 0) -> Recommender:
    """A system that has learned nothing yet.

    Args:
        minutes: CPU minutes of the training at most. Popularity and item cosine take none worth a bound; EASE, whose
            closed form can't stop half-way, models as many of the most frequent items as the budget allows.
        n_items: of the catalogue, for EASE's bound.
    """
    if system == "lightgcn":
        from course_lib.recommend.graph import LightGCN  # torch

        return LightGCN(**SETTINGS[system], minutes=minutes, seed=seed)
    more: dict[str, Any] = {"seed": seed, "minutes": minutes} if system in ("bpr", "ials") else {}
    if system == "ease" and minutes is not None:
        most = int((_SHARE * 60 * minutes / _seconds_per_cube()) ** (1 / 3))
        more = {"most_items": max(1, most)} if most < n_items else {}
    return CLASSES[system](**SETTINGS[system], **more)


def _seconds_per_cube() -> float:
    """CPU seconds of an inversion of n items, over n³, measured on a small random case."""
    x = generator(0, "bench", "ease probe").random((_PROBE // 2, _PROBE)) < 0.01
    start = time.process_time()
    invert(gram(csr_matrix(x.astype(np.float32)), 100.0))
    return (time.process_time() - start) / _PROBE**3


def reached(system: str, model: Recommender) -> dict[str, float]:
    """How much of what was planned a bounded training did."""
    data: Interactions = model.interactions
    if system == "ease":
        return {"items": len(model.modelled), "of": len(data.items)}
    if system == "bpr":
        return {"epochs": round(model.reached_epochs, 2), "of": model.epochs}
    if system == "ials":
        return {"iterations": model.reached_iterations, "of": model.iterations}
    if system == "lightgcn":
        return {"epochs": round(model.training.epochs, 2), "of": model.training.planned}
    return {}


def size_of(system: str, model: Recommender) -> int:
    """Numbers that the model keeps to score by, the users' histories left aside."""
    if system == "popularity":
        return len(model.counts)
    if system == "item_cosine":
        return int(model.similarity.nnz)
    if system == "ease":
        return int(model.inverse.size)
    return int(model.user_vectors.size + model.item_vectors.size)
