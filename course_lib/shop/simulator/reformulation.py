"""From one query to the next within a session: narrower, wider, corrected, or the same wish in other words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.simulator.catalogue import NONE
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.queries import Queries

#: kinds of step, by the number that the truth holds; "" is a page without a step; "repeat" asks the same again,
#: "new" asks anew within the session, whatever the query before
STEPS = ("", "specialise", "generalise", "correct", "rephrase", "repeat", "new")
SPECIALISE, GENERALISE, CORRECT, REPHRASE, REPEAT, NEW = range(1, len(STEPS))


@dataclass(frozen=True, eq=False)
class Links:
    """The possible steps between the shop's queries, in the layout of a sparse matrix.

    Attributes:
        pointers: int [n_queries + 1]; the steps from query q are pointers[q] … pointers[q + 1].
        target, kind: int [n_links]: the next query, and the number of its kind in ``STEPS``.
        weight: float [n_links]: probability of the step, given that one is taken from this query.
    """

    pointers: np.ndarray
    target: np.ndarray
    kind: np.ndarray
    weight: np.ndarray

    def follow(self, queries: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """int [n], int [n]: the next query (NONE where no step is possible) and the kind of step (0 there)."""
        cumulated = np.concatenate([[0.0], np.cumsum(self.weight)])
        first, last = self.pointers[queries], self.pointers[queries + 1]
        low, high = cumulated[first], cumulated[last]
        place = np.searchsorted(cumulated, low + rng.random(len(queries)) * (high - low), side="right") - 1
        possible = last > first
        place = np.clip(place, first, np.maximum(first, last - 1))[possible]
        target, kind = np.full(len(queries), NONE), np.zeros(len(queries), dtype=np.int64)
        target[possible], kind[possible] = self.target[place], self.kind[place]
        return target, kind


def find_links(queries: Queries, parameters: Parameters) -> Links:
    """All steps between queries about one leaf.

    With the constraints of a query as a set: a larger set specialises, a smaller one generalises, the same set in other
    words rephrases. A misspelt query leads to its correct form and nowhere else, and no step leads to it.
    """
    source, target, kind = [], [], []
    typo = np.array([k == "typo" for k in queries.kind])
    order = np.argsort(queries.leaf, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(queries.leaf[order])) + 1):
        members = members[~typo[members]]
        asked = queries.constraints[members]
        within = np.ones((len(members), len(members)), dtype=bool)  # [i, j]: all that i asks for, j asks for as well
        for column in asked.T:
            within &= (column[:, None] == NONE) | (column[:, None] == column[None, :])
        np.fill_diagonal(within, False)
        for number, holds in (
            (SPECIALISE, within & ~within.T), (GENERALISE, within.T & ~within), (REPHRASE, within & within.T),
        ):  # fmt: skip
            i, j = np.nonzero(holds)
            source.append(members[i])
            target.append(members[j])
            kind.append(np.full(len(i), number))
    wrong = np.flatnonzero(queries.correction != NONE)
    source, target, kind = (
        np.concatenate(part)
        for part in ([*source, wrong], [*target, queries.correction[wrong]], [*kind, np.full(len(wrong), CORRECT)])
    )
    order = np.lexsort((target, kind, source))
    source, target, kind = source[order], target[order], kind[order]
    # Each kind gets its share; within a kind, frequent queries are the likelier next ones.
    share = np.zeros(len(STEPS))
    for name, value in parameters.reformulation_shares:
        share[STEPS.index(name)] = value
    cell = source * len(STEPS) + kind
    n = len(queries.text)
    likely = queries.frequency[target]
    weight = share[kind] * likely / np.maximum(np.bincount(cell, likely, n * len(STEPS))[cell], 1e-300)
    weight /= np.maximum(np.bincount(source, weight, n)[source], 1e-300)
    pointers = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n))])
    return Links(pointers, target, kind, weight)
