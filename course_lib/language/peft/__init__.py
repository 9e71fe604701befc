"""Parameter-efficient fine-tuning: adapters, LoRA and AdaLoRA, what they cost, and one encoder for many tasks.

The library of the same name is ``import peft``; this package is ``course_lib.language.peft`` and hides nothing of it.
"""

from course_lib.language.peft.adalora import AdaLoRALinear, adalora_layers, inject_adalora, orthogonality
from course_lib.language.peft.adapter import Adapter, inject_adapter
from course_lib.language.peft.allocation import Importance, RankAllocator, Schedule, keep_best, penalised
from course_lib.language.peft.delta import DeltaLinear, is_merged, merge, unmerge
from course_lib.language.peft.files import load_adapters, save_adapters
from course_lib.language.peft.inject import Count, count_parameters, find_linear, inject, train_only
from course_lib.language.peft.lora import LoRALinear, inject_lora
from course_lib.language.peft.memory import activation_bytes, lora_size, optimiser_bytes, training_bytes
from course_lib.language.peft.tuning import Tuned, tune_classifier

__all__ = [
    "AdaLoRALinear", "Adapter", "Count", "DeltaLinear", "Importance", "LoRALinear", "RankAllocator", "Schedule",
    "Tuned", "activation_bytes", "adalora_layers", "count_parameters", "find_linear", "inject", "inject_adalora",
    "inject_adapter", "inject_lora", "is_merged", "keep_best", "load_adapters", "lora_size", "merge",
    "optimiser_bytes", "orthogonality", "penalised", "save_adapters", "train_only", "training_bytes",
    "tune_classifier", "unmerge",
]  # fmt: skip
