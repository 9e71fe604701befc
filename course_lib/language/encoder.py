"""``TextEncoder``: texts in, unit vectors out. A tokenizer, a transformer, and the mean over its tokens.

Mean pooling over the tokens that are not padding: Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084, §3.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.training import autocast_to, device_of, pick_device, pick_precision

SETTINGS = "course_encoder.json"


class TextEncoder:
    """A tokenizer, a transformer encoder and mean pooling.

    Args:
        model: any ``transformers`` encoder whose output has ``last_hidden_state``.
        max_length: longer texts are cut after this many tokens, ``[CLS]`` and ``[SEP]`` included.
        name: what the model is. source: where its weights came from.
        autocast: compute in bf16 where the machine has it; the vectors come out as float32 all the same.

    Attributes:
        precision, note: ``"bf16"`` or ``"fp32"``, and why it is not what was asked for (``""`` where it is).
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int = 64,
        name: str = "encoder",
        source: str = "",
        autocast: bool = True,
        device: str = "auto",
    ):
        room = getattr(model.config, "max_position_embeddings", max_length)
        if not 3 <= max_length <= room:
            raise ContractError(f"max_length is {max_length}; this model takes 3 to {room} tokens")
        self.device = pick_device(device)
        self.precision, self.note = pick_precision(self.device, autocast)
        self.model = model.to(self.device).eval()
        self.tokenizer, self.max_length, self.name, self.source = tokenizer, max_length, name, source

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self.model.config.hidden_size

    def encode(
        self, texts: Sequence[str], batch_size: int = 64, *, normalize: bool = True, progress: bool = False
    ) -> np.ndarray:
        """Vectors of texts: float32 [n, d], of length 1 unless ``normalize`` is off; no text gives [0, d].

        Texts of similar length are computed together, so that little is padded; rows come back in the order given.
        An empty text is allowed: its vector is that of ``[CLS] [SEP]``.

        Raises:
            ContractError: a single string, an entry that is not a string, a batch size below 1.
        """
        check_texts(texts)
        if batch_size < 1:
            raise ContractError(f"batch_size is {batch_size}; it must be at least 1")
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        tokens = tokenize(self.tokenizer, texts, self.max_length)
        longest_first = np.argsort([-len(t) for t in tokens], kind="stable")  # so that memory runs out early or never
        bar = tqdm(total=len(texts), desc=f"encode ({self.name})", unit="text", file=sys.stderr, disable=not progress)
        with bar, torch.inference_mode(), autocast_to(self.device, self.precision):
            for start in range(0, len(texts), batch_size):
                rows = longest_first[start : start + batch_size]
                batch = pad([tokens[row] for row in rows], self.tokenizer.pad_token_id)
                pooled = embed(self.model, batch)
                vectors[rows] = (nn.functional.normalize(pooled, dim=-1) if normalize else pooled).cpu().numpy()
                bar.update(len(rows))
        return vectors

    def copy(self) -> TextEncoder:
        """An independent copy: training it leaves this encoder as it is."""
        twin = copy.copy(self)
        twin.model = copy.deepcopy(self.model)
        return twin

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights (safetensors), configuration and tokenizer; the folder appears whole or not at all.

        ``transformers.AutoModel.from_pretrained(folder)`` reads it too.
        """
        with atomic_folder(folder) as temporary:
            save_transformer(temporary, self.model, self.tokenizer)
            settings = {"name": self.name, "source": self.source, "pooling": "mean", "max_length": self.max_length}
            write_json(temporary / SETTINGS, settings)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], *, autocast: bool = True, device: str = "auto", **settings: Any
    ) -> TextEncoder:
        """Read what ``save`` wrote, or any folder with ``config.json``, ``model.safetensors`` and a tokenizer.

        Args:
            settings: ``name``, ``source`` or ``max_length`` in place of the folder's own; a folder that ``save`` did
                not write needs at least ``max_length``, else 64 is used.

        Raises:
            DataError: a file is missing, broken, or lacks weights.
        """
        folder = Path(folder)
        saved = read_json(folder / SETTINGS) if (folder / SETTINGS).is_file() else {}
        unknown = set(saved) - {"name", "source", "pooling", "max_length"}
        if unknown:
            raise DataError(f"unknown setting(s) {', '.join(sorted(unknown))}", where=str(folder / SETTINGS))
        if saved.pop("pooling", "mean") != "mean":
            raise DataError("only mean pooling is known", where=str(folder / SETTINGS))
        saved = {"name": folder.name, "source": str(folder), **saved, **settings}
        model, tokenizer = load_transformer(folder, AutoModel)
        return cls(model, tokenizer, autocast=autocast, device=device, **saved)


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the hidden states [b, l, d] over the tokens where ``mask`` [b, l] is 1: float32 [b, d]."""
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def embed(model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
    """Pooled vectors of a padded batch, not normalised, with gradient: float32 [b, d]."""
    batch = {key: value.to(device_of(model)) for key, value in batch.items()}
    return mean_pool(model(**batch).last_hidden_state, batch["attention_mask"])


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, special tokens included, cut to ``max_length``."""
    if not len(texts):
        return []
    return tokenizer(list(texts), truncation=True, max_length=max_length, return_attention_mask=False)["input_ids"]


def pad(tokens: Sequence[Sequence[int]], pad_id: int) -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask``, int64 [b, longest]: shorter rows are filled up with ``pad_id``."""
    ids = torch.full((len(tokens), max(map(len, tokens))), pad_id, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(tokens):
        ids[row, : len(sequence)] = torch.as_tensor(sequence)
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def save_transformer(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write ``config.json``, ``model.safetensors`` and the tokenizer's files, as ``transformers`` reads them.

    Weights are written directly, since ``save_pretrained`` draws a progress bar of its own for a single file. A
    matrix that is tied to another one is left out, and tied again when the model is read.
    """
    tied = getattr(model, "_tied_weights_keys", None) or ()
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items() if key not in tied}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except (OSError, SafetensorError) as error:
        raise CourseError(f"can't write the model ({error})", where=str(folder)) from error


def load_transformer(folder: Path, kind: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of a local folder; ``kind`` is a ``transformers`` class with ``from_pretrained``.

    ``from_pretrained`` would fill weights that a file lacks with random numbers, so the weights are loaded here and
    compared. The pooler, which mean pooling never reads, is left out.

    Raises:
        DataError: a file is missing or broken, or weights are missing or of another shape.
    """
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / file).is_file():
            raise DataError("no such file", where=str(folder / file), remedy="Name the folder of a saved model")
    try:
        weights = load_file(folder / "model.safetensors")
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        remedy = "Save or fetch it again"
        raise DataError(f"can't read the model ({error})", where=str(folder), remedy=remedy) from error
    if hasattr(model, "pooler"):
        model.pooler = None
    try:
        missing = model.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError as error:
        remedy = "The folder mixes two models"
        raise DataError(f"weights do not fit config.json ({error})", where=str(folder), remedy=remedy) from error
    missing = [key for key in missing if key not in (getattr(model, "_tied_weights_keys", None) or ())]
    if missing:
        raise DataError(f"{len(missing)} weights are missing, the first is {missing[0]}", where=str(folder))
    model.tie_weights()
    return model.eval(), tokenizer


def check_texts(texts: Sequence[str]) -> None:
    """Raises ContractError unless ``texts`` is a sequence of strings (one string alone would be read as letters)."""
    if isinstance(texts, (str, bytes)):
        raise ContractError("one string where a list of texts is needed", remedy="Pass [text]")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ContractError(f"text {row} is {type(text).__name__}, not a string")
