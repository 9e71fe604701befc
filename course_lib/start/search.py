"""The engine that ``course search`` asks: of a finished ``course run``, of a folder that holds one, or of a small shop."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.core.cache import course_home
from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import read_json
from course_lib.core.fingerprint import code_fingerprint, fingerprint, lock_fingerprint
from course_lib.core.locks import locked

if TYPE_CHECKING:
    from course_lib.search.engine import SearchEngine
    from course_lib.shop.shop import Shop

#: the shop that is searched where none is named: that of ``course run`` without flags
SMALL = {"n_items": 2_000, "n_users": 1_000, "n_queries": 300, "seed": 0}
_CODE = ("course_lib.search.engine", "course_lib.shop.shop")


def open_engine(folder: str | None = None, *, path: str | None = None, language: str | None = None) -> SearchEngine:
    """Load an engine, or make it and keep it in the course's cache folder; what takes long is told on stderr.

    Args:
        folder: of a finished ``course run``, or one that ``save_engine`` wrote; ``None``: the small simulated shop.
        path: the publisher's folder, for a run on a real shop: the run's folder doesn't hold its products.
        language: of the small simulated shop, ``"en"`` by default.

    Raises:
        CourseError: the folder holds neither, the run isn't finished, flags that don't fit one another.
    """
    if folder is None:
        if path is not None:
            raise ContractError("--path belongs to a run on a real shop", remedy="Add --from DIR, or leave --path out")
        return _small(language or "en")
    if language is not None:
        raise ContractError("--language belongs to the small simulated shop", remedy="Leave it out with --from")
    home = Path(folder)
    if (home / "engine.json").is_file():
        from course_lib.search.engine import load_engine

        return load_engine(home)
    return _of_run(home, path)


def _small(language: str) -> SearchEngine:
    def make() -> SearchEngine:
        from course_lib.search.engine import QueryLog, SearchEngine
        from course_lib.shop.shop import Shop

        shop = Shop.simulate(**SMALL, language=language)
        encoder = None
        if language == "en":  # the embedded encoder reads English only
            from course_lib.language.features import load_minilm

            encoder = load_minilm()
        log = QueryLog.of_shop(shop)
        return SearchEngine(encoder, log=log, language=language).fit(shop.items, progress=True)

    return _cached(make, {**SMALL, "language": language}, "a small simulated shop (2,000 products)")


def _of_run(home: Path, path: str | None) -> SearchEngine:
    from course_lib.start.stages import MARKER

    if not (home / MARKER).is_file():
        remedy = "Give the --out of a finished `course run`, or a folder that save_engine wrote"
        raise CourseError("holds no run and no search engine", where=str(home), remedy=remedy)
    if not (home / "result.json").is_file():
        remedy = f"Finish it: course run --out {home}, with the flags it was begun with"
        raise CourseError("this run is not finished", where=str(home), remedy=remedy)
    result = read_json(home / "result.json")
    encoder, vectors = home / "finetuning" / "encoder", home / "features" / "finetuned" / "items.npy"
    for needed in (encoder / "model.safetensors", vectors):
        if not needed.is_file():
            raise DataError("is missing from the run", where=str(needed), remedy="Run it again into a new folder")
    shop = shop_of_run(result, home, path)

    def make() -> SearchEngine:
        import numpy as np

        from course_lib.language.encoder import TextEncoder
        from course_lib.search.engine import QueryLog, SearchEngine

        language = result["options"].get("language", "en")
        engine = SearchEngine(TextEncoder.load(encoder), log=QueryLog.of_shop(shop), language=language)
        return engine.fit(shop.items, vectors=np.load(vectors, allow_pickle=False))

    parts = {"options": result["options"], "data": shop.source, "vectors": fingerprint(vectors),
             "encoder": fingerprint(encoder / "model.safetensors")}  # fmt: skip
    return _cached(make, parts, f"the run in {home}")


def shop_of_run(result: Any, home: Path, path: str | None) -> Shop:
    """The shop that a finished ``course run`` was on; raises CourseError as ``open_engine``."""
    from course_lib.shop.shop import Shop

    try:
        options = dict(result["options"])
        kind, seed = options["shop"], options["seed"]
        if kind == "simulate":
            if path is not None:
                raise ContractError("--path belongs to a run on a real shop; this one simulated its own")
            sizes = {f"n_{name}": options[name] for name in ("items", "users", "queries")}
            return Shop.simulate(**sizes, seed=seed, language=options["language"])
    except (KeyError, TypeError) as error:
        raise DataError("is not the result of a run", where=str(home / "result.json"), remedy="Run it again") from error
    if path is None:
        raise ContractError(f"this run was on the {kind} data, which its folder doesn't hold",
                            remedy="Add --path DIR, the publisher's folder")  # fmt: skip
    return Shop.load(kind, path=path)


def _cached(make: Any, parts: dict[str, Any], what: str) -> SearchEngine:
    """The engine from the cache folder, or made and put there; it is made again when code or data have changed."""
    from course_lib.search.engine import load_engine, save_engine

    home = course_home() / "search"
    folder = home / fingerprint(parts, code_fingerprint(_CODE), lock_fingerprint())
    with locked(home / "lock", patience=600):  # two commands at once would make the same engine twice
        if (folder / "engine.json").is_file():
            try:
                return load_engine(folder)
            except DataError as error:  # it can be made again, so that nobody has to be told more than that
                print(f"{error}: making it again", file=sys.stderr, flush=True)
                shutil.rmtree(folder, ignore_errors=True)
        print(f"making the search engine of {what}, kept for the next time …", file=sys.stderr, flush=True)
        engine = make()
        save_engine(engine, folder)
    return engine
