"""An engine in a folder: written whole or not at all, in formats that run no code when they are read.

    DIR/engine.json          which version is the present one
    DIR/v-<random>/          manifest.json (format, settings, sha256 of each file), items.parquet, log.json,
                             vectors.npy and encoder/ (where there is an encoder)

A new version is written beside the old one; ``engine.json`` is replaced in one step when all its files are on disk. A kill
at any moment leaves the old version or the new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import read_json, unwritable, write_json
from course_lib.search.engine.engine import SearchEngine
from course_lib.search.engine.log import QueryLog

FORMAT = 1
POINTER, MANIFEST = "engine.json", "manifest.json"
_PREFIX = "v-"
_AGAIN = "Make it again with save_engine"


def save_engine(engine: SearchEngine, folder: str | os.PathLike[str]) -> None:
    """Refresh the engine and write it. A folder that holds an engine gets the new one in its place.

    Raises:
        CourseError: the folder can't be written, or holds something else.
    """
    folder = Path(folder)
    engine.refresh()  # so that what is loaded, which learns from its products, reads queries as this one does
    try:
        if folder.exists() and not folder.is_dir():
            raise CourseError("this is a file, not a folder", where=str(folder), remedy="Choose another name")
        if folder.exists() and any(folder.iterdir()) and not (folder / POINTER).is_file() and not _only_ours(folder):
            raise CourseError("is not empty and holds no engine", where=str(folder), remedy="Choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        version = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        try:
            _write(engine, version)
            write_json(folder / POINTER, {"what": "a search engine of the course", "format": FORMAT, "version": version.name})
        except BaseException:
            shutil.rmtree(version, ignore_errors=True)
            raise
    except OSError as error:
        raise unwritable(folder, error) from error
    for old in folder.glob(f"{_PREFIX}*"):  # the version before, and what a kill has left
        if old != version:
            shutil.rmtree(old, ignore_errors=True)


def load_engine(folder: str | os.PathLike[str]) -> SearchEngine:
    """Read what ``save_engine`` wrote; every file is held against its checksum first.

    Raises:
        DataError: no engine there, one of a newer version of the course, or a file that is missing or damaged.
    """
    folder = Path(folder)
    pointer = _format(folder / POINTER)
    name = pointer.get("version")
    if not isinstance(name, str) or not name.startswith(_PREFIX) or Path(name).name != name:
        raise DataError("names no version", where=str(folder / POINTER), remedy=_AGAIN)
    version = folder / name
    manifest = _format(version / MANIFEST)
    try:
        files, settings = dict(manifest["files"]), dict(manifest["settings"])
        for name, digest in files.items():
            _check(version, name, digest)
        if missing := {"items.parquet", "log.json"} - set(files):
            raise DataError(f"doesn't list {sorted(missing)[0]}", where=str(version / MANIFEST), remedy=_AGAIN)
        log = QueryLog.from_json(read_json(version / "log.json"))
        encoder = None
        if settings.pop("dense"):
            from course_lib.language.encoder import TextEncoder

            encoder = TextEncoder.load(version / "encoder")
        engine = SearchEngine(encoder, log=log, **settings)
        vectors = np.load(version / "vectors.npy", allow_pickle=False) if encoder is not None else None
        products = _read_items(version / "items.parquet")
        return engine.fit(products, vectors=vectors) if products else engine
    except (KeyError, TypeError, ValueError, AttributeError, ContractError) as error:
        raise DataError(f"is damaged ({error})", where=str(version), remedy=_AGAIN) from error


def _write(engine: SearchEngine, version: Path) -> None:
    _write_items(engine.products, version / "items.parquet")
    write_json(version / "log.json", engine.reader.log.as_json())
    if engine.encoder is not None:
        with open(version / "vectors.npy", "wb") as file:
            np.save(file, engine.vectors(), allow_pickle=False)
        engine.encoder.save(version / "encoder")
    settings = {"language": engine.language, "weights": engine.weights, "depth": engine.depth,
                "dense": engine.encoder is not None}  # fmt: skip
    files = sorted(path for path in version.rglob("*") if path.is_file())
    for path in files:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    digests = {path.relative_to(version).as_posix(): _digest(path) for path in files}
    write_json(version / MANIFEST, {"format": FORMAT, "settings": settings, "products": len(engine), "files": digests})


def _write_items(products: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    attributes = pa.list_(pa.struct([("name", text), ("value", text)]))
    schema = pa.schema([("item_id", text), ("title", text), ("brand", text), ("description", text), ("category", text),
                        ("attributes", attributes), ("price", pa.float64())])  # fmt: skip
    pq.write_table(pa.Table.from_pylist(products, schema=schema), path)


def _read_items(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"is damaged ({str(error)[:100]})", where=str(path), remedy=_AGAIN) from error


def _format(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError("no search engine here", where=str(path), remedy="Give the folder that save_engine wrote")
    value = read_json(path)
    if not isinstance(value, dict) or not isinstance(value.get("format"), int):
        raise DataError("is not the record of a search engine", where=str(path), remedy=_AGAIN)
    if value["format"] > FORMAT:
        what = f"has format {value['format']}, this version of the course reads up to {FORMAT}"
        raise DataError(what, where=str(path), remedy="Update the course, or make the engine again")
    return value


def _check(version: Path, name: Any, digest: Any) -> None:
    path = version / str(name)
    if ".." in Path(str(name)).parts or Path(str(name)).is_absolute():
        raise DataError(f"lists the file {name!r} outside its folder", where=str(version / MANIFEST), remedy=_AGAIN)
    if not path.is_file():
        raise DataError("is missing", where=str(path), remedy=_AGAIN)
    if _digest(path) != digest:
        raise DataError("is damaged: its checksum differs", where=str(path), remedy=_AGAIN)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _only_ours(folder: Path) -> bool:
    """Whether all that is in the folder was left by a save that was killed before its end."""
    return all(path.is_dir() and path.name.startswith(_PREFIX) for path in folder.iterdir())
