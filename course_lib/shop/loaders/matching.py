"""Product matching in Ditto's format: two descriptions and 1 (the same product) or 0 per line.

Files (https://github.com/megagonlabs/ditto, ``data/er_magellan``): ``TASK/train.txt``, ``valid.txt``, ``test.txt``.
"""

from __future__ import annotations

import math
import re
from typing import Any

from course_lib.core.errors import DataError
from course_lib.shop.loaders.arrow import bare_items, dataset_of
from course_lib.shop.loaders.fields import no_rows, whole_lines
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.reading import FETCH_AGAIN, parse_text

SPLITS = ("train", "valid", "test")
_FIELD = re.compile(r"COL (\S+) VAL ")
_ROLES = {"title": "title", "name": "title", "description": "description", "manufacturer": "brand", "price": "price"}


def load_matching(folder: Folder, part: str = "") -> dict[str, Any]:
    """``items`` are the distinct descriptions of each side; ``tables["pairs"]`` are the labelled pairs.

    - items: item_id "TASK/left/0" in order of appearance (the format drops the publishers' ids, so that equal texts of
      one side are one item), title, description, brand, category (the task), price (dollars, NaN where unknown).
    - pairs: task, split, left_id, right_id, match (int64, 0 or 1), one row per line of the files. The data hold 40
      pairs of equal texts that are labelled both ways, as their texts don't tell the products apart. They are kept.

    Args:
        part: one task (``"Abt-Buy"``), or "" for all in the folder.

    Raises:
        DataError: a file is missing or damaged, a line is not two descriptions and a label.
    """
    tasks = sorted(f.parent.name for f in folder.path.glob("*/train.txt") if f.is_file())
    if part or not tasks:
        tasks = [folder.one_part(part, tasks, "matching", "TASK/train.txt")]
    folder.need(*(f"{task}/{split}.txt" for task in tasks for split in SPLITS))
    columns = ("item_id", "title", "description", "brand", "category", "price")
    items: dict[str, list[Any]] = {name: [] for name in columns}
    pairs: dict[str, list[Any]] = {name: [] for name in ("task", "split", "left_id", "right_id", "match")}
    for task in tasks:
        seen: dict[str, dict[str, str]] = {"left": {}, "right": {}}
        for split in SPLITS:
            for where, left, right, match in _lines(folder, f"{task}/{split}.txt"):
                ids = []
                for side, written in (("left", left), ("right", right)):
                    if written not in seen[side]:
                        seen[side][written] = f"{task}/{side}/{len(seen[side])}"
                        product = {"item_id": seen[side][written], "category": task, **_product(written, where)}
                        for name, value in product.items():
                            items[name].append(value)
                    ids.append(seen[side][written])
                for name, value in zip(pairs, (task, split, *ids, match)):
                    pairs[name].append(value)
    return {"items": bare_items(items.pop("item_id"), **items), "tables": {"pairs": dataset_of(pairs)}}


def _lines(folder: Folder, name: str):
    where = folder.where(name)
    content = folder.read(name)
    parse_text(content, where)
    lines = parse_text(whole_lines(content, where), where).split("\n")[:-1]
    if not lines:
        raise no_rows(where)
    for number, line in enumerate(lines, start=1):
        parts = line.removesuffix("\r").split("\t")
        place = f"{where}, line {number}"
        if len(parts) != 3:
            what = f"{len(parts)} part(s) where two descriptions and a label belong"
            raise DataError(what, where=place, remedy="Separate the three parts by tabs")
        if parts[2] not in ("0", "1"):
            raise DataError(f"the label is {parts[2][:40]!r}, not 0 or 1", where=place, remedy="Correct the label")
        yield place, parts[0], parts[1], int(parts[2])


def _product(written: str, where: str) -> dict[str, Any]:
    """The fields of "COL name VAL … COL price VAL …"."""
    found = {"title": "", "description": "", "brand": "", "price": ""}
    marks = list(_FIELD.finditer(written))
    if not marks or marks[0].start() != 0:
        what = f"no description starts with {written[:30]!r}"
        raise DataError(what, where=where, remedy="It starts with COL … VAL …")
    for mark, after in zip(marks, [*marks[1:], None]):
        if mark[1] not in _ROLES:
            raise DataError(f"unknown field {mark[1][:40]!r}", where=where, remedy=FETCH_AGAIN)
        found[_ROLES[mark[1]]] = written[mark.end() : after.start() if after else None].strip()
    if not found["title"]:
        raise DataError("a product has no title", where=where, remedy="Fill it in, or remove the line")
    return {**found, "price": _price(found["price"], where)}


def _price(written: str, where: str) -> float:
    if not written:
        return math.nan
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", written):
        raise DataError(f"the price is {written[:40]!r}, not a number", where=where, remedy="Correct the price")
    return float(written)
