"""The recommendation pipeline: candidate generators, ranker and display list, composed, traced and saved."""

from course_lib.recommend.engine.content import ContentNeighbours
from course_lib.recommend.engine.defaults import default_generators
from course_lib.recommend.engine.folding import fold_in
from course_lib.recommend.engine.page import Display
from course_lib.recommend.engine.pipeline import RecommendationPipeline
from course_lib.recommend.engine.ranker import ChanceRanker, UnteachableError
from course_lib.recommend.engine.store import load_pipeline, save_pipeline
from course_lib.recommend.engine.trace import Stage, Trace

__all__ = [
    "ChanceRanker", "ContentNeighbours", "Display", "RecommendationPipeline", "Stage", "Trace", "UnteachableError", "default_generators",
    "fold_in", "load_pipeline", "save_pipeline",
]  # fmt: skip
