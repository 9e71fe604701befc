"""Measurement: how good is a ranking, how sure are we, and is one really better than another?"""

from course_lib.shop.measurement.comparison import Comparison, compare
from course_lib.shop.measurement.evaluation import evaluate
from course_lib.shop.measurement.report import Report

__all__ = ["Comparison", "Report", "compare", "evaluate"]
