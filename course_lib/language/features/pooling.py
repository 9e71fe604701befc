"""Pooling: from one vector per token to one vector per text; and normalisation, which makes products cosines.

Four ways, as compared by Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084, §3 (first token, mean, maximum),
and by Muennighoff 2022, https://arxiv.org/abs/2202.08904, eq. 3 (a mean in which later tokens weigh more).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, check_texts, pad, tokenize
from course_lib.language.training import autocast_to, device_of

Pooling = Literal["cls", "mean", "max", "weighted"]
POOLINGS: tuple[Pooling, ...] = ("cls", "mean", "max", "weighted")


def pool(hidden: Tensor, mask: Tensor, how: Pooling = "mean") -> Tensor:
    """One vector per text, not normalised: float32 [b, d].

    Args:
        hidden: [b, l, d], the vectors of the tokens.
        mask: [b, l], 1 at tokens and 0 at padding, which may stand on either side.
        how: ``"cls"`` takes the first token; ``"mean"`` the mean of all tokens; ``"max"`` the largest value of each
            component; ``"weighted"`` a mean in which the i-th token weighs i.

    A text without any token gives zeros.

    Raises:
        ContractError: an unknown way, or shapes that do not fit.
    """
    if how not in POOLINGS:
        raise ContractError(f"pooling {how!r} is none of {', '.join(POOLINGS)}")
    if hidden.ndim != 3 or mask.shape != hidden.shape[:2]:
        raise ContractError(f"hidden {list(hidden.shape)} must be [b, l, d] and mask {list(mask.shape)} [b, l]")
    hidden, mask = hidden.float(), mask.to(torch.float32)
    place = mask.cumsum(dim=1) * mask  # 1, 2, 3, … at the tokens, 0 at the padding
    if how == "max":
        found = hidden.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).amax(dim=1)
        return found.masked_fill(mask.sum(dim=1, keepdim=True) == 0, 0.0)
    weights = {"cls": (place == 1).float(), "mean": mask, "weighted": place}[how]
    return torch.einsum("bld,bl->bd", hidden, weights) / weights.sum(dim=1, keepdim=True).clamp(min=1)


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their length, float32 [n, d]; a row of zeros stays as it is.

    Raises:
        ContractError: not a matrix.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise ContractError(f"vectors must be a matrix [n, d], not of shape {vectors.shape}")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def pooled(
    encoder: TextEncoder, texts: Sequence[str], ways: Sequence[Pooling] = POOLINGS, batch_size: int = 64
) -> dict[str, np.ndarray]:
    """Every text pooled in several ways from one pass: name -> float32 [n, d], not normalised.

    Raises:
        ContractError: as ``pool`` and ``TextEncoder.encode``.
    """
    check_texts(texts)
    if batch_size < 1:
        raise ContractError(f"batch_size is {batch_size}; it must be at least 1")
    found = {how: np.empty((len(texts), encoder.dimension), dtype=np.float32) for how in ways}
    tokens = tokenize(encoder.tokenizer, texts, encoder.max_length)
    order = np.argsort([len(t) for t in tokens], kind="stable")
    with torch.inference_mode(), autocast_to(encoder.device, encoder.precision):
        for start in range(0, len(texts), batch_size):
            rows = order[start : start + batch_size]
            batch = pad([tokens[row] for row in rows], encoder.tokenizer.pad_token_id)
            batch = {key: value.to(device_of(encoder.model)) for key, value in batch.items()}
            hidden = encoder.model(**batch).last_hidden_state
            for how in ways:
                found[how][rows] = pool(hidden, batch["attention_mask"], how).cpu().numpy()
    return found


def token_vectors(encoder: TextEncoder, text: str) -> tuple[list[str], np.ndarray]:
    """What is inside one vector: the tokens of a text, and the vector of each, float32 [l, d].

    Raises:
        ContractError: not a string.
    """
    check_texts([text])
    (ids,) = tokenize(encoder.tokenizer, [text], encoder.max_length)
    with torch.inference_mode(), autocast_to(encoder.device, encoder.precision):
        hidden = encoder.model(input_ids=torch.tensor([ids], device=device_of(encoder.model))).last_hidden_state
    return encoder.tokenizer.convert_ids_to_tokens(ids), hidden[0].float().cpu().numpy()
