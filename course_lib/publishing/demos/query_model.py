"""The small encoder of "type your own query": a BERT whose matrices are int8, a quarter of their size."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder
from course_lib.publishing.demos.packing import dequantise, quantise


def int8_encoder(encoder: TextEncoder) -> TextEncoder:
    """A copy whose matrices are rounded to int8 and back: what the page computes with, in Python, in float32."""
    rounded = encoder.copy()
    rounded.model = rounded.model.float()
    rounded.precision, rounded.name = "fp32", f"{encoder.name}, int8"
    with torch.no_grad():
        for weight in rounded.model.parameters():
            if weight.ndim == 2:
                weight.copy_(torch.from_numpy(dequantise(*quantise(weight.detach().cpu().numpy()))))
    return rounded


def model_parts(encoder: TextEncoder) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of an encoder for ``packing.pack``: matrices as int8 with scales, all else as float32.

    Raises:
        ContractError: no BERT with absolute positions and the exact GELU, or a tokenizer that is no WordPiece.
    """
    config, vocabulary = encoder.model.config, encoder.tokenizer.get_vocab()
    if config.model_type != "bert" or config.hidden_act != "gelu" or "[UNK]" not in vocabulary:
        raise ContractError("the demo runs a BERT with a WordPiece vocabulary", where=encoder.name)
    arrays: dict[str, np.ndarray] = {}
    for name, weight in encoder.model.named_parameters():
        if name.startswith("pooler."):
            continue  # what only the pretraining of the original BERT used
        weight = weight.detach().cpu().float().numpy()
        if weight.ndim == 2:
            arrays[name], arrays[f"{name}.scale"] = quantise(weight)
        else:
            arrays[name] = weight.astype(np.float32)
    meta = {
        "layers": config.num_hidden_layers, "heads": config.num_attention_heads, "epsilon": config.layer_norm_eps,
        "max_length": encoder.max_length, "vocabulary": sorted(vocabulary, key=vocabulary.get),
    }  # fmt: skip
    return meta, arrays
