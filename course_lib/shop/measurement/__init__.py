"""Measurement: how good is a ranking, how sure are we, and is one really better than another?"""

from course_lib.shop.measurement.calibration import Calibration, measure_calibration
from course_lib.shop.measurement.comparison import Comparison, compare
from course_lib.shop.measurement.evaluation import evaluate
from course_lib.shop.measurement.family import Family, compare_all, holm
from course_lib.shop.measurement.lists import coverage, diversity, exposure, gini, novelty
from course_lib.shop.measurement.report import Report
from course_lib.shop.measurement.seen import without_seen
from course_lib.shop.measurement.segments import by_frequency, by_segment, frequencies, of_items
from course_lib.shop.measurement.splits import Split, split_at_random, split_by_time
from course_lib.shop.measurement.table import OverSeeds, over_seeds, results_table
from course_lib.shop.measurement.tuning import Tuning, search_grid, tune_equally

__all__ = [
    "Calibration",
    "Comparison",
    "Family",
    "OverSeeds",
    "Report",
    "Split",
    "Tuning",
    "by_frequency",
    "by_segment",
    "compare",
    "compare_all",
    "coverage",
    "diversity",
    "evaluate",
    "exposure",
    "frequencies",
    "gini",
    "holm",
    "measure_calibration",
    "novelty",
    "of_items",
    "over_seeds",
    "results_table",
    "search_grid",
    "split_at_random",
    "split_by_time",
    "tune_equally",
    "without_seen",
]
