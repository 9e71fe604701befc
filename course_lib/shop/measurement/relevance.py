"""What is known to be relevant, from a judgements table or from interactions, in one form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.tables import GRADES
from course_lib.shop.interactions import Interactions

if TYPE_CHECKING:
    from datasets import Dataset


class Graded(NamedTuple):
    """Relevance as distinct (key, item) pairs: rows of the two maps, int64 [n_pairs], and grades int8 [n_pairs]."""

    keys: IdMap
    items: IdMap
    key_rows: np.ndarray
    item_rows: np.ndarray
    grades: np.ndarray


def graded_pairs(relevance: Dataset | Interactions, kind: str) -> Graded:
    """Relevance for a ranking whose keys are of this kind; raises ContractError as ``evaluate`` does."""
    fits = {"user": "an Interactions", "query": "the judgements table (query_id, item_id, grade)"}
    if isinstance(relevance, Interactions):
        graded = _of_interactions(relevance) if kind == "user" else None
    elif {"query_id", "item_id", "grade"} <= set(getattr(relevance, "column_names", None) or ()):
        graded = _of_judgements(relevance) if kind == "query" else None
    else:
        graded = None
    if graded is None:
        given = "nothing (None)" if relevance is None else f"this {type(relevance).__name__}"
        what = f"a ranking of {kind} keys can't be measured against {given}"
        raise ContractError(what, remedy=f"Pass {fits[kind]}")
    return graded


def _of_interactions(relevance: Interactions) -> Graded:
    if not len(relevance):
        raise ContractError("the relevance holds no interactions")
    pairs = np.sort(relevance.user_rows * len(relevance.items) + relevance.item_rows)
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]  # a sort and a look beat np.unique's hash table
    users, items = np.divmod(pairs, len(relevance.items))
    return Graded(relevance.users, relevance.items, users, items, np.ones(len(pairs), dtype=np.int8))


def _of_judgements(relevance: Dataset) -> Graded:
    if not len(relevance):
        raise ContractError("the relevance holds no judgements")
    query_ids, item_ids, grades = (list(relevance[c][:]) for c in ("query_id", "item_id", "grade"))
    wrong = next((row for row, grade in enumerate(grades) if grade not in GRADES), None)
    if wrong is not None:
        raise ContractError(f"grade {grades[wrong]!r} is outside 0–3", where=f"judgements, row {wrong}")
    keys, items = IdMap("query", dict.fromkeys(query_ids)), IdMap("item", dict.fromkeys(item_ids))
    key_rows, item_rows = keys.rows(query_ids), items.rows(item_ids)
    _, first = np.unique(key_rows * len(items) + item_rows, return_index=True)
    if len(first) != len(grades):
        row = int(np.setdiff1d(np.arange(len(grades)), first)[0])
        pair = f"{query_ids[row]!r} / {item_ids[row]!r}"
        raise ContractError(f"{pair} is judged twice", where=f"judgements, row {row}")
    return Graded(keys, items, key_rows, item_rows, np.asarray(grades, dtype=np.int8))
