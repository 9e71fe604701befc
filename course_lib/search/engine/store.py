"""An engine in a folder: written whole or not at all, in formats that run no code when they are read.

    DIR/engine.json          which version is the present one
    DIR/v-<random>/          manifest.json (format, settings, sha256 of each file), items.parquet, log.json,
                             vectors.npy and encoder/ (where there is an encoder)

``core.versions`` writes and checks the folder: a kill at any moment leaves the old version or the new one.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.files import read_json, write_json
from course_lib.core.versions import VersionedFolder
from course_lib.search.engine.engine import SearchEngine
from course_lib.search.engine.log import QueryLog

KIND = VersionedFolder("engine.json", 1, "search engine", short="engine", saver="save_engine")
_NEEDED = {"items.parquet", "log.json"}


def save_engine(engine: SearchEngine, folder: str | os.PathLike[str]) -> None:
    """Refresh the engine and write it. A folder that holds an engine gets the new one in its place.

    Raises:
        CourseError: the folder can't be written, or holds something else.
    """
    engine.refresh()  # so that what is loaded, which learns from its products, reads queries as this one does
    KIND.write(folder, partial(_write, engine))


def load_engine(folder: str | os.PathLike[str]) -> SearchEngine:
    """Read what ``save_engine`` wrote; every file is held against its checksum first.

    Raises:
        DataError: no engine there, one of a newer version of the course, or a file that is missing or damaged.
    """
    version, manifest = KIND.open(folder)
    try:
        files, settings = dict(manifest["files"]), dict(manifest["settings"])
        KIND.check(version, files, _NEEDED)
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
        raise KIND.damaged(version, error) from error


def _write(engine: SearchEngine, version: Path) -> dict[str, Any]:
    """Write the files; what is returned goes into the manifest."""
    _write_items(engine.products, version / "items.parquet")
    write_json(version / "log.json", engine.reader.log.as_json())
    if engine.encoder is not None:
        with open(version / "vectors.npy", "wb") as file:
            np.save(file, engine.vectors(), allow_pickle=False)
        engine.encoder.save(version / "encoder")
    settings = {"language": engine.language, "weights": engine.weights, "depth": engine.depth,
                "dense": engine.encoder is not None}  # fmt: skip
    return {"settings": settings, "products": len(engine)}


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
        raise KIND.damaged(path, str(error)[:100]) from error
