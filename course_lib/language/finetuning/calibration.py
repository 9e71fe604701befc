"""Calibration: make “90 % sure” mean right nine times in ten, by one number learned on validation data.

Guo et al. 2017, https://arxiv.org/abs/1706.04599, §4.2: temperature scaling. It changes no decision, only how sure the
model says it is.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.calibration import Calibration, measure_calibration


def cross_entropy_at(logits: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    """Mean −log p of the right class, with p = softmax(logits / temperature)."""
    log_p = log_softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return float(-log_p[np.arange(len(targets)), targets].mean())


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature with the least cross-entropy on validation data: above 1 makes a model less sure.

    Args:
        logits: float [n, n_classes], of examples that the model was not trained on. targets: int [n].

    Returns:
        between 0.02 and 50. In 1 / temperature the cross-entropy is convex, so there is one minimum to find.

    Raises:
        ContractError: nothing to fit, shapes that don't fit, logits that are not finite.
    """
    logits, targets = _checked(logits, targets)
    found = minimize_scalar(
        lambda inverse: cross_entropy_at(logits, targets, 1 / inverse),
        bounds=(1 / 50, 50),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(1 / found.x)


def confidence_calibration(
    logits: np.ndarray, targets: np.ndarray, *, temperature: float = 1.0, bins: int = 10
) -> Calibration:
    """Is the most probable class right as often as its probability says? The error (ECE) and its bins (Guo, eq. 3).

    Args:
        logits: float [n, n_classes]. targets: int [n].
        bins: of equal width; quote them with the error.

    Raises:
        ContractError: as ``fit_temperature``, or a temperature that is not above 0.
    """
    logits, targets = _checked(logits, targets)
    if not temperature > 0:
        raise ContractError(f"the temperature is {temperature}; it must be above 0")
    p = softmax(logits / temperature, axis=1)
    return measure_calibration(p.argmax(axis=1) == targets, np.minimum(p.max(axis=1), 1.0), bins=bins)


def _checked(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    if logits.ndim != 2 or targets.shape != logits.shape[:1] or not len(targets):
        what = f"logits {logits.shape} and targets {targets.shape} must be [n, n_classes] and [n], with n at least 1"
        raise ContractError(what)
    if not np.isfinite(logits).all():
        raise ContractError("a logit is not finite")
    if targets.dtype.kind not in "iu" or targets.min() < 0 or targets.max() >= logits.shape[1]:
        raise ContractError(f"targets must be whole numbers from 0 to {logits.shape[1] - 1}")
    return logits, targets
