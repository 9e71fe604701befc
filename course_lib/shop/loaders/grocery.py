"""Grocery Store Dataset: photos of fruit, vegetables and cartons taken in shops, 81 classes.

Files (https://github.com/marcusklasson/GroceryStoreDataset; Klasson et al., WACV 2019), in a folder or in one zip
archive such as ``grocery_160px.zip``: ``classes.csv``, ``train.txt``, ``val.txt``, ``test.txt`` and the files that
they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from course_lib.core.errors import DataError
from course_lib.shop.loaders.arrow import bare_items
from course_lib.shop.loaders.fields import no_rows, text, whole
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.reading import FETCH_AGAIN, csv_rows, open_zip, parse_text, read_bytes, read_member

SPLITS = ("train", "val", "test")
_CLASS, _ID = "Class Name (str)", "Class ID (int)"
_COARSE, _COARSE_ID = "Coarse Class Name (str)", "Coarse Class ID (int)"
_ICON, _TEXT = "Iconic Image Path (str)", "Product Description Path (str)"
_JPEG = b"\xff\xd8\xff"


def load_grocery(folder: Folder) -> dict[str, Any]:
    """``items`` (the 81 classes) and the table ``photos``.

    - items: item_id is the class id, title the class name, category "Fruit > Apple" (the coarse class), description the
      publisher's text; a further column ``icon`` is the product's picture.
    - photos: photo_id (path), split ("train", "val", "test"), item_id, coarse_id (int64), image (``datasets.Image``:
      decoded on access).

    Raises:
        DataError: a file is missing or damaged, a class or a photo stands twice, a photo's class is unknown.
    """
    import pyarrow as pa
    from datasets import Dataset, Image

    with _files(folder) as (read, where):
        items, coarse = _classes(read, where)
        known = set(items["item_id"])
        photos: dict[str, list[Any]] = {name: [] for name in ("photo_id", "split", "item_id", "coarse_id", "image")}
        first: dict[str, str] = {}
        for split in SPLITS:
            for place, name, row in _list(read, f"{split}.txt", f"{where}/{split}.txt"):
                item, coarse_id = str(whole(row, "class", place)), whole(row, "coarse class", place)
                if item not in known or coarse[item] != coarse_id:
                    what = f"there is no class {item} in the coarse class {coarse_id}"
                    raise DataError(what, where=place, remedy="Correct the line by classes.csv")
                if first.setdefault(name, place) != place:
                    what = f"{name!r} stands already in {first[name].rpartition('/')[2]}"
                    raise DataError(what, where=place, remedy="Keep one of the two lines")
                for column, value in zip(photos, (name, split, item, coarse_id, _picture(read, name, place))):
                    photos[column].append(value)
    icons = items.pop("icon")
    table = bare_items(items.pop("item_id"), **items).add_column("icon", pa.array(icons)).cast_column("icon", Image())
    return {"items": table, "tables": {"photos": Dataset.from_dict(photos).cast_column("image", Image())}}


@contextmanager
def _files(folder: Folder) -> Iterator[tuple[Callable[[str], bytes], str]]:
    """A function that reads a file by its name, and how errors call the place: an unpacked folder or its archive."""
    if folder.has("classes.csv"):
        # thousands of photos: only the lists are recorded in ``files``
        lists = ("classes.csv", *(f"{split}.txt" for split in SPLITS))
        yield lambda name: folder.read(name) if name in lists else read_bytes(folder.inside(name)), str(folder.path)
        return
    archives = sorted(f.name for f in folder.path.glob("*.zip"))
    if len(archives) != 1:
        what = "the folder lacks classes.csv" if not archives else f"the folder holds {len(archives)} archives"
        remedy = "Put the publisher's files there, or one zip archive of them"
        raise DataError(what, where=str(folder.path), remedy=remedy)
    where = folder.where(archives[0])
    with open_zip(folder.read(archives[0]), where) as archive:
        yield lambda name: read_member(archive, name, where), where


def _classes(read: Callable[[str], bytes], where: str) -> tuple[dict[str, list[Any]], dict[str, int]]:
    columns = ("item_id", "title", "category", "description", "icon")
    items: dict[str, list[Any]] = {name: [] for name in columns}
    coarse: dict[str, int] = {}
    content = read("classes.csv")
    header = (_CLASS, _ID, _COARSE, _COARSE_ID, _ICON, _TEXT)
    for line, row in csv_rows(content, header, f"{where}/classes.csv"):
        place = f"{where}/classes.csv, line {line}"
        item = str(whole(row, _ID, place))
        if item in coarse:
            raise DataError(f"the class id {item} stands twice", where=place, remedy="Keep one of the two lines")
        coarse[item] = whole(row, _COARSE_ID, place)
        icon = text(row, _ICON, place).lstrip("/")
        department = icon.split("/")[1] if icon.count("/") > 1 else ""
        said = parse_text(read(text(row, _TEXT, place).lstrip("/")), f"{where}/{row[_TEXT]}")
        category = f"{department} > {text(row, _COARSE, place)}"
        values = (item, text(row, _CLASS, place), category, " ".join(said.split()), _picture(read, icon, place))
        for name, value in zip(columns, values):
            items[name].append(value)
    if not coarse:
        raise no_rows(f"{where}/classes.csv")
    return items, coarse


def _list(read: Callable[[str], bytes], name: str, where: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    lines = parse_text(read(name), where).splitlines()
    if not any(lines):
        raise no_rows(where)
    for number, line in enumerate(lines, start=1):
        place, parts = f"{where}, line {number}", [part.strip() for part in line.split(",")]
        if len(parts) != 3:
            what = f"{len(parts)} part(s) where path, class and coarse class belong"
            raise DataError(what, where=place, remedy=FETCH_AGAIN)
        yield place, parts[0], {"class": parts[1], "coarse class": parts[2]}


def _picture(read: Callable[[str], bytes], name: str, where: str) -> dict[str, Any]:
    content = read(name)
    if not content.startswith(_JPEG) or not content.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise DataError(f"{name!r} is not a whole JPEG picture", where=where, remedy=FETCH_AGAIN)
    return {"bytes": content, "path": name.rpartition("/")[2]}
