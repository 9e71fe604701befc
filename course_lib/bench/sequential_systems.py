"""The systems of ``course bench sequential``, with the settings that Beauty's validation items chose for all data.

``benchmarks/sequential_settings.py`` measures what they rest on, without looking at the tested items: forty tries of each
counting model, a few variants of SASRec with either loss. LSTM and HSTU take SASRec's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.recommend.sequential import (
    HSTU,
    LSTM,
    Histories,
    NetworkRecommender,
    RecentCosine,
    SASRec,
    SequenceRecommender,
    SequentialRules,
)

#: system → settings; of the networks, those that differ from the classes' own
SETTINGS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "item_cosine": {"decay": 0.6},
    "rules": {"reach": 20, "falloff": 0.5, "back": 0.0, "own": 0.5, "other": 0.0, "decay": 0.5},
    "sasrec_bce": {"loss": "binary", "epochs": 80},
    "sasrec": {"loss": "softmax"},
    "lstm": {"loss": "softmax"},
    "hstu": {"loss": "softmax"},
}
CLASSES = {"item_cosine": RecentCosine, "rules": SequentialRules, "sasrec_bce": SASRec, "sasrec": SASRec, "lstm": LSTM, "hstu": HSTU}
TRAINED = ("sasrec_bce", "sasrec", "lstm", "hstu")  #: what changes with the seed


class MostBought(SequenceRecommender):
    """The same list for everybody, less what each has had."""

    needs_evidence = True

    def _learn(self, histories: Histories) -> None:
        pass

    def _score_histories(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        return np.broadcast_to(self.counts, (len(sequences), len(self.counts)))

    def _begin(self) -> None:
        return None

    def _step(self, state: None, item: int, time: int) -> tuple[np.ndarray, None]:
        return self.counts, None


def make(system: str, *, seed: int = 0, minutes: float | None = None, progress: bool = False) -> SequenceRecommender:
    """A system that has learned nothing yet."""
    if system == "popularity":
        return MostBought()
    more = {"seed": seed, "minutes": minutes, "progress": progress} if issubclass(CLASSES[system], NetworkRecommender) else {}
    return CLASSES[system](**SETTINGS[system], **more)
