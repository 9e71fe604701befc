"""Folding in: a fitted model scores people it has never seen, by their history alone, and learns nothing."""

from __future__ import annotations

import copy

from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import EASE, IALS, ItemCosine, Popularity, Random, als_step
from course_lib.recommend.collaborative.als import damped
from course_lib.recommend.engine.content import ContentNeighbours
from course_lib.shop.interactions import Interactions


def fold_in(model: Recommender, visitors: Interactions) -> Recommender | None:
    """A view of the model whose users are these visitors; the model itself stays as it is. ``None``: not without training.

    - ``Popularity``, ``Random``, ``ItemCosine``, ``EASE``, ``ContentNeighbours``, sequential models: exactly what the
      model says of a known user with the same history.
    - ``IALS``: the visitor's vector solved for the fitted item vectors (``als_step``). That of a known user is one sweep
      older than the item vectors, and solved by conjugate gradients, so that the two differ a little.
    - ``LightGCN``: what arrives over the visitor's edges (``vectors_of_new``).
    - A model with a method ``fold_in(visitors)``: whatever that returns.
    - Others keep a vector for each known user and nothing from which one could be made (BPR, NCF, user cosine): None.

    Args:
        model: fitted. visitors: histories over the same catalogue; their weights count as in training.
    """
    view = copy.copy(model)
    view.interactions = visitors
    if isinstance(model, (Popularity, Random, ItemCosine, ContentNeighbours)):
        return view
    if isinstance(model, EASE):
        view._had = visitors.matrix.sign()[:, model.modelled]
        return view
    if isinstance(model, IALS):
        view._x = damped(visitors.matrix, model.user_damping)
        solved = als_step(view._x, model.item_vectors, model.regularization, model.alpha)
        view.user_vectors = solved.astype(model.item_vectors.dtype)
        return view
    return _others(model, visitors)


def _others(model: Recommender, visitors: Interactions) -> Recommender | None:
    """Models whose modules need torch: loaded only where such a model is there already."""
    from course_lib.recommend.graph import LightGCN
    from course_lib.recommend.sequential import SequenceRecommender

    if isinstance(model, SequenceRecommender):
        return copy.copy(model).follow(visitors)
    if isinstance(model, LightGCN):
        view, matrix = copy.copy(model), visitors.matrix
        view.interactions = visitors
        histories = [visitors.items.take(matrix[row].indices) for row in range(len(visitors.users))]
        view.user_vectors = model.vectors_of_new(histories)
        return view
    own = getattr(model, "fold_in", None)
    return own(visitors) if callable(own) else None
