"""What we save loads in the real libraries, and computes the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from course_lib.core.errors import DataError
from course_lib.language.encoder import TextEncoder
from course_lib.language.finetuning import (
    export_classifier,
    export_cross_encoder,
    export_encoder,
    load_cross_encoder,
    train_classifier,
    train_cross_encoder,
)

TEXTS = ["Red sandals, made to last", "kettle", "", "Black loudspeaker, with two years of warranty " * 5]
PAIRS = [("red shoes", text) for text in TEXTS]
FAST = dict(steps=5, progress=False, device="cpu", autocast=False)


@pytest.fixture(scope="module")
def encoder(pretrained):
    return pretrained.encoder(device="cpu", autocast=False)


def test_sentence_transformers_gives_the_same_vectors(encoder, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    export_encoder(encoder, tmp_path / "e")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "e"), device="cpu", local_files_only=True)
    assert theirs.max_seq_length == encoder.max_length
    assert theirs.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-5)
    ours = TextEncoder.load(tmp_path / "e", autocast=False, device="cpu")
    assert np.array_equal(ours.encode(TEXTS), encoder.encode(TEXTS)) and ours.name == encoder.name
    assert AutoModel.from_pretrained(tmp_path / "e").config.hidden_size == encoder.dimension


def test_a_classifier_becomes_a_dense_layer(encoder, catalogue, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    texts, labels = zip(*catalogue)
    made = train_classifier(encoder, texts, labels, **FAST)
    export_classifier(made, tmp_path / "c")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "c"), device="cpu", local_files_only=True)
    assert theirs.encode(TEXTS) == pytest.approx(made.logits(TEXTS), abs=1e-4)
    assert json.loads((tmp_path / "c" / "labels.json").read_text())["labels"] == made.labels


@pytest.fixture(scope="module")
def cross(encoder):
    return train_cross_encoder(encoder, PAIRS, [0, 1, 2, 1], ["exact", "substitute", "irrelevant"], **FAST)


def test_transformers_loads_a_cross_encoder(cross, tmp_path):
    export_cross_encoder(cross, tmp_path / "x")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "x", local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "x", local_files_only=True)
    queries, products = zip(*PAIRS)
    batch = tokenizer(list(queries), list(products), truncation="only_second", max_length=cross.max_length,
                      padding=True, return_tensors="pt")  # fmt: skip
    with torch.inference_mode():
        assert model(**batch).logits.numpy() == pytest.approx(cross.logits(PAIRS), abs=1e-5)
    assert [model.config.id2label[n] for n in range(3)] == cross.labels
    again = load_cross_encoder(tmp_path / "x", autocast=False, device="cpu")
    assert again.labels == cross.labels and again.logits(PAIRS) == pytest.approx(cross.logits(PAIRS), abs=1e-6)


def test_sentence_transformers_loads_a_cross_encoder(cross, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    export_cross_encoder(cross, tmp_path / "x")
    theirs = sentence_transformers.CrossEncoder(str(tmp_path / "x"), device="cpu", local_files_only=True)
    scores = theirs.predict(PAIRS, activation_fn=torch.nn.Identity())
    assert scores == pytest.approx(cross.logits(PAIRS), abs=1e-5)


def test_a_ranker_has_one_output(encoder, tmp_path):
    ranker = train_cross_encoder(encoder, PAIRS, [3, 0, 1, 0], task="rank", **FAST)
    export_cross_encoder(ranker, tmp_path / "r")
    assert load_cross_encoder(tmp_path / "r", autocast=False).logits(PAIRS).shape == (4, 1)


def test_broken_folders(cross, tmp_path):
    with pytest.raises(DataError, match="course_cross_encoder.json"):
        load_cross_encoder(tmp_path / "nothing")
    export_cross_encoder(cross, tmp_path / "x")
    (tmp_path / "x" / "course_cross_encoder.json").write_text("{}")
    with pytest.raises(DataError, match="not a saved cross-encoder"):
        load_cross_encoder(tmp_path / "x")
    (tmp_path / "x" / "model.safetensors").unlink()
    with pytest.raises(DataError, match="no such file"):
        load_cross_encoder(tmp_path / "x")
