"""Sequential recommendation: what comes next, from the order of what came before."""

from course_lib.recommend.sequential.base import LiveSession, SequenceRecommender
from course_lib.recommend.sequential.batches import Batch, Examples, padded
from course_lib.recommend.sequential.counting import FadingVotes, RecentCosine, SequentialRules
from course_lib.recommend.sequential.histories import Histories, LastOut, joined, leave_last_out
from course_lib.recommend.sequential.hstu import HSTUBlock
from course_lib.recommend.sequential.losses import binary_loss, sampled_softmax_loss, softmax_loss
from course_lib.recommend.sequential.models import HSTU, LSTM, NetworkRecommender, SASRec
from course_lib.recommend.sequential.network import PAD, SASRecBlock, SelfAttention, SequenceNetwork
from course_lib.recommend.sequential.recurrent import LSTMBlock

__all__ = [
    "HSTU",
    "LSTM",
    "PAD",
    "Batch",
    "Examples",
    "FadingVotes",
    "HSTUBlock",
    "Histories",
    "LSTMBlock",
    "LastOut",
    "LiveSession",
    "NetworkRecommender",
    "RecentCosine",
    "SASRec",
    "SASRecBlock",
    "SelfAttention",
    "SequenceNetwork",
    "SequenceRecommender",
    "SequentialRules",
    "binary_loss",
    "joined",
    "leave_last_out",
    "padded",
    "sampled_softmax_loss",
    "softmax_loss",
]
