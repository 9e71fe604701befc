"""Saving for others: folders that ``sentence-transformers`` and ``transformers`` load, with the same results.

Who takes a model over should not need this course's code. Weights are safetensors; nothing is pickled.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path

from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.encoder import SETTINGS, TextEncoder, load_transformer, save_transformer
from course_lib.language.finetuning.classifier import CategoryClassifier
from course_lib.language.finetuning.cross_encoder import CrossEncoder, PairModel
from course_lib.language.training import pick_device

RECORD = "course_cross_encoder.json"


def export_encoder(encoder: TextEncoder, folder: str | os.PathLike[str]) -> None:
    """Write an encoder as ``sentence_transformers.SentenceTransformer(folder)`` loads it: unit vectors, mean pooling.

    ``TextEncoder.load(folder)`` and ``transformers.AutoModel.from_pretrained(folder)`` read the folder too.
    """
    with atomic_folder(folder) as temporary:
        _write_encoder(encoder, temporary, [("Normalize", "2_Normalize")])


def export_classifier(classifier: CategoryClassifier, folder: str | os.PathLike[str]) -> None:
    """Write a classifier as a ``SentenceTransformer`` whose “vectors” are the head's logits, [n, n_labels].

    Its head reads the mean over the tokens, which BERT's own sequence classifier in ``transformers`` can't; so the
    linear layer is written as a module of its own. ``labels.json`` names the columns.
    """
    with atomic_folder(folder) as temporary:
        _write_encoder(classifier.encoder, temporary, [("Dense", "2_Dense")])
        head = classifier.head
        settings = {"in_features": head.in_features, "out_features": head.out_features, "bias": True}
        settings["activation_function"] = "torch.nn.modules.linear.Identity"
        write_json(temporary / "2_Dense" / "config.json", settings)
        weights = {f"linear.{name}": value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
        save_file(weights, temporary / "2_Dense" / "model.safetensors")
        write_json(temporary / "labels.json", {"labels": classifier.labels, "majority": classifier.majority})


def export_cross_encoder(cross: CrossEncoder, folder: str | os.PathLike[str]) -> None:
    """Write a cross-encoder as ``transformers.AutoModelForSequenceClassification.from_pretrained(folder)`` loads it.

    The labels stand in ``config.json``; ``load_cross_encoder`` reads the folder too.

    Raises:
        ContractError: a body that is not a BERT.
    """
    body = cross.model.body
    if body.config.model_type != "bert":
        raise ContractError(f"the body is a {body.config.model_type}; only BERT's layout is known here")
    config = copy.deepcopy(body.config)
    config.id2label = dict(enumerate(cross.labels))
    config.label2id = {label: number for number, label in enumerate(cross.labels)}
    twin = BertForSequenceClassification(config)
    weights = {f"bert.{key}": value for key, value in body.state_dict().items() if not key.startswith("pooler.")}
    for ours, theirs in (("dense", "bert.pooler.dense"), ("out", "classifier")):
        weights |= {f"{theirs}.{key}": value for key, value in getattr(cross.model, ours).state_dict().items()}
    twin.load_state_dict(weights)
    with atomic_folder(folder) as temporary:
        save_transformer(temporary, twin, cross.tokenizer)
        # Without this a tokenizer of our own would not say which text a token belongs to, and the scores would differ.
        settings = read_json(temporary / "tokenizer_config.json")
        settings["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
        write_json(temporary / "tokenizer_config.json", settings)
        write_json(temporary / RECORD, {"max_length": cross.max_length, "name": cross.name})


def load_cross_encoder(
    folder: str | os.PathLike[str], *, autocast: bool = True, device: str = "auto"
) -> CrossEncoder:
    """Read what ``export_cross_encoder`` wrote.

    Raises:
        DataError: a file is missing, broken, or of another kind of model.
    """
    folder = Path(folder)
    record = read_json(folder / RECORD)
    twin, tokenizer = load_transformer(folder, AutoModelForSequenceClassification)
    try:
        labels = [twin.config.id2label[number] for number in range(len(twin.config.id2label))]
        model = PairModel(twin.bert, len(labels))
        model.dense.load_state_dict(twin.bert.pooler.dense.state_dict())
        model.out.load_state_dict(twin.classifier.state_dict())
        cross = CrossEncoder(model, tokenizer, labels, int(record["max_length"]), record["name"], autocast)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        remedy = "Export it again"
        raise DataError(f"not a saved cross-encoder ({error})", where=str(folder), remedy=remedy) from error
    twin.bert.pooler = None
    model.to(pick_device(device)).eval()
    return cross


def _write_encoder(encoder: TextEncoder, folder: Path, further: list[tuple[str, str]]) -> None:
    """Transformer and tokenizer on top, the pooling in a folder of its own, and the list of modules that follow."""
    save_transformer(folder, encoder.model, encoder.tokenizer)
    own = {"name": encoder.name, "source": encoder.source, "pooling": "mean", "max_length": encoder.max_length}
    write_json(folder / SETTINGS, own)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": encoder.max_length, "do_lower_case": False})
    pooling = {"word_embedding_dimension": encoder.dimension, "pooling_mode_mean_tokens": True}
    pooling |= {"pooling_mode_cls_token": False, "pooling_mode_max_tokens": False}
    for name in ("1_Pooling", *(path for _, path in further)):
        (folder / name).mkdir()
    write_json(folder / "1_Pooling" / "config.json", pooling)
    parts = [("Transformer", ""), ("Pooling", "1_Pooling"), *further]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(parts)
    ]
    write_json(folder / "modules.json", modules)
