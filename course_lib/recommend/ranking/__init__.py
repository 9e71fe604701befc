"""The second stage: what is shown of a few hundred candidates, in which order, and what that is worth.

One idea per file. ``LearnedRanker`` puts two stages together with a loss for the order; everything else predicts chances,
makes them true on average, turns them into money, and composes the page.
"""

from course_lib.recommend.ranking.crosses import Crosses
from course_lib.recommend.ranking.din import InterestBody, TargetAttention
from course_lib.recommend.ranking.display import DisplayList
from course_lib.recommend.ranking.dpp import dpp
from course_lib.recommend.ranking.features import Table, impression_features
from course_lib.recommend.ranking.impressions import Impressions, read_impressions
from course_lib.recommend.ranking.logistic import LogisticRegression
from course_lib.recommend.ranking.measured import Measured, measure
from course_lib.recommend.ranking.mmr import mmr
from course_lib.recommend.ranking.multitask import TwoHeads, two_task_loss
from course_lib.recommend.ranking.network import ClickBuyNetwork, item_groups
from course_lib.recommend.ranking.pairs import Candidates, Catalogue, pair_features
from course_lib.recommend.ranking.point_in_time import count_before, last_before
from course_lib.recommend.ranking.sampling import keep_negatives, undo_sampling
from course_lib.recommend.ranking.trees import Trees
from course_lib.recommend.ranking.truth import Chances, true_chances
from course_lib.recommend.ranking.two_stage import LearnedRanker
from course_lib.recommend.ranking.value import auc, expected_value, page_gain, page_places
from course_lib.search.ranking.calibration import Isotonic, Platt

__all__ = [
    "Candidates", "Catalogue", "Chances", "ClickBuyNetwork", "Crosses", "DisplayList", "Impressions", "InterestBody",
    "Isotonic", "LearnedRanker", "LogisticRegression", "Measured", "Platt", "Table", "TargetAttention", "Trees", "TwoHeads", "auc",
    "count_before", "dpp", "expected_value", "impression_features", "item_groups", "keep_negatives", "last_before",
    "measure", "mmr", "page_gain", "page_places", "pair_features", "read_impressions", "true_chances", "two_task_loss", "undo_sampling",
]  # fmt: skip
