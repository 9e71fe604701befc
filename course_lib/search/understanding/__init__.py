"""Understanding: what a query says, before anything is searched."""

from course_lib.search.understanding.edits import Neighbours, edit_distance, slip
from course_lib.search.understanding.normalise import fold_codes, is_model_code, normalise, words
from course_lib.search.understanding.segment import (
    Segmenter, count_occurrences, default_words, jieba_cutter, shop_words,
)
from course_lib.search.understanding.spelling import Channel, Correction, RunSpeller, Speller, count_words

__all__ = [
    "Channel", "Correction", "Neighbours", "RunSpeller", "Segmenter", "Speller", "count_occurrences", "count_words",
    "default_words", "edit_distance", "fold_codes", "is_model_code", "jieba_cutter", "normalise", "shop_words", "slip",
    "words",
]  # fmt: skip
