"""The latent relevance of items to queries: how well the constraints match. Grades 0–3, never a dense matrix.

3: right leaf, every constraint met · 2: right leaf, one constraint missed · 1: right leaf, more missed, or a leaf
of the same group, or a complementary leaf · 0: anything else. A model number names one product: 3 for it, 1 for its
siblings (same leaf and brand), 0 for all others.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.shop.simulator.catalogue import BRAND, MODEL, NONE, Catalogue
from course_lib.shop.simulator.vocabulary import Vocabulary


def grade_pairs(
    query_leaf: np.ndarray, constraints: np.ndarray, item_leaf: np.ndarray, values: np.ndarray, related: np.ndarray
) -> np.ndarray:
    """Grades of aligned pairs.

    Args:
        query_leaf, item_leaf: int [n]. constraints, values: int [n, 7]; NONE in constraints asks for nothing.
        related: bool [n_leaves, n_leaves].

    Returns:
        int8 [n].
    """
    missed = ((constraints != NONE) & (constraints != values)).sum(axis=1)
    inside = np.maximum(1, 3 - missed)
    same_leaf = query_leaf == item_leaf
    grade = np.where(same_leaf, inside, related[query_leaf, item_leaf])
    sibling = same_leaf & (constraints[:, BRAND] == values[:, BRAND])
    named = np.where(constraints[:, MODEL] == values[:, MODEL], 3, sibling)
    return np.where(constraints[:, MODEL] == NONE, grade, named).astype(np.int8)


def relevance(query_leaf: np.ndarray, constraints: np.ndarray, catalogue: Catalogue, vocab: Vocabulary) -> csr_matrix:
    """All grades ≥ 1: int8 csr_matrix [n_queries, n_items]. Work and memory go with the matching leaves only."""
    by_leaf = [np.flatnonzero(catalogue.leaf == leaf) for leaf in range(len(vocab.leaves))]
    near = [np.sort(np.concatenate([by_leaf[r] for r in np.flatnonzero(row)])) for row in vocab.related]
    columns = [near[leaf] for leaf in query_leaf]
    grades = [
        grade_pairs(
            np.full(len(items), leaf), wanted[None, :], catalogue.leaf[items], catalogue.values[items], vocab.related
        )
        for leaf, wanted, items in zip(query_leaf, constraints, columns)
    ]
    pointers = np.concatenate([[0], np.cumsum([len(items) for items in columns])])
    shape = (len(query_leaf), len(catalogue))
    matrix = csr_matrix((np.concatenate(grades), np.concatenate(columns), pointers), shape=shape)
    matrix.eliminate_zeros()  # what a model number's query does not name
    return matrix


def judge(grades: csr_matrix, irrelevant: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What an assessor saw: every pair of grade ≥ 1, and up to ``irrelevant`` random items of grade 0 per query.

    Returns:
        query rows, item rows, grades: int64 [n_judgements] each, by query and item.
    """
    queries, items, values = [], [], []
    n_items = grades.shape[1]
    for row in range(grades.shape[0]):
        span = slice(grades.indptr[row], grades.indptr[row + 1])
        known = grades.indices[span]
        # Drawing over all items and dropping the relevant ones costs nothing beside a complement of the catalogue.
        drawn = rng.choice(n_items, size=min(n_items, irrelevant + len(known)), replace=False, shuffle=True)
        zero = drawn[~np.isin(drawn, known)][:irrelevant]
        both = np.concatenate([known, zero])
        order = np.argsort(both)
        queries.append(np.full(len(both), row))
        items.append(both[order])
        values.append(np.concatenate([grades.data[span], np.zeros(len(zero), dtype=np.int8)])[order])
    return tuple(np.concatenate(part).astype(np.int64) for part in (queries, items, values))
