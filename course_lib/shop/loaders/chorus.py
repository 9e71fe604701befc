"""Chorus: 19,406 real electronics products with graded queries, from the publisher's own files.

Files of the folder (https://github.com/querqy/chorus): products in ``1.json.zip``, ``2.json.zip``, …, each holding one
``N.json`` with a list of products; grades in ``Broad_Query_Set_rated.csv``; each rater's grades, optional, in
``Broad_Query_Set_individual_ratings.csv``.
"""

from __future__ import annotations

import html
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import DataError
from course_lib.core.tables import SCHEMAS, make_table
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.reading import FETCH_AGAIN, csv_rows, parse_json, read_bytes, zip_member

if TYPE_CHECKING:
    from datasets import Dataset

URL = "https://github.com/querqy/chorus"
RATED = "Broad_Query_Set_rated.csv"
INDIVIDUAL = "Broad_Query_Set_individual_ratings.csv"
TEXTS = ("id", "title", "supplier", "name", "short_description")
RATERS = ("agent_1_rating", "agent_2_rating", "agent_3_rating", "final_rating")

# A tag opens with a letter right after the bracket: "3 < 5" and "a <-> b" stay.
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_ESCAPED_SPACE = re.compile(r"\\[nrt]")  # the publisher's texts hold a backslash and an n where a line broke
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ATTRIBUTE = re.compile(r"attr_[a-z]_(.+)")


def load_chorus(folder: Folder) -> dict[str, Any]:
    """The tables of ``Shop`` from a folder with the publisher's files.

    - items: brand is the supplier; description is the product's short name (``name``) and its short description,
      without HTML; the category is empty, as Chorus has none; attributes come from ``attr_*``.
    - price: the publisher's whole numbers are taken as cents and divided by 100, which fits the catalogue (median
      52.95, a toner cartridge 49.95); the publisher names no currency. NaN where a product has no price.
    - queries: the query text is also the query id.
    - users and events have no rows.

    Raises:
        DataError: a file is missing, damaged, or holds what it shouldn't; names the file, the row (lines and products
            counted from 1) and the remedy.
    """
    archives = sorted((f.name for f in folder.path.glob("*.json.zip")), key=lambda name: (len(name), name))
    archives = [name for name in archives if re.fullmatch(r"[0-9]+", name.removesuffix(".json.zip"))]
    missing = [*([] if archives else ["1.json.zip"]), *([] if folder.has(RATED) else [RATED])]
    if missing:
        what = f"the folder lacks {' and '.join(missing)}"
        raise DataError(what, where=str(folder.path), remedy=f"Put the files of {URL} there, without unpacking them")
    items = _items([(folder.path / name, folder.read(name)) for name in archives])
    if not items["item_id"]:
        raise DataError("the product files hold no products", where=str(folder.path), remedy=FETCH_AGAIN)
    judgements = _judgements(folder.read(RATED), folder.where(RATED), set(items["item_id"]))
    texts = list(dict.fromkeys(judgements["query_id"]))
    if folder.has(INDIVIDUAL):
        folder.read(INDIVIDUAL)
    return {
        "items": make_table("items", items),
        "queries": make_table("queries", {"query_id": texts, "text": texts}),
        "judgements": make_table("judgements", judgements),
    }


def load_ratings(path: str | Path) -> Dataset:
    """What each of the three raters said, for measuring their agreement.

    Args:
        path: the folder of the shop.

    Returns:
        One row per query and product: query_id, item_id, agent_1_rating, agent_2_rating, agent_3_rating and
        final_rating (int64, 0–3). The final rating is kept as the file has it; in 6 of the 1,539 rows it is not the
        grade of ``Broad_Query_Set_rated.csv``.

    Raises:
        DataError: the file is absent or malformed, a grade is outside 0–3, a pair stands twice.
    """
    from datasets import Dataset

    file = Path(path) / INDIVIDUAL
    columns: dict[str, list[Any]] = {name: [] for name in ("query_id", "item_id", *RATERS)}
    first: dict[tuple[str, str], int] = {}
    for line, row in csv_rows(read_bytes(file), ("query", "docid", *RATERS), str(file)):
        where = f"{file}, line {line}"
        for column, value in zip(columns, (*_pair(row, line, first, where), *(_grade(row[r], where) for r in RATERS))):
            columns[column].append(value)
    return Dataset.from_dict(columns)


def _items(archives: list[tuple[Path, bytes]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMAS["items"]}
    first: dict[str, str] = {}
    for file, content in archives:
        member = file.name.removesuffix(".zip")
        products = parse_json(zip_member(content, member, str(file)), f"{file}/{member}")
        if not isinstance(products, list):
            what = f"holds a {type(products).__name__}, not a list of products"
            raise DataError(what, where=f"{file}/{member}", remedy=FETCH_AGAIN)
        for number, product in enumerate(products, start=1):
            where = f"{file}/{member}, product {number}"
            row = _item(product, where)
            earlier = first.setdefault(row["item_id"], f"{file.name}, product {number}")
            if earlier != f"{file.name}, product {number}":
                what = f"the product id {row['item_id']!r} stands already in {earlier}"
                raise DataError(what, where=where, remedy="Keep one of the two")
            for name, value in row.items():
                columns[name].append(value)
    return columns


def _item(product: Any, where: str) -> dict[str, Any]:
    if not isinstance(product, dict):
        raise DataError(f"is a {type(product).__name__}, not an object", where=where, remedy=FETCH_AGAIN)
    text = {key: _text(product.get(key), key, where) for key in TEXTS}
    for key in ("id", "title"):
        if not text[key]:
            raise DataError(f"the product has no {key}", where=where, remedy="Add it, or remove the product")
    return {
        "item_id": text["id"],
        "title": text["title"],
        "description": ". ".join(part for part in (text["name"], text["short_description"]) if part),
        "category": "",
        "brand": text["supplier"],
        "attributes": [
            {"name": match[1].replace("_", " ").strip(), "value": value}
            for key in product
            if (match := _ATTRIBUTE.fullmatch(key)) and (value := _value(product[key], key, where))
        ],
        "price": _price(product.get("price"), where),
    }


def _text(value: Any, key: str, where: str) -> str:
    """Plain text on one line: entities resolved, tags, control characters and doubled spaces removed."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{key} is a {type(value).__name__}, not a text", where=where, remedy=FETCH_AGAIN)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:  # JSON can smuggle in half a surrogate pair
            raise DataError(f"{key} holds half a character", where=where, remedy=FETCH_AGAIN) from error
    if "&" in value:
        value = html.unescape(value)
    if "<" in value:
        value = _TAG.sub(" ", value)
    if "\\" in value:
        value = _ESCAPED_SPACE.sub(" ", value)
    return " ".join(_CONTROL.sub(" ", value).split())


def _value(value: Any, key: str, where: str) -> str:
    """An attribute's value as text: 6.0 as "6", true as "yes"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    return _text(value, key, where)


def _price(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        what = f"the price is {str(value)[:40]!r}, not a number of cents"
        raise DataError(what, where=where, remedy="Correct the price")
    return value / 100


def _judgements(content: bytes, file: str, known: set[str]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMAS["judgements"]}
    first: dict[tuple[str, str], int] = {}
    unknown: list[tuple[str, int]] = []
    for line, row in csv_rows(content, ("query", "docid", "rating"), file):
        where = f"{file}, line {line}"
        query, item = _pair(row, line, first, where)
        if item not in known:
            unknown.append((item, line))
        for name, value in zip(columns, (query, item, _grade(row["rating"], where))):
            columns[name].append(value)
    if unknown:
        item, line = unknown[0]
        what = f"{len(unknown)} judgement(s) are about products that no product file holds, first {item!r}"
        remedy = "Add the missing N.json.zip; if all are there, see whether the columns query and docid are swapped"
        raise DataError(what, where=f"{file}, line {line}", remedy=remedy)
    if not first:
        raise DataError("the file holds no judgements", where=file, remedy=FETCH_AGAIN)
    return columns


def _pair(row: dict[str, str], line: int, first: dict[tuple[str, str], int], where: str) -> tuple[str, str]:
    """Query and product of a row; raises DataError where one is empty or the pair stands already in ``first``."""
    pair = row["query"].strip(), row["docid"].strip()
    for name, value in zip(("query", "docid"), pair):
        if not value:
            raise DataError(f"the {name} is empty", where=where, remedy="Fill it in, or remove the line")
    if first.setdefault(pair, line) != line:
        what = f"{pair[0]!r} and product {pair[1]!r} are judged already in line {first[pair]}"
        raise DataError(what, where=where, remedy="Keep one of the two lines")
    return pair


def _grade(value: str, where: str) -> int:
    if not re.fullmatch(r"[0-3]", value.strip()):
        raise DataError(f"the grade {value!r} is not one of 0, 1, 2, 3", where=where, remedy="Correct the grade")
    return int(value)
