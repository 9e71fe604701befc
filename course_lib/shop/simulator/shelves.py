"""What the shop puts on its pages: the demand for each leaf, the eligible items, and what the ranker thinks of them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.seeds import generator
from course_lib.shop.simulator.catalogue import Catalogue
from course_lib.shop.simulator.pages import Pages, prepare
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.people import People
from course_lib.shop.simulator.queries import Queries
from course_lib.shop.simulator.stock import Stock


def leaf_demand(catalogue: Catalogue, queries: Queries, n_leaves: int) -> np.ndarray:
    """float [n_leaves], sums to 1: half what people search for, half what is popular; 0 for leaves without items."""
    asked = np.bincount(queries.leaf, weights=queries.frequency, minlength=n_leaves)
    popular = np.bincount(catalogue.leaf, weights=catalogue.popularity, minlength=n_leaves)
    demand = np.where(popular > 0, 0.7 * asked + 0.3 * popular, 0.0)
    return demand / demand.sum()


def ranker_appeal(
    catalogue: Catalogue, factors: np.ndarray, people: People, stock: Stock, parameters: Parameters
) -> np.ndarray:
    """float [n_items], in grades: what the production ranker adds to the match of an item.

    It knows past sales and what the mean user likes. An item that is launched later has no sales yet.
    """
    popularity = _standardised(np.log(catalogue.popularity))
    popularity = np.where(stock.launch > 0, popularity.min(), popularity)
    liked = _standardised(factors @ people.factors.mean(axis=0))
    return parameters.ranker_popularity * popularity + parameters.ranker_taste * liked


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() or 1.0)


def prepare_pages(
    catalogue: Catalogue,
    grades: csr_matrix,
    people: People,
    demand: np.ndarray,
    appeal: np.ndarray,
    stock: Stock,
    parameters: Parameters,
    seed: int,
) -> Pages:
    """The shop's pages in the order: queries, leaves, clusters. A page without eligible items shows nothing."""
    rows = [grades.indices[a:b].astype(np.int64) for a, b in zip(grades.indptr, grades.indptr[1:])]
    scores = [grades.data[a:b] + appeal[items] for a, b, items in zip(grades.indptr, grades.indptr[1:], rows)]
    by_leaf = [np.flatnonzero(catalogue.leaf == leaf) for leaf in range(len(demand))]
    for leaves in by_leaf + _home_pages(catalogue, people, by_leaf, demand, parameters):
        rows.append(leaves)
        scores.append(appeal[leaves])
    return prepare(
        rows, scores, stock.available, length=parameters.list_length, variants=parameters.variants,
        noise=parameters.ranker_noise, randomised=parameters.randomised, rng=generator(seed, "pages"),
    )  # fmt: skip


def _home_pages(
    catalogue: Catalogue, people: People, by_leaf: list[np.ndarray], demand: np.ndarray, parameters: Parameters
) -> list[np.ndarray]:
    """Eligible items of each cluster's home page: the ten leaves that its users shop in most (no user: all)."""
    homes = []
    for cluster in range(parameters.clusters):
        wanted = np.bincount(people.leaves[0][people.cluster == cluster].ravel(), minlength=len(demand))
        best = np.flatnonzero(wanted >= max(1, np.sort(wanted)[-min(10, len(wanted))]))
        leaves = best if len(best) else np.flatnonzero(demand)
        homes.append(np.sort(np.concatenate([by_leaf[leaf] for leaf in leaves])))
    return homes
