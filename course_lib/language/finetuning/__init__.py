"""Fine-tuning: a pretrained encoder learns a task of the shop from pairs or labels.

Every task trains a copy; the encoder that it starts from stays as it is.
"""

from course_lib.language.finetuning.bi_encoder import train_bi_encoder
from course_lib.language.finetuning.classifier import CategoryClassifier, evaluate_classifier, train_classifier
from course_lib.language.finetuning.losses import info_nce

__all__ = [
    "CategoryClassifier",
    "evaluate_classifier",
    "info_nce",
    "train_bi_encoder",
    "train_classifier",
]
