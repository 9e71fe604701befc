"""Fine-tuning: a pretrained encoder learns a task of the shop from pairs or labels.

Every task trains a copy; the encoder that it starts from stays as it is.
"""

from course_lib.language.finetuning.bi_encoder import train_bi_encoder
from course_lib.language.finetuning.calibration import confidence_calibration, fit_temperature
from course_lib.language.finetuning.classifier import CategoryClassifier, evaluate_classifier, train_classifier
from course_lib.language.finetuning.cross_encoder import CrossEncoder, train_cross_encoder
from course_lib.language.finetuning.export import (
    export_classifier,
    export_cross_encoder,
    export_encoder,
    load_cross_encoder,
)
from course_lib.language.finetuning.grader import GAINS, LABELS, expected_gain, grade_labels, query_families
from course_lib.language.finetuning.judged import JudgedPairs, judged_pairs, split_groups
from course_lib.language.finetuning.losses import (
    class_weights,
    info_nce,
    pairwise_loss,
    robust_cross_entropy,
    soft_cross_entropy,
)
from course_lib.language.finetuning.negatives import mine_negatives
from course_lib.language.finetuning.pair_head import PairHead, train_pair_head
from course_lib.language.finetuning.projection import project, train_projection
from course_lib.language.finetuning.scores import LabelScores, f1_of, label_scores, macro_f1_difference
from course_lib.language.finetuning.stopping import Stopping, fit_until_best

__all__ = [
    "GAINS",
    "LABELS",
    "CategoryClassifier",
    "CrossEncoder",
    "JudgedPairs",
    "LabelScores",
    "PairHead",
    "Stopping",
    "class_weights",
    "confidence_calibration",
    "evaluate_classifier",
    "expected_gain",
    "export_classifier",
    "export_cross_encoder",
    "export_encoder",
    "f1_of",
    "fit_temperature",
    "fit_until_best",
    "grade_labels",
    "info_nce",
    "judged_pairs",
    "label_scores",
    "load_cross_encoder",
    "macro_f1_difference",
    "mine_negatives",
    "pairwise_loss",
    "project",
    "query_families",
    "robust_cross_entropy",
    "soft_cross_entropy",
    "split_groups",
    "train_bi_encoder",
    "train_classifier",
    "train_cross_encoder",
    "train_pair_head",
    "train_projection",
]
