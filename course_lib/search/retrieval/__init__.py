"""Retrieval: a few hundred candidates out of the whole catalogue, by words, by vectors, or by both.

Every retriever keeps one contract: ``fit(items)`` once, then ``search(queries, k) -> Ranking``.
"""

from course_lib.search.retrieval.bm25 import BM25
from course_lib.search.retrieval.dense import Dense, Encode
from course_lib.search.retrieval.fusion import convex_combination, reciprocal_rank_fusion
from course_lib.search.retrieval.inverted import InvertedIndex

__all__ = ["BM25", "Dense", "Encode", "InvertedIndex", "convex_combination", "reciprocal_rank_fusion"]
