"""Which real shops the course can load, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.core.cache import course_home
from course_lib.core.errors import ContractError, DataError
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.manifests import Manifest, manifest, names

_TABLES = ("items", "queries", "judgements", "users", "events")


def fetched(name: str) -> Path:
    """Where ``course data fetch NAME`` puts the files unless told otherwise."""
    return course_home() / "data" / name


def load(name: str, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The fields of ``Shop`` (its tables, ``truth`` and ``source``) from a folder in the publisher's layout.

    Args:
        name: ``"chorus"``, …, or a part of data that have several: ``"s3rec/Beauty"``, ``"obd/random/women"``.

    Raises:
        ContractError: no loader has that name, or the data have no such part.
        DataError: no such folder, or a file of it is missing or wrong; names the file, the row and the remedy.
    """
    base, _, part = str(name).partition("/")
    about = manifest(base)
    if part and not about.parts:
        raise ContractError(f"{base} has no parts, so there is no {name!r}", remedy=f"Say Shop.load({base!r}, path)")
    if path is None:
        path = fetched(base)
        if not path.is_dir():
            by_hand = f"Name their folder: Shop.load({name!r}, path)"
            by_command = f"Fetch them by `course data fetch {base}`, or n{by_hand[1:]}"
            remedy = by_command if about.can_be_fetched else f"{by_hand}. {about.how}"
            raise DataError(f"the files of {base} are not there", where=str(path), remedy=remedy)
    if not isinstance(path, (str, os.PathLike)):
        raise ContractError(f"the path is a {type(path).__name__}: {path!r}", remedy="Give the folder's path as text")
    folder = Folder(Path(path).expanduser())
    if not folder.path.is_dir():
        what = "this is a file, not a folder" if folder.path.exists() else "no such folder"
        raise DataError(what, where=str(folder.path), remedy=f"Name the folder that holds the files of {base}")
    reader = _loaders()[base]
    return _fields(name, about, folder, reader(folder, part) if about.parts else reader(folder))


def _loaders() -> dict[str, Callable[..., dict[str, Any]]]:
    """Name -> function from a folder (and a part) to the tables; imported here so that the command line starts fast."""
    from course_lib.shop.loaders.amazon_reviews import load_amazon_reviews
    from course_lib.shop.loaders.chorus import load_chorus
    from course_lib.shop.loaders.esci import load_esci
    from course_lib.shop.loaders.grocery import load_grocery
    from course_lib.shop.loaders.hillstrom import load_hillstrom
    from course_lib.shop.loaders.intents import load_banking77, load_hint3
    from course_lib.shop.loaders.lightgcn import load_lightgcn
    from course_lib.shop.loaders.matching import load_matching
    from course_lib.shop.loaders.obd import load_obd
    from course_lib.shop.loaders.online_retail import load_online_retail
    from course_lib.shop.loaders.s3rec import load_s3rec

    return {
        "chorus": load_chorus, "gowalla": load_lightgcn, "lightgcn": load_lightgcn, "s3rec": load_s3rec,
        "banking77": load_banking77, "hint3": load_hint3, "matching": load_matching, "obd": load_obd,
        "hillstrom": load_hillstrom, "online-retail": load_online_retail, "grocery": load_grocery,
        "esci": load_esci, "amazon-reviews-2023": load_amazon_reviews,
    }  # fmt: skip


def _fields(name: str, about: Manifest, folder: Folder, tables: dict[str, Any]) -> dict[str, Any]:
    from course_lib.shop.loaders.arrow import empty

    pinned = {file.name: file.sha256 for file in about.files}
    files = [{**f, "verified": f["sha256"] == pinned[f["name"]] if f["name"] in pinned else None} for f in folder.files]
    return {
        "name": name,
        "truth": None,
        **{table: tables[table] if table in tables else empty(table) for table in _TABLES},
        "tables": tables.get("tables", {}),
        "source": {
            "url": about.url,
            "licence": about.licence,
            "redistribution": about.redistribution,
            "citation": about.citation,
            "files": files,
        },
    }
