"""Neural recommendation: tables, networks and towers, trained by gradient.

One idea per file: ``similarity`` (dot product, MLP, NeuMF), ``losses`` (sampled softmax and its correction, the full one,
the binary one), ``trained`` (what all share), ``factorization``, ``ncf``, ``towers``, ``serving`` (the user tower in
front of the search index), ``dot_product`` (can a network learn one?).
"""

from course_lib.recommend.neural.dot_product import Trial, learn_dot_product
from course_lib.recommend.neural.factorization import MatrixFactorization, Tables
from course_lib.recommend.neural.losses import (
    binary_loss,
    full_softmax,
    in_batch_logits,
    log_sampling_chance,
    sampled_softmax,
    sampled_softmax_gradient,
)
from course_lib.recommend.neural.ncf import NCF
from course_lib.recommend.neural.serving import Indexed
from course_lib.recommend.neural.similarity import MLP, Dot, NeuMF
from course_lib.recommend.neural.towers import Towers, TwoTower
from course_lib.recommend.neural.trained import Net, Trained, distinct_pairs

__all__ = [
    "MLP",
    "NCF",
    "Dot",
    "Indexed",
    "MatrixFactorization",
    "Net",
    "NeuMF",
    "Tables",
    "Towers",
    "Trained",
    "Trial",
    "TwoTower",
    "binary_loss",
    "distinct_pairs",
    "full_softmax",
    "in_batch_logits",
    "learn_dot_product",
    "log_sampling_chance",
    "sampled_softmax",
    "sampled_softmax_gradient",
]
