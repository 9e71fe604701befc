"""Fashion: what people want changes slowly, for no reason that the catalogue shows; by leaf category and by item."""

from __future__ import annotations

import numpy as np


def draw_fashion(n: int, n_weeks: int, strength: float, memory: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [n, n_weeks]: a stationary chain for each of n leaves or items.

    f_0 ~ N(0, s²) and f_w = r · f_{w-1} + √(1 - r²) · N(0, s²), with s = ``strength`` and r = ``memory``.
    """
    fashion = np.empty((n, n_weeks), dtype=np.float32)
    now = rng.standard_normal(n, dtype=np.float32)
    for week in range(n_weeks):
        if week:
            news = rng.standard_normal(n, dtype=np.float32)
            now = np.float32(memory) * now + np.float32(np.sqrt(1 - memory**2)) * news
        fashion[:, week] = now
    fashion *= np.float32(strength)
    return fashion
