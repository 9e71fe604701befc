"""A pipeline in a folder: no file or all of them, in formats that run no code when they are read.

    DIR/pipeline.json        which version is the present one
    DIR/v-<random>/          manifest.json (format, settings, models, fingerprint of the code, sha256 of each file),
                             items.parquet, users.parquet, interactions.parquet, arrays.safetensors, trees.txt (with a ranker)

``core.versions`` writes and checks the folder: a kill at any moment leaves the old version or the new one. The folder holds
the log: who may read it reads the histories.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.fingerprint import code_fingerprint
from course_lib.core.ids import IdMap
from course_lib.core.versions import VersionedFolder
from course_lib.recommend.engine.models import pack, unpack
from course_lib.recommend.engine.page import Display
from course_lib.recommend.engine.pipeline import RecommendationPipeline
from course_lib.recommend.engine.ranker import ChanceRanker
from course_lib.recommend.ranking import Platt, Trees
from course_lib.shop.interactions import Interactions

KIND = VersionedFolder("pipeline.json", 1, "recommendation pipeline", short="pipeline", saver="save_pipeline")
ARRAYS, TREES = "arrays.safetensors", "trees.txt"
CODE = ("course_lib.recommend.engine",)
_NEEDED = {"items.parquet", "users.parquet", "interactions.parquet", ARRAYS}


def save_pipeline(pipeline: RecommendationPipeline, folder: str | os.PathLike[str]) -> None:
    """Write a fitted pipeline. A folder that holds one gets the new one in its place.

    Raises:
        ContractError: not fitted yet, or a generator that can't be written (``models.pack``).
        CourseError: the folder can't be written, or holds something else.
    """
    if pipeline.interactions is None:
        raise ContractError("the pipeline has learned nothing yet", remedy="Call fit(interactions) first")
    KIND.write(folder, partial(_write, pipeline))


def load_pipeline(folder: str | os.PathLike[str]) -> RecommendationPipeline:
    """Read what ``save_pipeline`` wrote; every file is held against its checksum first.

    The code that made it may have changed since: ``is_stale`` of the folder says so, and a ranker that needs other
    features than the present code computes is refused.

    Raises:
        DataError: no pipeline there, one of a newer version of the course, or a file that is missing or damaged.
    """
    version, manifest = KIND.open(folder)
    try:
        files = dict(manifest["files"])
        KIND.check(version, files, _NEEDED)
        return _read(version, manifest, TREES in files)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ContractError, OverflowError) as error:
        raise KIND.damaged(version, str(error)[:200]) from error


def is_stale(folder: str | os.PathLike[str]) -> bool:
    """Whether the code has changed since the pipeline was saved; raises DataError as ``load_pipeline``."""
    return KIND.open(folder)[1].get("code") != code_fingerprint(CODE)


# -- writing ----------------------------------------------------------------------------------------------------------
def _write(pipeline: RecommendationPipeline, version: Path) -> dict[str, Any]:
    """Write the files; what is returned goes into the manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save_file

    log, arrays, models = pipeline.interactions, {}, []
    for name, model in [*pipeline.generators.items(), ("", pipeline.fallback)]:
        kind, settings, own = pack(model)
        models.append({"name": name, "kind": kind, "settings": settings, "items": len(model.interactions.items)})
        arrays |= {f"{len(models) - 1}.{key}": np.ascontiguousarray(value) for key, value in own.items()}
    if pipeline.catalogue.vectors is not None:
        arrays["vectors"] = np.ascontiguousarray(pipeline.catalogue.vectors)
    bought = sorted(pipeline._bought)
    arrays["bought"] = np.array([[*log.users.rows([user]), item] for user, item in bought], dtype=np.int64).reshape(-1, 2)
    save_file(arrays, version / ARRAYS)
    text = pa.string()
    schema = pa.schema([(n, text) for n in ("item_id", "title", "brand", "category")] + [("price", pa.float64())])
    pq.write_table(pa.Table.from_pylist(pipeline.products, schema=schema), version / "items.parquet")
    pq.write_table(pa.table({"user_id": pa.array(log.users.ids, text)}), version / "users.parquet")
    events = {"user_row": log.user_rows, "item_row": log.item_rows, "weight": log.weights, "timestamp": log.timestamps}
    pq.write_table(pa.table(events), version / "interactions.parquet")
    ranker = None
    if pipeline.ranker is not None:
        (version / TREES).write_text(pipeline.ranker.trees.booster.model_to_string(), encoding="utf-8")
        ranker = {"rounds": pipeline.ranker.rounds, "most_pairs": pipeline.ranker.most_pairs, "seed": pipeline.ranker.seed,
                  "parameters": pipeline.ranker.parameters, "names": list(pipeline.ranker.trees.names),
                  "a": float(pipeline.ranker.platt.a), "b": float(pipeline.ranker.platt.b),
                  "training": pipeline.ranker.training}  # fmt: skip
    settings = {"by_value": pipeline.by_value, "depth": pipeline.depth, "moments": pipeline.moments, "share": pipeline.share,
                "buy_rate": pipeline.buy_rate, "candidate_recall": pipeline.candidate_recall,
                "display": _display(pipeline.display)}  # fmt: skip
    return {"code": code_fingerprint(CODE), "settings": settings, "models": models, "ranker": ranker}


def _display(display: Display) -> dict[str, Any]:
    return {"trade": display.trade, "per_brand": display.per_brand, "out_of_stock": sorted(display.out_of_stock),
            "pinned": {str(place): item for place, item in display.pinned.items()}, "pool": display.pool}  # fmt: skip


# -- reading ----------------------------------------------------------------------------------------------------------
def _read(version: Path, manifest: dict[str, Any], has_trees: bool) -> RecommendationPipeline:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(version / ARRAYS)
    except SafetensorError as error:
        raise KIND.damaged(version / ARRAYS, error) from error
    products = _table(version / "items.parquet").to_pylist()
    users = IdMap("user", _table(version / "users.parquet")["user_id"].to_pylist())
    events = _table(version / "interactions.parquet")
    settings, vectors = dict(manifest["settings"]), arrays.pop("vectors", None)
    display = Display(**{**settings["display"], "out_of_stock": frozenset(settings["display"]["out_of_stock"])})
    ids = IdMap("item", (product["item_id"] for product in products))
    columns = [events[name].to_numpy() for name in ("user_row", "item_row", "weight", "timestamp")]
    log = Interactions(users, ids, *columns)
    models, fitted = list(manifest["models"]), {}
    for number, one in enumerate(models):
        own = {key.partition(".")[2]: value for key, value in arrays.items() if key.partition(".")[0] == str(number)}
        known = log if one["items"] == len(ids) else Interactions(users, IdMap("item", ids.ids[: int(one["items"])]), *columns)
        fitted[one["name"]] = unpack(one["kind"], dict(one["settings"]), own, known, products)
    fallback = fitted.pop("")
    ranker = _ranker(version, manifest["ranker"]) if has_trees else None
    pipeline = RecommendationPipeline(
        products, fitted, ranker, fallback=fallback, display=display, by_value=bool(settings["by_value"]),
        depth=settings["depth"], moments=settings["moments"], share=settings["share"], vectors=vectors,
    )  # fmt: skip
    pipeline.restore(log, fitted, fallback, arrays["bought"], settings["buy_rate"], settings["candidate_recall"])
    return pipeline


def _ranker(version: Path, told: dict[str, Any]) -> ChanceRanker:
    import lightgbm

    ranker = ChanceRanker(told["rounds"], most_pairs=told["most_pairs"], seed=told["seed"], **dict(told["parameters"]))
    trees = Trees("binary", rounds=ranker.rounds, seed=ranker.seed, **{**ranker.PARAMETERS, **ranker.parameters})
    try:
        trees.booster = lightgbm.Booster(model_str=(version / TREES).read_text(encoding="utf-8"))
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise KIND.damaged(version / TREES, str(error)[:100]) from error
    trees.names = tuple(map(str, told["names"]))
    if trees.booster.num_feature() != len(trees.names):
        raise DataError("has trees of other features than the manifest names", where=str(version / TREES), remedy=KIND.again)
    ranker.trees, ranker.training = trees, {str(name): int(n) for name, n in dict(told["training"]).items()}
    ranker.platt = Platt()
    ranker.platt.a, ranker.platt.b = float(told["a"]), float(told["b"])
    return ranker


def _table(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise KIND.damaged(path, str(error)[:100]) from error
