"""“Because you bought …”: the products of a history that speak for a product on the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import Reason, because
from course_lib.recommend.collaborative.explain import EXPLAINS
from course_lib.recommend.sequential import FadingVotes


def reasons_for(
    models: Mapping[str, Recommender], user: str, item: str, places: Mapping[str, int], n: int = 2
) -> tuple[str, list[Reason]]:
    """The generator that explains, and its reasons; ("", []) where none can.

    Of the generators whose score is a sum over the history, that which has the product highest in its list speaks.

    Args:
        models: by name; the user and the item are known to them. places: name -> place in its list, from 0.
    """
    for name in sorted(places, key=lambda name: (places[name], list(models).index(name))):
        model = models[name]
        if item not in model.interactions.items:
            continue
        if isinstance(model, EXPLAINS):
            found = because(model, user, item, n)
        elif isinstance(model, FadingVotes):
            found = _votes(model, user, item, n)
        else:
            continue
        if found:
            return name, found
    return "", []


def _votes(model: FadingVotes, user: str, item: str, n: int) -> list[Reason]:
    """As ``because``, of a model whose score is a sum of fading votes; an item that occurs twice votes twice."""
    row, column = int(model.interactions.users.rows([user])[0]), int(model.interactions.items.rows([item])[0])
    items, times = model.histories.of(row)
    if not len(items):
        return []
    fade = model._fade(np.arange(len(items))[::-1], times[-1] - times)
    votes = fade * model.votes[items, column].toarray().ravel()
    history, at = np.unique(items, return_inverse=True)
    adds = np.bincount(at, votes)
    whole = adds.sum()
    order = [i for i in np.lexsort((history, -adds)) if adds[i] > 0][:n]
    return [Reason(model.interactions.items.take([history[i]])[0], float(adds[i]), float(adds[i] / whole)) for i in order]
