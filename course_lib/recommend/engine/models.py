"""Fitted recommenders as settings and arrays, and back: what a saved pipeline holds of each generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import BPR, EASE, IALS, ItemCosine, Popularity
from course_lib.recommend.collaborative.als import damped
from course_lib.recommend.engine.content import ContentNeighbours
from course_lib.recommend.engine.products import catalogue_of
from course_lib.recommend.sequential import HSTU, LSTM, Histories, RecentCosine, SASRec, SequentialRules
from course_lib.shop.interactions import Interactions

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Kind:
    """How one class is written.

    Attributes:
        settings: names of its constructor's arguments, which are attributes too.
        take: from a fitted model to its arrays. put: sets a new model's fitted state; ``interactions`` is set already.
    """

    cls: type
    settings: tuple[str, ...]
    take: Callable[[Any], Arrays]
    put: Callable[[Any, Arrays], None]


def pack(model: Recommender) -> tuple[str, dict[str, Any], Arrays]:
    """Name of the class, its settings, its arrays; raises ContractError for a class that can't be written."""
    kind = _KINDS.get(type(model).__name__)
    if kind is None or type(model) is not kind.cls:
        raise ContractError(
            f"a {type(model).__name__} can't be saved", remedy=f"Save pipelines of {', '.join(_KINDS)}, or fit it again"
        )
    return type(model).__name__, {name: _plain(_setting(model, name)) for name in kind.settings}, kind.take(model)


def unpack(
    name: str, settings: dict[str, Any], arrays: Arrays, interactions: Interactions, products: list[dict[str, Any]]
) -> Recommender:
    """The fitted model again.

    Raises:
        ContractError: an unknown class, settings that it refuses, arrays of other shapes. KeyError: arrays that lack.
    """
    kind = _KINDS.get(name)
    if kind is None or set(settings) != set(kind.settings):
        raise ContractError(f"there is no model {name!r} with the settings {', '.join(settings)}")
    if kind.cls is ContentNeighbours:
        model: Any = ContentNeighbours(catalogue_of(products[: len(interactions.items)]), **settings)
    else:
        model = kind.cls(**settings)
    model.interactions = interactions
    kind.put(model, arrays)
    n_users, n_items = len(interactions.users), len(interactions.items)
    for attribute, n in (("user_vectors", n_users), ("item_vectors", n_items), ("counts", n_items), ("events", n_items),
                         ("similarity", n_items), ("votes", n_items)):  # fmt: skip
        value = getattr(model, attribute, None)
        if value is not None and value.shape[0] != n:
            raise ContractError(f"{attribute} of {name} has {value.shape[0]} rows, not {n}")
    return model


def _setting(model: Any, name: str) -> Any:
    return model.cosine.neighbours if isinstance(model, RecentCosine) and name == "neighbours" else getattr(model, name)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _sparse(matrix: csr_matrix, name: str) -> Arrays:
    return {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices.astype(np.int64),
            f"{name}.indptr": matrix.indptr.astype(np.int64)}  # fmt: skip


def _dense(arrays: Mapping[str, np.ndarray], name: str, n: int) -> csr_matrix:
    """Raises ValueError where the parts are no csr_matrix of n × n."""
    parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    matrix = csr_matrix(parts, shape=(n, n))
    matrix.check_format(full_check=True)
    return matrix


def _vectors(model: Any) -> Arrays:
    return {"users": model.user_vectors, "items": model.item_vectors}


def _put_vectors(model: Any, arrays: Arrays) -> None:
    users, items = arrays["users"], arrays["items"]
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1]:
        raise ContractError(f"vectors {users.shape} and {items.shape} don't fit one another")
    model.user_vectors, model.item_vectors = users, items


def _put_ials(model: IALS, arrays: Arrays) -> None:
    _put_vectors(model, arrays)
    model._x, model.reached_iterations = damped(model.interactions.matrix, model.user_damping), model.iterations


def _put_ease(model: EASE, arrays: Arrays) -> None:
    model.modelled, model.inverse = arrays["modelled"], arrays["inverse"]
    model._had = model.interactions.matrix.sign()[:, model.modelled]
    model._diagonal = model.inverse.diagonal().copy()


def _put_cosine(model: ItemCosine, arrays: Arrays) -> None:
    model.similarity = _dense(arrays, "similarity", len(model.interactions.items))


def _put_popularity(model: Popularity, arrays: Arrays) -> None:
    model.counts = arrays["counts"]


def _put_content(model: ContentNeighbours, arrays: Arrays) -> None:
    model._learn(arrays["events"])


def _put_sequence(model: Any, arrays: Arrays) -> None:
    model.histories, model.counts = Histories(model.interactions), arrays["counts"]


def _put_votes(model: Any, arrays: Arrays) -> None:
    _put_sequence(model, arrays)
    model.votes = _dense(arrays, "votes", len(model.interactions.items))


def _weights(model: Any) -> Arrays:
    state = {f"network.{name}": value.detach().cpu().numpy() for name, value in model.network.state_dict().items()}
    return {"counts": model.counts, **state}


def _put_network(model: Any, arrays: Arrays) -> None:
    import torch

    _put_sequence(model, arrays)
    model.network = model.build(len(model.interactions.items))
    state = {name.removeprefix("network."): torch.from_numpy(np.array(value)) for name, value in arrays.items()
             if name.startswith("network.")}  # fmt: skip
    try:
        model.network.load_state_dict(state)
    except RuntimeError as error:
        raise ContractError(f"the weights don't fit the network ({str(error)[:100]})") from error
    model.network.eval()


_FADE = ("decay", "half_life_days")
_NETWORK = ("loss", "width", "layers", "heads", "hidden", "dropout", "length", "epochs", "learning_rate", "warmup", "tokens",
            "negatives", "minutes", "fast", "seed")  # fmt: skip
_KINDS = {kind.cls.__name__: kind for kind in (
    _Kind(Popularity, ("window_days",), lambda m: {"counts": m.counts}, _put_popularity),
    _Kind(ItemCosine, ("neighbours", "item_damping", "user_damping"), lambda m: _sparse(m.similarity, "similarity"), _put_cosine),
    _Kind(EASE, ("regularization", "most_items"), lambda m: {"modelled": m.modelled, "inverse": m.inverse}, _put_ease),
    _Kind(IALS, ("factors", "regularization", "alpha", "iterations", "seed", "user_damping", "minutes"), _vectors, _put_ials),
    _Kind(BPR, ("factors", "epochs", "rate", "regularization", "seed", "minutes"), _vectors, _put_vectors),
    _Kind(SequentialRules, ("reach", "falloff", "back", "own", "other", *_FADE, "gap_minutes"),
          lambda m: {"counts": m.counts, **_sparse(m.votes, "votes")}, _put_votes),
    _Kind(RecentCosine, (*_FADE, "neighbours"), lambda m: {"counts": m.counts, **_sparse(m.votes, "votes")}, _put_votes),
    _Kind(ContentNeighbours, ("weights", "most_events"), lambda m: {"events": m.events}, _put_content),
    *(_Kind(cls, _NETWORK, _weights, _put_network) for cls in (SASRec, HSTU, LSTM)),
)}  # fmt: skip
