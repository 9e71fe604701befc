"""Understanding: what a query says, before anything is searched."""

from course_lib.search.understanding.candidates import (
    Substitutions, changed, chain_source, click_source, dropped_source,
)
from course_lib.search.understanding.clicklog import chains, corrected_pairs, query_counts, reformulations
from course_lib.search.understanding.edits import Neighbours, edit_distance, slip
from course_lib.search.understanding.endpoint import ChatEndpoint, ModelSource, RecordedModel, record, rewrite_prompt
from course_lib.search.understanding.intent import ClickIntent
from course_lib.search.understanding.normalise import fold_codes, is_model_code, normalise, words
from course_lib.search.understanding.rewriting import Drift, Guardrails, Rewrite, Rewriter, intent_reward
from course_lib.search.understanding.segment import (
    Segmenter, count_occurrences, default_words, jieba_cutter, shop_words,
)
from course_lib.search.understanding.spelling import Channel, Correction, RunSpeller, Speller, count_words
from course_lib.search.understanding.tagging import Tag, Tagger

__all__ = [
    "Channel", "ChatEndpoint", "ClickIntent", "Correction", "Drift", "Guardrails", "ModelSource", "Neighbours",
    "RecordedModel", "Rewrite", "Rewriter", "RunSpeller", "Segmenter", "Speller", "Substitutions", "Tag", "Tagger",
    "chain_source", "chains", "changed", "click_source", "corrected_pairs", "count_occurrences", "count_words",
    "default_words", "dropped_source", "edit_distance", "fold_codes", "intent_reward", "is_model_code",
    "jieba_cutter", "normalise", "query_counts", "record", "reformulations", "rewrite_prompt", "shop_words", "slip",
    "words",
]  # fmt: skip
