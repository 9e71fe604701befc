"""The source article's worked case: 100,000 products of 200 characters, 1,000 queries of 50, 100 results each."""

from course_lib.capstone.case.data import CaseData, make_case
from course_lib.capstone.case.history import profiles, rerank
from course_lib.capstone.case.search import Answers, CaseIndex, known_item

__all__ = ["Answers", "CaseData", "CaseIndex", "known_item", "make_case", "profiles", "rerank"]
