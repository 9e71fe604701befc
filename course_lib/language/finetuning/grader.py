"""The grader's labels: exact, substitute, complement, irrelevant (E / S / C / I), and what each is worth in a ranking.

The four labels and their gains are those of the Shopping Queries Data Set (Reddy et al. 2022,
https://arxiv.org/abs/2206.06588): exact meets the whole query; a substitute misses something but could serve instead; a
complement goes with what was asked for; irrelevant is the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import yaml

from course_lib.core.errors import ContractError, DataError
from course_lib.shop.simulator.vocabulary import DATA, vocabulary

if TYPE_CHECKING:
    from course_lib.shop.shop import Shop

LABELS = ("exact", "substitute", "complement", "irrelevant")
#: what a product of each label adds to a ranking, in the order of ``LABELS``
GAINS = (1.0, 0.1, 0.01, 0.0)
EXACT, SUBSTITUTE, COMPLEMENT, IRRELEVANT = range(4)


def grade_labels(shop: Shop) -> np.ndarray:
    """The label of every judgement of a shop: int64 [n_judgements], columns of ``LABELS``.

    On the simulated shop they are derived from its truth: grade 3 is exact, grade 0 irrelevant. Grades 1 and 2 are a
    complement where the shop's taxonomy lists the two leaf categories as things that go together (a smartphone and a
    phone case), else a substitute: the right leaf with a wrong colour, or a neighbour of the same group (boots for
    sandals). The taxonomy doesn't say whether neighbours replace or accompany one another (a laptop, a monitor); we
    call all of them substitutes, so some of these labels are debatable. ESCI's own judgements are taken as they are.

    Raises:
        DataError: a real shop whose grades mean something else.
    """
    grades = np.asarray(shop.judgements["grade"][:])
    if shop.truth is None:
        if not shop.name.startswith("esci"):
            remedy = "Use Shop.simulate or Shop.load('esci/us')"
            raise DataError(f"the grades of {shop.name!r} don't tell substitutes from complements", remedy=remedy)
        return IRRELEVANT - grades.astype(np.int64)
    queries = shop.query_ids.rows(shop.judgements["query_id"][:])
    items = shop.item_ids.rows(shop.judgements["item_id"][:])
    go_together = _complements()[shop.truth.query_leaf[queries], shop.truth.item_leaf[items]]
    between = np.where(go_together, COMPLEMENT, SUBSTITUTE)
    return np.select([grades == 3, grades == 0], [EXACT, IRRELEVANT], between).astype(np.int64)


def expected_gain(probabilities: np.ndarray, gains: Sequence[float] = GAINS) -> np.ndarray:
    """What a product is expected to add to a ranking, Σ_label p(label) · gain(label): float64 [n].

    One number to sort by, out of four probabilities; a product that is perhaps exact passes one that is surely a
    substitute.

    Raises:
        ContractError: not one gain per column, or rows that are no probabilities.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(gains):
        raise ContractError(f"probabilities {p.shape} must be [n, {len(gains)}], one column per gain")
    if not ((p >= 0) & (p <= 1)).all() or not np.allclose(p.sum(axis=1), 1, atol=1e-3):
        raise ContractError("the rows must be probabilities", remedy="Apply the softmax to logits first")
    return p @ np.asarray(gains, dtype=np.float64)


def query_families(shop: Shop) -> np.ndarray:
    """int64 [n_queries]: queries that ask for the same thing in other words, order or spelling have the same number.

    Such queries share their judgements. To split them between training and test is to test on what was learned.

    Raises:
        DataError: a real shop, where nobody knows what a query means; group its queries by their judged products.
    """
    if shop.truth is None:
        raise DataError("only a simulated shop knows what each query means", remedy="Split by another kind of group")
    wants = np.column_stack([shop.truth.query_leaf, shop.truth.query_constraints])
    return np.unique(wants, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _complements() -> np.ndarray:
    """bool [n_leaves, n_leaves]: the pairs of leaves that the taxonomy lists as going together."""
    row = {leaf.term.word["en"]: number for number, leaf in enumerate(vocabulary().leaves)}
    pairs = yaml.safe_load((DATA / "taxonomy.yml").read_text(encoding="utf-8"))["complements"]
    together = np.zeros((len(row), len(row)), dtype=bool)
    for one, other in pairs:
        together[row[one], row[other]] = together[row[other], row[one]] = True
    return together
