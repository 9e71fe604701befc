"""Ranking: a few hundred candidates become an ordered list.

One idea per file. Every ranker keeps one contract: ``fit(…)`` once, then ``rerank(candidates, …, k) -> Ranking``.
"""

from course_lib.search.ranking.bias import AnchorCorrection, Effect, position_effect
from course_lib.search.ranking.budget import best_depths, depth_values, equal_depths
from course_lib.search.ranking.calibration import Isotonic, Platt
from course_lib.search.ranking.features import PairFeatures
from course_lib.search.ranking.gains import discounts, gains, ideal_dcg, ndcg, places
from course_lib.search.ranking.judge import ModelJudge, SimulatedJudge, judge_prompt, reversed_places
from course_lib.search.ranking.lambdamart import LambdaMART
from course_lib.search.ranking.lambdarank import delta_ndcg, lambdarank_loss
from course_lib.search.ranking.lexical import FieldIndex
from course_lib.search.ranking.listwise import listnet_loss
from course_lib.search.ranking.pairwise import pairs_of, ranknet_loss, weighted_pairs
from course_lib.search.ranking.pointwise import logistic_loss, squared_loss
from course_lib.search.ranking.ranker import LOSSES, ListRanker
from course_lib.search.ranking.reranker import Reranker
from course_lib.search.ranking.table import FeatureTable, candidate_grades, reordered, rows_of

__all__ = [
    "LOSSES", "AnchorCorrection", "Effect", "FeatureTable", "FieldIndex", "Isotonic", "LambdaMART", "ListRanker",
    "ModelJudge", "PairFeatures", "Platt", "Reranker", "SimulatedJudge", "best_depths", "candidate_grades",
    "delta_ndcg", "depth_values", "discounts", "equal_depths", "gains", "ideal_dcg", "judge_prompt",
    "lambdarank_loss", "listnet_loss", "logistic_loss", "ndcg", "pairs_of", "places", "position_effect",
    "ranknet_loss", "reordered", "reversed_places", "rows_of", "squared_loss", "weighted_pairs",
]  # fmt: skip
