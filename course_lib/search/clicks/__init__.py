"""Clicks: what people looked at, what they would have clicked, and how to learn a ranking from it without the bias."""

from course_lib.search.clicks.cascade import Cascade
from course_lib.search.clicks.chain import Chain
from course_lib.search.clicks.counterfactual import (
    Impressions,
    doubly_robust_relevance,
    ips_relevance,
    weigh_impressions,
)
from course_lib.search.clicks.ctr import DocumentCTR, RankCTR
from course_lib.search.clicks.dbn import DynamicBayesian
from course_lib.search.clicks.harvest import harvest_examination
from course_lib.search.clicks.harvest_cascade import harvest_cascade
from course_lib.search.clicks.model import ClickModel, PairTable, draw_clicks, log_likelihood, perplexity
from course_lib.search.clicks.pages import ResultPages, read_pages
from course_lib.search.clicks.pbm import PositionBased
from course_lib.search.clicks.randomised import examination_by_propensity
from course_lib.search.clicks.ranker import LinearRanker
from course_lib.search.clicks.regression import RegressionEM
from course_lib.search.clicks.sdbn import SimplifiedDBN
from course_lib.search.clicks.trust import TrustBias, affine_relevance

__all__ = [
    "Cascade", "Chain", "ClickModel", "DocumentCTR", "DynamicBayesian", "Impressions", "LinearRanker", "PairTable",
    "PositionBased", "RankCTR", "RegressionEM", "ResultPages", "SimplifiedDBN", "TrustBias", "affine_relevance",
    "doubly_robust_relevance", "draw_clicks", "examination_by_propensity", "harvest_cascade", "harvest_examination",
    "ips_relevance", "log_likelihood", "perplexity", "read_pages", "weigh_impressions",
]  # fmt: skip
