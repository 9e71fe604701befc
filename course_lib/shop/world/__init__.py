"""How a shop shows products: a request passes recall, ranking and display, and the log says what became of it.

One cascade serves search and recommendation alike; only the first stage differs. What later branches teach (encoders,
learned rankers) enters a stage as a callable.
"""

from course_lib.shop.world.cascade import (
    Request,
    Stage,
    Step,
    best_first,
    by_table,
    cascade,
    queries_of,
    serve,
    users_of,
)
from course_lib.shop.world.clicks import ClickRates, fit_click_rates, match_by_table
from course_lib.shop.world.cost import Cost, cascade_cost, seconds_per_item
from course_lib.shop.world.display import DisplayRules
from course_lib.shop.world.funnel import Funnel, Rate, clicks_by_position, funnel
from course_lib.shop.world.judge import Judge, true_click_chances
from course_lib.shop.world.losses import stage_losses
from course_lib.shop.world.recall import WordIndex, recall_own_categories, recall_popular, union, words

__all__ = [
    "ClickRates",
    "Cost",
    "DisplayRules",
    "Funnel",
    "Judge",
    "Rate",
    "Request",
    "Stage",
    "Step",
    "WordIndex",
    "best_first",
    "by_table",
    "cascade",
    "cascade_cost",
    "clicks_by_position",
    "fit_click_rates",
    "funnel",
    "match_by_table",
    "queries_of",
    "recall_own_categories",
    "recall_popular",
    "seconds_per_item",
    "serve",
    "stage_losses",
    "true_click_chances",
    "union",
    "users_of",
    "words",
]
