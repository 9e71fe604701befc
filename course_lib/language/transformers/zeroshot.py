"""Zero-shot use: a model that never saw a labelled product sorts products by the *names* of the categories."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course_lib.core.errors import ContractError


class ZeroShot(NamedTuple):
    """label: the nearest label's row, int64 [n]. score: its cosine [n]. margin: how far the second is behind [n]."""

    label: np.ndarray
    score: np.ndarray
    margin: np.ndarray


def nearest_label(texts: np.ndarray, labels: np.ndarray) -> ZeroShot:
    """The label whose vector is nearest to each text's, by cosine; ties go to the label that stands first.

    Works for any vectors of texts and label names that come from *one* model: MiniLM's, or rows of TF-IDF.

    Args:
        texts: [n, d]. labels: [k, d], at least one. A vector of zeros (a text without a known word) has cosine 0.

    Raises:
        ContractError: no label, other shapes, or numbers that are not finite.
    """
    texts, labels = (np.asarray(x, dtype=np.float64) for x in (texts, labels))
    if texts.ndim != 2 or labels.ndim != 2 or texts.shape[1] != labels.shape[1] or not len(labels):
        raise ContractError(f"texts {texts.shape} and labels {labels.shape}", remedy="Pass [n, d] and [k ≥ 1, d]")
    if not (np.isfinite(texts).all() and np.isfinite(labels).all()):
        raise ContractError("a vector is not finite", where="nearest_label")
    cosine = _unit(texts) @ _unit(labels).T
    best = cosine.argmax(axis=1)
    score = np.take_along_axis(cosine, best[:, None], axis=1)[:, 0]
    np.put_along_axis(cosine, best[:, None], -1.0, axis=1)
    return ZeroShot(best, score, score - cosine.max(axis=1))


def _unit(x: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)
