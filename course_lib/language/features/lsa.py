"""Latent semantic analysis, the vectors of before the neural networks: TF-IDF counts, squeezed by an SVD.

Deerwester et al. 1990, https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9. The baseline that
an encoder has to pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.sparse.linalg import svds

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.encoder import check_texts
from course_lib.language.features.pooling import normalise


class LSA:
    """Texts as the first ``dimension`` singular directions of the catalogue's TF-IDF matrix.

    Attributes:
        axes: float64 [n_words, dimension], the words' share in each direction; ``None`` before ``fit``.
    """

    def __init__(self, dimension: int = 128):
        if dimension < 1:
            raise ContractError(f"dimension is {dimension}; it must be at least 1")
        self.dimension = dimension
        self.axes: np.ndarray | None = None

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn words, their weights and the directions from the catalogue's texts.

        Raises:
            ContractError: texts that are no strings, or too few words or texts for that many dimensions.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        check_texts(texts)
        self._words = TfidfVectorizer(sublinear_tf=True)
        try:
            counts = self._words.fit_transform(texts)
        except ValueError as error:
            raise ContractError(f"no words to learn from ({error})") from error
        if self.dimension >= min(counts.shape):
            remedy = "Give more texts or fewer dimensions"
            raise ContractError(f"{counts.shape[0]} texts of {counts.shape[1]} words are too few for "
                                f"{self.dimension} dimensions", remedy=remedy)  # fmt: skip
        start = generator(0, "lsa").standard_normal(min(counts.shape))
        _, sizes, axes = svds(counts, k=self.dimension, v0=start)  # v0: the same vectors each time
        self.axes = axes[np.argsort(-sizes)].T
        return self

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, dimension] of length 1; a text without a known word gives zeros.

        Raises:
            ContractError: not fitted, or texts that are no strings.
        """
        if self.axes is None:
            raise ContractError("LSA has learned nothing yet", remedy="Call fit(texts) first")
        check_texts(texts)
        return normalise(self._words.transform(texts) @ self.axes) if len(texts) else np.empty(
            (0, self.dimension), np.float32)  # fmt: skip
