"""The search engine: understanding, retrieval, fusion, ranking and display, composed and traced."""

from course_lib.search.engine.engine import SearchEngine
from course_lib.search.engine.filters import Filters
from course_lib.search.engine.log import QueryLog
from course_lib.search.engine.query import QueryReader, Reading
from course_lib.search.engine.scoring import WEIGHTS
from course_lib.search.engine.store import load_engine, save_engine
from course_lib.search.engine.trace import Stage, Trace

__all__ = [
    "WEIGHTS", "Filters", "QueryLog", "QueryReader", "Reading", "SearchEngine", "Stage", "Trace", "load_engine", "save_engine",
]  # fmt: skip
