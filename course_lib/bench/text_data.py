"""The real texts of ``course bench text``: questions with intents (BANKING77, HINT3) and pairs of products (Ditto's format).

The files are read by the shop's loaders, which name file, line and remedy where something is wrong; here the tables
become what a classifier needs: a training part, and a test part that nothing is chosen on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.bench.text_options import parse_data
from course_lib.core.errors import DataError

OUT_OF_SCOPE = "NO_NODES_DETECTED"  #: HINT3's label of a question that no intent answers; test questions alone carry it


@dataclass(frozen=True)
class Intents:
    """Questions with one intent each.

    Attributes:
        name: ``"banking77"``, ``"hint3/curekart"``.
        texts, labels: of the training questions. test_texts, test_labels: of the test questions.
        out_of_scope: the label of test questions that no training intent answers; ``None`` where there are none.
        source: where the data come from, with the sha256 of each file.
    """

    name: str
    texts: list[str]
    labels: list[str]
    test_texts: list[str]
    test_labels: list[str]
    out_of_scope: str | None
    source: dict[str, Any]


@dataclass(frozen=True)
class Product:
    """One description; ``""`` and NaN where a field is empty."""

    title: str
    description: str
    brand: str
    price: float


@dataclass(frozen=True)
class Pairs:
    """Pairs of products, the same or not.

    Attributes:
        name: ``"matching/Abt-Buy"``.
        left, right: the distinct descriptions of each side.
        splits: ``"train"``, ``"valid"``, ``"test"`` → int64 [n, 3]: row in ``left``, row in ``right``, 1 for a match.
        source: where the data come from, with the sha256 of each file.
    """

    name: str
    left: list[Product]
    right: list[Product]
    splits: dict[str, np.ndarray]
    source: dict[str, Any]


def read(argument: str) -> Intents | Pairs:
    """Read the data that ``--data`` names, in the publisher's own layout.

    Raises:
        ContractError: the argument is not of the form ``KIND:PATH``, or the folder has no such part.
        DataError: a file is missing or damaged; names file and line. A split lacks what measuring needs.
    """
    from course_lib.shop.shop import Shop

    kind, folder, part = parse_data(argument)
    name = f"{kind}/{part}" if part else kind
    shop = Shop.load(name, folder)
    if kind == "matching":
        return _pairs(name, shop, folder / part)
    return _intents(name, shop, folder, OUT_OF_SCOPE if kind == "hint3" else None)


def _intents(name: str, shop: Any, folder: Path, out_of_scope: str | None) -> Intents:
    queries = shop.queries.to_dict()
    rows = {split: [i for i, s in enumerate(queries["split"]) if s == split] for split in ("train", "test")}
    texts, labels = ({s: [queries[column][i] for i in rows[s]] for s in rows} for column in ("text", "intent"))
    known = set(labels["train"])
    if out_of_scope in known:
        what = f"training questions carry {out_of_scope}, which stands for questions that no intent answers"
        raise DataError(what, where=str(folder), remedy="Remove them from the training file")
    if len(known) < 2:
        raise DataError(f"{len(known)} intent in train; telling apart needs two", where=str(folder))
    unknown = sorted(set(labels["test"]) - known - {out_of_scope})
    if unknown:
        what = f"the test intent {unknown[0]!r} is not in train"
        raise DataError(what, where=str(folder), remedy="Correct the label")
    return Intents(
        name, texts["train"], labels["train"], texts["test"], labels["test"], out_of_scope, dict(shop.source)
    )


def _pairs(name: str, shop: Any, folder: Path) -> Pairs:
    items = shop.items.to_dict()
    pairs = shop.tables["pairs"].to_dict()
    sides: dict[str, list[Product]] = {"left": [], "right": []}
    place: dict[str, int] = {}
    for row, item in enumerate(items["item_id"]):
        side = sides[item.split("/")[-2]]
        place[item] = len(side)
        side.append(Product(*(items[column][row] for column in ("title", "description", "brand", "price"))))
    numbers = [[place[left], place[right]] for left, right in zip(pairs["left_id"], pairs["right_id"])]
    table = np.column_stack([np.array(numbers, dtype=np.int64), np.array(pairs["match"], dtype=np.int64)])
    split = np.array(pairs["split"])
    splits = {part: table[split == part] for part in ("train", "valid", "test")}
    for part, rows in splits.items():
        if not 0 < rows[:, 2].sum() < len(rows):
            what = "all pairs have the same label; F1 needs matches and others"
            raise DataError(what, where=f"{folder}/{part}.txt", remedy="Take the publisher's file")
    return Pairs(name, sides["left"], sides["right"], splits, dict(shop.source))
