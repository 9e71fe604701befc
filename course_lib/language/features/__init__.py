"""Features: texts as vectors that search, recommendation and figures can use.

One idea per file: ``pooling`` (tokens to one vector), ``extraction``, ``minilm`` (a ready-made encoder), ``lsa`` (the
baseline), ``mining`` (hard negatives), ``matryoshka`` (nested sizes), ``isotropy`` (the cone, and repairs), ``probing``
(what the vectors know), ``head`` (a matrix trained on frozen vectors), ``projection`` (pictures). The fast, resumable
extraction of a whole catalogue is ``course_lib.language.engine``.
"""

from course_lib.language.features.extraction import extract
from course_lib.language.features.head import apply_head, train_head
from course_lib.language.features.isotropy import (
    Repair,
    centre,
    mean_cosine,
    remove_top,
    spectrum,
    used_dimensions,
    whiten,
)
from course_lib.language.features.lsa import LSA
from course_lib.language.features.matryoshka import matryoshka_info_nce, truncate
from course_lib.language.features.minilm import MINILM, MINILM_SHA256, load_minilm
from course_lib.language.features.mining import grades_of, mine_hard_negatives
from course_lib.language.features.pooling import POOLINGS, normalise, pool, pooled, token_vectors
from course_lib.language.features.probing import Probe, control_labels, probe
from course_lib.language.features.projection import project_2d, write_projector

__all__ = [
    "LSA",
    "MINILM",
    "MINILM_SHA256",
    "POOLINGS",
    "Probe",
    "Repair",
    "apply_head",
    "centre",
    "control_labels",
    "extract",
    "grades_of",
    "load_minilm",
    "matryoshka_info_nce",
    "mean_cosine",
    "mine_hard_negatives",
    "normalise",
    "pool",
    "pooled",
    "probe",
    "project_2d",
    "remove_top",
    "spectrum",
    "token_vectors",
    "train_head",
    "truncate",
    "used_dimensions",
    "whiten",
    "write_projector",
]
