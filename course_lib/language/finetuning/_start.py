"""What every task head of this folder shares: a copy to train, checks of what it is trained on, its probabilities."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, check_texts
from course_lib.language.pretraining import Pretrained
from course_lib.language.training import shuffled_batches


def copy_of(start: TextEncoder | Pretrained, name: str, autocast: bool, device: str) -> TextEncoder:
    """A new encoder to train, so that ``start`` is never changed."""
    if isinstance(start, Pretrained):
        return start.encoder(name, autocast=autocast, device=device)
    twin = start.copy()
    return TextEncoder(
        twin.model,
        twin.tokenizer,
        max_length=twin.max_length,
        name=name,
        source=start.name,
        autocast=autocast,
        device=device,
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random weights of a new head depend on its seed alone; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def numbers(values: Sequence[Hashable]) -> np.ndarray:
    """int64 [n]: equal values get equal numbers, from 0 in the order of their first coming."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def sides(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The queries and the product texts of pairs; raises ContractError where an entry is not a pair of strings."""
    if any(isinstance(pair, str) or len(pair) != 2 for pair in pairs):
        raise ContractError("pairs must hold (query, product text)")
    queries, products = ([pair[side] for pair in pairs] for side in (0, 1))
    for side in (queries, products):
        check_texts(side)
    return queries, products


def checked_targets(targets: Sequence[int] | np.ndarray, n: int, n_labels: int | None) -> Tensor:
    """Targets of n examples as int64 [n].

    Args:
        n_labels: they are numbers of labels, from 0 to one less; ``None``: any whole numbers (grades).

    Raises:
        ContractError: not n whole numbers, fewer than two kinds, or one without a label.
    """
    wanted = np.asarray(targets)
    if wanted.shape != (n,) or wanted.dtype.kind not in "iu" or len(np.unique(wanted)) < 2:
        raise ContractError(f"{n} pairs need as many whole numbers, of at least two kinds, as targets")
    if n_labels is not None and not 0 <= wanted.min() <= wanted.max() < n_labels:
        raise ContractError(f"targets reach from {wanted.min()} to {wanted.max()}, for {n_labels} labels")
    return torch.from_numpy(wanted.astype(np.int64))


def contrastive_batches(pairs: np.ndarray, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches of rows for InfoNCE.

    Args:
        pairs: int [n, 2], numbers of the query and the product of each pair.

    Raises:
        ContractError: no two queries, no two products, or batches in which a pair would have no negative.
    """
    if len(pairs) < 2 or min(len(np.unique(column)) for column in pairs.T) < 2:
        raise ContractError("contrastive training needs pairs with at least two queries and two products")
    if batch_size < 2:
        raise ContractError("a batch needs at least 2 pairs to have a negative")
    # A last batch of one pair would have no negative and no gradient: such an epoch's rest is skipped.
    return (rows for rows in shuffled_batches(len(pairs), batch_size, seed) if len(rows) > 1)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of each row: float32 [n, n_labels]."""
    return torch.from_numpy(logits).softmax(dim=-1).numpy()


def most_probable(logits: np.ndarray, labels: Sequence[str]) -> list[str]:
    """The label with the highest logit of each row."""
    return [labels[column] for column in logits.argmax(axis=1)]
