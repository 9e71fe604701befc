"""The pipeline that ``course recommend`` asks: of a finished ``course run``, of a folder that holds one, of real data, or
of a small shop."""

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
from course_lib.start.search import SMALL, shop_of_run

if TYPE_CHECKING:
    from course_lib.recommend.engine import RecommendationPipeline
    from course_lib.shop.shop import Shop

_CODE = ("course_lib.recommend.engine", "course_lib.shop.shop")


def open_pipeline(
    folder: str | None = None, *, shop: str | None = None, path: str | None = None, language: str | None = None
) -> RecommendationPipeline:
    """Load a pipeline, or make it and keep it in the course's cache folder; what takes long is told on stderr.

    Args:
        folder: of a finished ``course run``, or one that ``save_pipeline`` wrote.
        shop: ``"simulate"`` (default: the small simulated shop), or a real shop by the name that ``course data list`` has.
        path: the publisher's folder, for a real shop or a run on one.
        language: of the small simulated shop, ``"en"`` by default.

    Raises:
        CourseError: the folder holds neither, the run isn't finished, no log, flags that don't fit one another.
    """
    if folder is not None:
        if shop is not None or language is not None:
            raise ContractError("--shop and --language name another shop than --from", remedy="Leave one of them out")
        home = Path(folder)
        if (home / "pipeline.json").is_file():
            return _loaded(home)
        return _of_run(home, path)
    if shop in (None, "simulate"):
        if path is not None:
            raise ContractError("--path belongs to a real shop", remedy="Add --shop NAME or --from DIR, or leave --path out")
        return _small(language or "en")
    if language is not None:
        raise ContractError("--language belongs to the small simulated shop", remedy="Leave it out with --shop")
    from course_lib.shop.shop import Shop

    try:
        real = Shop.load(shop, path=path)
    except DataError as error:  # its remedy speaks to who calls the function, not to who typed the command
        remedy = (error.remedy or "").replace(f"Shop.load({shop!r}, path)", "--path DIR")
        raise DataError(error.what, where=error.where, remedy=remedy) from error
    return _cached(lambda: real, {"data": real.source, "name": real.name}, f"the shop {shop}")


def _loaded(home: Path) -> RecommendationPipeline:
    from course_lib.recommend.engine import load_pipeline
    from course_lib.recommend.engine.store import is_stale

    pipeline = load_pipeline(home)
    if is_stale(home):
        print(f"{home}: this pipeline was made by other code than is installed now", file=sys.stderr, flush=True)
    return pipeline


def _small(language: str) -> RecommendationPipeline:
    def make() -> Shop:
        from course_lib.shop.shop import Shop

        return Shop.simulate(**SMALL, language=language)

    return _cached(make, {**SMALL, "language": language}, "a small simulated shop")


def _of_run(home: Path, path: str | None) -> RecommendationPipeline:
    from course_lib.start.stages import MARKER

    if not home.is_dir():
        raise CourseError("no such folder", where=str(home), remedy="Give the --out of a `course run`, or one that --save wrote")
    if not (home / MARKER).is_file():
        remedy = "Give the --out of a finished `course run`, or a folder that --save wrote"
        raise CourseError("holds no run and no recommendation pipeline", where=str(home), remedy=remedy)
    if not (home / "result.json").is_file():
        remedy = f"Finish it: course run --out {home}, with the flags it was begun with"
        raise CourseError("this run is not finished", where=str(home), remedy=remedy)
    result = read_json(home / "result.json")
    shop = shop_of_run(result, home, path)
    return _cached(lambda: shop, {"options": result["options"], "data": shop.source}, f"the run in {home}")


def _cached(make: Any, parts: dict[str, Any], what: str) -> RecommendationPipeline:
    """The pipeline from the cache folder, or made and put there; it is made again when code or data have changed."""
    from course_lib.recommend.engine import RecommendationPipeline, UnteachableError, load_pipeline, save_pipeline

    home = course_home() / "recommend"
    folder = home / fingerprint(parts, code_fingerprint(_CODE), lock_fingerprint())
    with locked(home / "lock", patience=600):  # two commands at once would make the same pipeline twice
        if (folder / "pipeline.json").is_file():
            try:
                return load_pipeline(folder)
            except DataError as error:  # it can be made again, so that nobody has to be told more than that
                print(f"{error}: making it again", file=sys.stderr, flush=True)
                shutil.rmtree(folder, ignore_errors=True)
        print(f"making the recommendation pipeline of {what}, kept in {home} for the next time …", file=sys.stderr, flush=True)
        shop = make()
        try:
            pipeline = RecommendationPipeline.of_shop(shop)
        except UnteachableError as error:
            print(f"no ranker: {error.what}; candidates are fused by their places", file=sys.stderr, flush=True)
            pipeline = RecommendationPipeline.of_shop(shop, ranker=None)
        save_pipeline(pipeline, folder)
    return pipeline
