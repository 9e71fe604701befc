"""Amazon Reviews 2023: one category's reviews and product data, as JSON lines, gzipped or not.

Files (https://amazon-reviews-2023.github.io; Hou et al., arXiv:2403.03952): ``NAME.jsonl`` with the reviews and
``meta_NAME.jsonl`` with the products, or both ending in ``.jsonl.gz``.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import DataError
from course_lib.core.tables import check_table, make_table
from course_lib.shop.loaders.arrow import bare_items
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.reading import FETCH_AGAIN, parse_json
from course_lib.shop.loaders.streaming import cached_table, unique_ids

if TYPE_CHECKING:
    from datasets import Dataset

MAX_LINE = 50_000_000  # bytes; the longest product of the publisher's files is far below 1 MB
_FURTHER = {
    "rating": "float64", "verified": "int64", "helpful_vote": "int64", "review_title": "string", "review": "string",
}  # fmt: skip
_ENDS = (".jsonl", ".jsonl.gz")


def load_amazon_reviews(folder: Folder, part: str = "") -> dict[str, Any]:
    """``items``, ``users`` and ``events`` of one category; the tables lie in files of the ``datasets`` cache.

    - items: item_id is the ``parent_asin`` (colours and sizes of a product share it); brand is the store; category is
      the path of ``categories``, or ``main_category``; description joins features and description; attributes are the
      ``details``; price in US dollars, NaN where unknown. Products that are reviewed but not described come last, bare.
    - events: a review counts as a purchase at the time it was written; further columns rating (1–5), verified (0 or 1),
      helpful_vote, review_title and review. A user may review a product more than once.

    Args:
        part: the category's ``NAME`` (``"All_Beauty"``); may be "" where the folder holds one.

    Raises:
        ContractError: the folder holds several categories and none is named.
        DataError: a file is missing or damaged, a product stands twice; names the line.
    """
    names = {name.name.split(".jsonl")[0] for end in _ENDS for name in folder.path.glob(f"*{end}")}
    part = folder.one_part(
        part, sorted(n for n in names if not n.startswith("meta_")), "amazon-reviews-2023", "NAME.jsonl"
    )
    reviews, meta = (_file(folder, name) for name in (part, f"meta_{part}"))
    events = _table("events", folder, reviews)
    items = _table("items", folder, meta)
    unique_ids(items["item_id"][:], "product", folder.where(meta))
    described = set(items["item_id"][:])
    bare = sorted(set(events["item_id"][:]) - described)
    if bare:
        from datasets import concatenate_datasets

        items = concatenate_datasets([items, bare_items(bare).cast(items.features)])
    users = make_table("users", {"user_id": sorted(set(events["user_id"][:]))})
    return {"items": check_table("items", items), "users": users, "events": check_table("events", events)}


def _file(folder: Folder, name: str) -> str:
    found = [f"{name}{end}" for end in _ENDS if folder.has(f"{name}{end}")]
    folder.need(*(found[:1] or [f"{name}.jsonl"]), url="https://amazon-reviews-2023.github.io")
    return found[0]


def _table(name: str, folder: Folder, file: str) -> Dataset:
    path = folder.large(file)
    further = _FURTHER if name == "events" else None
    return cached_table(name, _rows, folder.files[-1]["sha256"], further, table=name, path=str(path))


def _rows(table: str, path: str) -> Iterator[dict[str, Any]]:
    parse = {"events": _event, "items": _item}[table]
    number, found = 0, 0
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                where = f"{path}, line {number}"
                if len(line) > MAX_LINE:
                    raise DataError(f"the line has more than {MAX_LINE:,} bytes", where=where, remedy=FETCH_AGAIN)
                if line.strip():
                    found += 1
                    yield parse(_object(line, where), where)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"not a whole gzip file ({error})", where=path, remedy=FETCH_AGAIN) from error
    if not found:
        raise DataError("the file holds no rows", where=path, remedy=FETCH_AGAIN)


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        found = parse_json(line, where)
    except DataError as error:  # parse_json counts lines within what it is given
        raise DataError(error.what, where=where, remedy=error.remedy) from error
    if not isinstance(found, dict):
        raise DataError(f"is a {type(found).__name__}, not an object", where=where, remedy=FETCH_AGAIN)
    return found


def _event(review: dict[str, Any], where: str) -> dict[str, Any]:
    rating, moment = review.get("rating"), review.get("timestamp")
    if type(rating) not in (int, float) or not 1 <= rating <= 5:
        raise DataError(f"rating is {str(rating)[:40]!r}, not a number from 1 to 5", where=where, remedy=FETCH_AGAIN)
    if type(moment) is not int or not 0 <= moment < 10**14:
        what = f"timestamp is {str(moment)[:40]!r}, not milliseconds since 1970"
        raise DataError(what, where=where, remedy=FETCH_AGAIN)
    return {
        "user_id": _text(review, "user_id", where, True),
        "item_id": _text(review, "parent_asin", where, True),
        "kind": "purchase",
        "timestamp": moment // 1000,
        "session_id": "",
        "query_id": "",
        "position": -1,
        "propensity": math.nan,
        "price": math.nan,
        "rating": float(rating),
        "verified": int(review.get("verified_purchase") is True),
        "helpful_vote": review["helpful_vote"] if type(review.get("helpful_vote")) is int else 0,
        "review_title": _text(review, "title", where),
        "review": _text(review, "text", where),
    }


def _item(product: dict[str, Any], where: str) -> dict[str, Any]:
    details = product.get("details") or {}
    if isinstance(details, str):  # the publisher's Hub copy holds the same object as a text
        details = _object(details.encode("utf-8", "replace"), where)
    if not isinstance(details, dict):
        raise DataError(f"details is a {type(details).__name__}, not an object", where=where, remedy=FETCH_AGAIN)
    path = _texts(product, "categories", where) or [_text(product, "main_category", where)]
    described = [*_texts(product, "features", where), *_texts(product, "description", where)]
    return {
        "item_id": _text(product, "parent_asin", where, True),
        "title": _text(product, "title", where),
        "description": " ".join(described),
        "category": " > ".join(path),
        "brand": _text(product, "store", where),
        "attributes": [{"name": str(name), "value": _value(value)} for name, value in details.items()],
        "price": _price(product.get("price")),
    }


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _price(value: Any) -> float:
    """Dollars; the files also hold null, "None", "—" and "from 9.99", which say no one price."""
    try:
        price = math.nan if isinstance(value, bool) or value is None else float(str(value).removeprefix("$"))
    except ValueError:
        return math.nan
    return price if 0 <= price < 1e9 else math.nan


def _text(row: dict[str, Any], key: str, where: str, needed: bool = False) -> str:
    value = row.get(key)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()):
        what = f"{key} is missing" if value in (None, "") else f"{key} is {str(value)[:40]!r}, not a text"
        raise DataError(what, where=where, remedy="Fill it in, or remove the line")
    return value.encode("utf-8", "replace").decode("utf-8")  # JSON can smuggle in half a character


def _texts(row: dict[str, Any], key: str, where: str) -> list[str]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise DataError(f"{key} is not a list of texts", where=where, remedy=FETCH_AGAIN)
    return [one.encode("utf-8", "replace").decode("utf-8") for one in value]
