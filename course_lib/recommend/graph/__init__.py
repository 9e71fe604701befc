"""Graph recommendation: LightGCN, what its steps over the edges do, and the linear filter that needs no training."""

from course_lib.recommend.graph.bipartite import UserItemGraph, shuffled_graph, user_item_graph
from course_lib.recommend.graph.bpr import bpr_loss, draw_triples, lightgcn_step, train_bpr
from course_lib.recommend.graph.engine import Trained, spectral_vectors, train_softmax
from course_lib.recommend.graph.filters import GraphFilter
from course_lib.recommend.graph.model import LightGCN
from course_lib.recommend.graph.propagation import layers_of, propagate, smooth
from course_lib.recommend.graph.smoothing import alikeness, response
from course_lib.recommend.graph.softmax import full_softmax
from course_lib.recommend.graph.spectrum import largest_singular

__all__ = [
    "GraphFilter",
    "LightGCN",
    "Trained",
    "UserItemGraph",
    "alikeness",
    "bpr_loss",
    "draw_triples",
    "full_softmax",
    "largest_singular",
    "layers_of",
    "lightgcn_step",
    "propagate",
    "response",
    "shuffled_graph",
    "smooth",
    "spectral_vectors",
    "train_bpr",
    "train_softmax",
    "user_item_graph",
]
