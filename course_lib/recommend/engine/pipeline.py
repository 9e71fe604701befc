"""``RecommendationPipeline``: generators → ranker → display list, in one recommender that can be asked why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import Popularity
from course_lib.recommend.engine.asking import check_users, checked_k, visitor_history
from course_lib.recommend.engine.candidates import BLOCK, VISITOR, View, in_blocks, visitor_view
from course_lib.recommend.engine.content import ContentNeighbours
from course_lib.recommend.engine.defaults import default_generators
from course_lib.recommend.engine.features import RequestFeatures
from course_lib.recommend.engine.ordering import Ordering
from course_lib.recommend.engine.page import Composer, Display, Page
from course_lib.recommend.engine.products import catalogue_of, product_rows, with_new
from course_lib.recommend.engine.ranker import ChanceRanker
from course_lib.recommend.engine.teaching import labelled_candidates, parts_by_time, taught
from course_lib.recommend.engine.telling import Teller
from course_lib.recommend.engine.trace import Trace
from course_lib.shop.interactions import Interactions

if TYPE_CHECKING:
    from datasets import Dataset


class RecommendationPipeline(Recommender):
    """Several recommenders propose, trees put in order, rules make the page: itself a ``Recommender``.

    ``fit`` keeps the answers out of the features by time. The log's end is cut into parts with equally many events. For
    each part, generators are fitted on all that came before it, and a candidate's label is whether its user took it up
    within the part. The trees learn from all parts but the last, which calibrates their chances. Then the generators are
    fitted on everything.

    A user of the interactions without an event, or a visitor without one, gets what is popular of late.

    Args:
        items: the items table of the shop, or rows with item_id and what is known of title, category, brand, price.
        generators: unfitted recommenders by name, which begin the names of features; default ``default_generators``.
        ranker: unfitted; ``None``: a single generator's own order, or several fused by places.
        fallback: for people without a history; unfitted. Default: ``Popularity`` of 14 days.
        display: rules of the page.
        by_value: order by P(taken up) · P(bought | taken up) · price instead of by P(taken up). P(bought | taken up) is
            one constant, from the purchases given to ``fit``.
        depth: candidates of each generator. moments, share: parts to learn from; events of a part, of all events.
        vectors: float [n_items, d], text vectors as a feature, or None.

    Attributes:
        generators: fitted, by name. products: rows of the catalogue. buy_rate: P(bought | taken up), or None.
        candidate_recall: part of what users took up in the last part that was among the candidates; None without ranker.

    Raises:
        ContractError: no generator, a size below 1, parts that leave no past, ``by_value`` without a ranker.
    """

    def __init__(
        self,
        items: Dataset | Iterable[Mapping[str, Any]],
        generators: Mapping[str, Recommender] | None = None,
        ranker: ChanceRanker | None | str = "default",
        *,
        fallback: Recommender | None = None,
        display: Display | None = None,
        by_value: bool = False,
        depth: int = 50,
        moments: int = 3,
        share: float = 0.1,
        vectors: np.ndarray | None = None,
    ):
        self.products = product_rows(items)
        if not self.products:
            raise ContractError("there are no products to recommend", remedy="Pass shop.items")
        self.catalogue = catalogue_of(self.products, vectors)
        self._unfitted = dict(default_generators(self.catalogue) if generators is None else generators)
        wrong = [name for name, model in self._unfitted.items() if not isinstance(model, Recommender)]
        if not self._unfitted or wrong:
            raise ContractError(f"generators: {wrong[0]!r} is no Recommender" if wrong else "there is no generator",
                                remedy='E.g. {"ials": IALS()}')  # fmt: skip
        if isinstance(depth, bool) or not isinstance(depth, int) or min(depth, moments) < 1:
            raise ContractError(f"depth is {depth!r} and moments is {moments!r}; both must be whole numbers of at least 1")
        if not 0 < share * (moments + 1) < 1:
            raise ContractError(f"{moments} + 1 parts of {share:g} leave no past to learn from", remedy="Lower share or moments")
        self.ranker = ChanceRanker() if ranker == "default" else ranker
        if by_value and self.ranker is None:
            raise ContractError("an order by value needs chances", remedy="Give a ranker, or by_value=False")
        self._fallback = fallback or Popularity(14)
        self.by_value, self.depth, self.moments, self.share = by_value, depth, moments, share
        self.display = display or Display()
        self.buy_rate: float | None = None
        self.candidate_recall: float | None = None

    # -- learning -----------------------------------------------------------------------------------------------------
    @classmethod
    def of_shop(cls, shop: Any, *, until: int | None = None, **settings: Any) -> Self:
        """A pipeline of a shop's products, fitted on its log before a moment; its purchases give ``buy_rate``."""
        log, purchases = shop.interactions(until=until), shop.interactions(until=until, kinds="purchase")
        return cls(shop.items, **settings).fit(log, purchases=purchases)

    def fit(self, interactions: Interactions, *, purchases: Interactions | None = None) -> Self:
        """Learn from the past.

        Args:
            purchases: those of the events that were purchases, for ``buy_rate`` and for what a trace says of a history.

        Raises:
            UnteachableError: events without times, or too few, for a ranker.
            ContractError: what ``Recommender.fit`` refuses; another catalogue than the products'; ``by_value`` without a
                purchase.
        """
        bought: set[tuple[str, int]] = set()
        if purchases is not None:
            bought = set(zip(purchases.users.take(purchases.user_rows), purchases.item_rows.tolist()))
        if self.by_value and not bought:
            raise ContractError("an order by value needs purchases", remedy="Pass purchases=shop.interactions(kinds='purchase')")
        before = self.interactions
        try:
            super().fit(interactions)
        except BaseException:
            self.interactions = before  # what was learned before still serves
            raise
        self._bought, self.buy_rate = bought, None
        if bought:
            self.buy_rate = min(1.0, len(bought) / max(1, interactions.matrix.nnz))
        return self

    def _fit(self, interactions: Interactions) -> None:
        if interactions.items != self.catalogue.ids:
            raise ContractError("the interactions have another catalogue than the products", remedy="Pass shop.items of one shop")
        ranker, recall = (None, None) if self.ranker is None else self._taught(interactions)
        generators, fallback = _fitted(self._unfitted, interactions), deepcopy(self._fallback).fit(interactions)
        self.ranker, self.candidate_recall = ranker, recall
        self._settle(generators, fallback)

    def _settle(self, generators: dict[str, Recommender], fallback: Recommender) -> None:
        """Serve with these from now on."""
        self.generators, self.fallback = generators, fallback
        self._features = RequestFeatures.of(self.catalogue, self.interactions)
        self._composed: tuple[Display, Composer] | None = None

    def _taught(self, interactions: Interactions) -> tuple[ChanceRanker, float]:
        """The ranker, taught on the parts of the past and calibrated on the last, and the last part's candidate recall."""
        learned = []
        for past, labels in parts_by_time(interactions, self.moments, self.share):
            learned.append(self.examples(_fitted(self._unfitted, past), past, labels))
            recall = float(learned[-1][1].sum() / labels.matrix.nnz)
        return taught(deepcopy(self.ranker), learned), recall

    def examples(
        self, models: dict[str, Recommender], past: Interactions, labels: Interactions
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Candidates of those who took up something new: their features, and whether it was that."""
        features = RequestFeatures.of(self.catalogue, past)
        return labelled_candidates(View(models, past), labels, features, self.depth, self._unfitted)

    # -- recommending -------------------------------------------------------------------------------------------------
    @property
    def item_ids(self) -> IdMap:
        """The products there are, new ones at the end."""
        return self.catalogue.ids

    def recommend(
        self, users: Sequence[str], k: int = 20, *, exclude_seen: bool = True, block: int = BLOCK
    ) -> Ranking:
        """The pages of known users (contract: ``Recommender.recommend``); shorter than k where candidates end, padded with -1.

        Scores are the ranker's (or the fusion's) where ``display`` changes nothing, and 1 / place where it does.

        Raises:
            ContractError: not fitted yet, a user named twice, k < 1. UnknownIdError: a user the log doesn't know.
        """
        self._known(users)
        return self._pages(View(self.generators, self.interactions), IdMap("user", users), checked_k(k), exclude_seen, block)

    def recommend_for(
        self, items: Sequence[str], k: int = 20, *, timestamps: Sequence[int] | None = None, exclude_seen: bool = True
    ) -> Ranking:
        """The page of somebody new, from the products they touched (oldest first); nothing is trained.

        Generators that can't serve a new user without training (``fold_in``) propose nothing; the trace says which.

        Raises:
            ContractError: not fitted yet, k < 1, timestamps of another number. UnknownIdError: an unknown product.
        """
        view = self._folded(items, timestamps)
        return self._pages(view, view.interactions.users, checked_k(k), exclude_seen, BLOCK)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        """The ranker's scores before the page; -inf for what isn't a candidate."""
        scores = np.full((len(rows), len(self.catalogue.ids)), -np.inf, dtype=np.float32)
        view, users = View(self.generators, self.interactions), self.interactions.users.take(rows)
        ordered = self._ordering().order(view, users, self.depth, exclude_seen=False)
        for row, (items, values) in enumerate(zip(ordered.items, ordered.scores)):
            scores[row, items] = values
        return scores

    def _pages(self, view: View, users: IdMap, k: int, exclude_seen: bool, block: int) -> Ranking:
        ids, scores = np.full((len(users), k), PAD, dtype=np.int64), np.full((len(users), k), -np.inf, dtype=np.float32)
        ordering, row = self._ordering(), 0
        for part in in_blocks(list(users), block):
            ordered = ordering.order(view, part, max(self.depth, k), exclude_seen)
            for items, values in zip(ordered.items, ordered.scores):
                page = self._compose(items, values, k).rows
                ids[row, : len(page)] = page
                scores[row, : len(page)] = values[: len(page)] if self.display.neutral else 1 / np.arange(1, len(page) + 1)
                row += 1
        return Ranking(ids, scores, users, self.catalogue.ids)

    def _compose(self, items: np.ndarray, scores: np.ndarray, k: int) -> Page:
        if self.display.neutral:
            return Page(items[:k], {}, {})
        if self._composed is None or self._composed[0] is not self.display:
            brands = [product["brand"] for product in self.products]
            self._composed = self.display, Composer(self.display, self.catalogue.ids, brands, self.catalogue)
        return self._composed[1].compose(items, scores, k)

    def _ordering(self) -> Ordering:
        """What puts candidates in order as the pipeline is now: ``by_value`` may be set between two requests."""
        return Ordering(self._unfitted, self._features, self.ranker, self.fallback, self.by_value, self.buy_rate)

    # -- people and products that are new -----------------------------------------------------------------------------
    def _known(self, users: Sequence[str]) -> None:
        """Raise before ``fit``, and where a user is unknown, with near names."""
        self._rows([])
        check_users(users, self.interactions.users)

    def _folded(self, items: Sequence[str], timestamps: Sequence[int] | None = None) -> View:
        """The generators as they serve one visitor."""
        self._rows([])
        rows, times = visitor_history(items, timestamps, self.catalogue.ids)
        return visitor_view(self.generators, self.catalogue.ids, rows, times)

    def add_items(self, items: Dataset | Iterable[Mapping[str, Any]], *, vectors: np.ndarray | None = None) -> None:
        """Put new products at the end of the catalogue; nothing is trained, and nothing changes if one can't be added.

        ``ContentNeighbours`` proposes them at once by their department, category and brand. Models that count or
        factorise know nothing of them until the next ``fit`` (the trace says so); to the ranker they are products that
        nobody has touched, as it met many in training.

        Args:
            vectors: float [n, d] of the new products, where the pipeline was given vectors.

        Raises:
            ContractError: not fitted yet, a product that is there already, vectors missing or not asked for.
        """
        self._rows([])
        self.products, self.catalogue = with_new(self.products, self.catalogue, items, vectors)
        log, ids = self.interactions, self.catalogue.ids
        self.interactions = Interactions(log.users, ids, log.user_rows, log.item_rows, log.weights, log.timestamps)
        grown = {name: model.extended(self.catalogue, self.interactions) if isinstance(model, ContentNeighbours) else model
                 for name, model in self.generators.items()}  # fmt: skip
        self._settle(grown, self.fallback)

    def restore(
        self,
        interactions: Interactions,
        generators: dict[str, Recommender],
        fallback: Recommender,
        bought: np.ndarray,
        buy_rate: float | None,
        candidate_recall: float | None,
    ) -> Self:
        """Serve with what an earlier ``fit`` learned (``store.load_pipeline``).

        Args:
            bought: int64 [n, 2], rows of user and product of the purchases.

        Raises:
            ContractError: another catalogue, rows outside it, a ranker that needs other features than there are.
        """
        if interactions.items != self.catalogue.ids or set(generators) != set(self._unfitted):
            raise ContractError("the interactions or the generators belong to another pipeline")
        users = interactions.users.take(bought[:, 0])
        self.catalogue.ids.take(bought[:, 1])
        self._bought = set(zip(users, bought[:, 1].tolist()))
        self.interactions, self.buy_rate, self.candidate_recall = interactions, buy_rate, candidate_recall
        self._settle(generators, fallback)
        if self.ranker is not None and (names := self.feature_names()) != list(self.ranker.trees.names):
            other = sorted(set(names) ^ set(self.ranker.trees.names)) or ["their order"]
            raise ContractError(f"the ranker learned from other features than this version computes: {', '.join(other)}")
        return self

    def feature_names(self) -> list[str]:
        """What the ranker sees, in order."""
        return self._features.names(self._unfitted)

    # -- asking why ---------------------------------------------------------------------------------------------------
    def show(self, user: str, k: int = 10) -> list[dict[str, Any]]:
        """A known user's page: for each place the product's row, ``score``, ``chance``, ``value``, ``ranked`` (its place by
        the ranker), ``places`` (generator -> place in its list, from 1), ``moved``, ``because``, ``reasons``."""
        return self.explain(user, k)["display"].rows

    def explain(self, user: str, k: int = 10) -> Trace:
        """The same request, with what every stage did, and its time.

        Raises:
            ContractError: not fitted yet, k < 1. UnknownIdError: a user the log doesn't know.
        """
        self._known([user])
        return self._trace(lambda: View(self.generators, self.interactions), str(user), k)

    def explain_for(self, items: Sequence[str], k: int = 10, *, timestamps: Sequence[int] | None = None) -> Trace:
        """``recommend_for``, traced; raises as it does."""
        return self._trace(lambda: self._folded(items, timestamps), VISITOR, k)

    def _trace(self, open_view: Callable[[], View], user: str, k: int) -> Trace:
        checked_k(k)
        start = time.perf_counter()
        view = open_view()
        teller = Teller(self, user, k, known=view.interactions is self.interactions, start=start)
        teller.history(view)
        ordered = self._ordering().order(view, [user], max(self.depth, k), True, teller.note)
        teller.ranked(view, ordered.items[0], ordered.scores[0], ordered.chances[0])
        page = self._compose(ordered.items[0], ordered.scores[0], k)
        teller.display(view, page)
        return Trace(user, tuple(self._unfitted), tuple(teller.stages))


def _fitted(unfitted: Mapping[str, Recommender], interactions: Interactions) -> dict[str, Recommender]:
    return {name: deepcopy(model).fit(interactions) for name, model in unfitted.items()}
