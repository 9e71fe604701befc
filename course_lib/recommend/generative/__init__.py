"""Generative recommendation: products as words of a few codes, and a network that spells the next one."""

from course_lib.recommend.generative.beam import beam_search
from course_lib.recommend.generative.ids import ByLot, Quantiser, SemanticIds, collisions, usage
from course_lib.recommend.generative.kmeans import ResidualKMeans, k_means, nearest
from course_lib.recommend.generative.model import Generative
from course_lib.recommend.generative.network import CodeNetwork, SummedCodes, word_loss
from course_lib.recommend.generative.rqvae import RQVAE, RQNetwork
from course_lib.recommend.generative.trie import Trie

__all__ = [
    "RQVAE",
    "ByLot",
    "CodeNetwork",
    "Generative",
    "Quantiser",
    "RQNetwork",
    "ResidualKMeans",
    "SemanticIds",
    "SummedCodes",
    "Trie",
    "beam_search",
    "collisions",
    "k_means",
    "nearest",
    "usage",
    "word_loss",
]
