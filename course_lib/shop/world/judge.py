"""What a list is really worth: known in the simulated shop alone, where the truth behind the clicks is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.log import IMPRESSION, NO_QUERY, Log
from course_lib.shop.world.cascade import Choose, best_first

GRADES = range(4)


def true_click_chances(
    log: Log, truth: Any, grade_weight: float, *, shift: np.ndarray | float = 0.0
) -> np.ndarray:
    """P(click | looked at) of each product, were it of grade 0, 1, 2 or 3: float [4, n_items].

    The truth keeps this probability for every impression of the log. Its logit is linear in the grade, so that each
    impression also tells what the same visitor would have done at another grade; the mean over a product's search
    impressions is what we want. A product that was never shown gets the mean of its leaf category. Grade 0 gets 0: no
    search page showed such a product, so that the log has nothing to say about it.

    Args:
        log: with the rows of the shop's events.
        truth: ``shop.truth``: relevance, attraction of each event, item_leaf.
        grade_weight: of the grade in the logit (``Parameters().attraction_grade``).
        shift: float [n], added to the logit of each event's impression: what its product's appeal gains from then to
            the moment that is asked about, where appeal comes and goes (``truth.fashion``). 0: the mean over the log.

    Raises:
        ContractError: the log has no impression on a search page.
    """
    asked = np.flatnonzero((log.kind == IMPRESSION) & (log.query != NO_QUERY))
    if not len(asked):
        raise ContractError("the log holds no impression on a search page")
    item, chance = log.item[asked], truth.attraction[log.event[asked]].astype(np.float64)
    grade = np.asarray(truth.relevance[log.query[asked], item]).ravel()
    base = np.log(chance / (1 - chance)) - grade_weight * grade + np.broadcast_to(shift, len(log))[asked]
    seen = np.bincount(item, minlength=log.n_items)
    chances = np.zeros((len(GRADES), log.n_items))
    leaf = np.asarray(truth.item_leaf)
    n_leaves = int(leaf.max()) + 1
    for to in GRADES[1:]:
        moved = 1 / (1 + np.exp(-(base + grade_weight * to)))
        own = np.bincount(item, weights=moved, minlength=log.n_items)
        in_leaf = np.bincount(leaf, weights=own, minlength=n_leaves)
        times = np.bincount(leaf, weights=seen, minlength=n_leaves)
        of_leaf = np.where(times > 0, in_leaf / np.maximum(times, 1), moved.mean())
        chances[to] = np.where(seen > 0, own / np.maximum(seen, 1), of_leaf[leaf])
    return chances


@dataclass(frozen=True, eq=False)
class Judge:
    """Knows what every product would earn for every query.

    Attributes:
        relevance: int8 csr_matrix [n_queries, n_items], grades.
        chances: float [4, n_items], of ``true_click_chances``.
        examination: float [n_places], P(the customer looks at place p).
        worth: float [n_items], money per click: purchases per click times price, 0 for what can't be bought.
    """

    relevance: csr_matrix
    chances: np.ndarray
    examination: np.ndarray
    worth: np.ndarray

    def clicks(self, query: int, rows: np.ndarray) -> np.ndarray:
        """P(click | looked at) of products for a query: float [m]."""
        grades = self.relevance[[query]].toarray()[0, rows]
        return self.chances[grades, rows]

    def money(self, query: int, rows: np.ndarray) -> np.ndarray:
        """Expected money of products for a query, when looked at: float [m]."""
        return self.clicks(query, rows) * self.worth[rows]

    def by_money(self) -> Choose:
        """A stage that knows the truth: what would earn most, when looked at, comes first."""
        return lambda request, rows: best_first(self.money(request.row, rows), rows)

    def by_grade(self) -> Choose:
        """A stage that knows the truth: the products of grade 1 to 3, the best first."""

        def choose(request: Any, rows: np.ndarray) -> np.ndarray:
            grades = self.relevance[[request.row]].toarray()[0, rows].astype(np.float64)
            return best_first(np.where(grades > 0, grades, -np.inf), rows)

        return choose

    def value(self, ranking: Ranking, queries: np.ndarray) -> np.ndarray:
        """Expected money of each list: Σ over places of P(looks at place) · P(click) · money per click; float [n].

        Args:
            queries: int [n], the query row behind each list.

        Raises:
            ContractError: not one query per list, or lists longer than the examination curve.
        """
        if len(queries) != len(ranking) or ranking.k > len(self.examination):
            what = f"{len(queries)} queries and {len(self.examination)} places for lists {ranking.ids.shape}"
            raise ContractError(what, remedy="Give a query per list, and cut the lists with ranking.head")
        values = np.zeros(len(ranking))
        for row, (query, ids) in enumerate(zip(queries, ranking.ids)):
            shown = ids[ids != PAD]
            values[row] = self.money(int(query), shown) @ self.examination[: len(shown)]
        return values
