from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.encoder import TextEncoder, mean_pool, pad, save_transformer


@pytest.fixture
def encoder(pretrained) -> TextEncoder:
    return pretrained.encoder(autocast=False, device="cpu")


def test_mean_pool_is_the_mean_over_the_tokens_that_count():
    hidden = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    pooled = mean_pool(hidden, mask)
    assert torch.allclose(pooled[0], hidden[0].mean(0)) and torch.allclose(pooled[1], hidden[1, :2].mean(0))
    assert torch.equal(pooled[2], torch.zeros(4))
    assert mean_pool(hidden.bfloat16(), mask).dtype == torch.float32


def test_pad_fills_to_the_longest():
    batch = pad([[1, 2, 3], [4]], pad_id=9)
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_unit_float32_rows_in_the_order_given_whatever_the_batches(encoder, catalogue):
    texts = [t for t, _ in catalogue][:20] + ["", "red", "blue sandals " * 30]
    vectors = encoder.encode(texts, batch_size=4)
    assert vectors.shape == (23, encoder.dimension) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    one_by_one = np.concatenate([encoder.encode([t]) for t in texts])
    np.testing.assert_allclose(vectors, one_by_one, atol=1e-5)
    raw = encoder.encode(texts, normalize=False)
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), vectors, atol=1e-5)


def test_bf16_is_close_to_fp32(encoder, pretrained, catalogue, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    fast, texts = pretrained.encoder(device="cpu"), [t for t, _ in catalogue]
    assert fast.precision == "bf16" and encoder.precision == "fp32"
    a, b = fast.encode(texts), encoder.encode(texts)
    assert a.dtype == np.float32 and (a * b).sum(1).min() > 0.999 and not np.array_equal(a, b)


def test_empty_list_and_progress(encoder, capsys):
    assert encoder.encode([]).shape == (0, encoder.dimension) and encoder.encode([]).dtype == np.float32
    encoder.encode(["a"], progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "encode" in err


@pytest.mark.parametrize(
    "texts, size, message",
    [("red", 4, "one string"), (["a", None], 4, "text 1 is NoneType"), ([b"a"], 4, "text 0"), (["a"], 0, "batch_size")],
)
def test_bad_input(encoder, texts, size, message):
    with pytest.raises(ContractError, match=message):
        encoder.encode(texts, batch_size=size)


def test_max_length_must_fit_the_model(encoder):
    for bad in (2, 17):
        with pytest.raises(ContractError, match="3 to 16 tokens"):
            TextEncoder(encoder.model, encoder.tokenizer, max_length=bad)


def test_copy_shares_no_weights(encoder):
    twin, before = encoder.copy(), encoder.encode(["red shoes"])
    with torch.no_grad():
        for p in twin.model.parameters():
            p.add_(1.0)
    assert np.array_equal(encoder.encode(["red shoes"]), before)


def test_saved_encoder_gives_the_same_vectors_and_transformers_reads_it(encoder, catalogue, tmp_path, capfd):
    texts = [t for t, _ in catalogue][:10]
    encoder.save(tmp_path / "e")
    again = TextEncoder.load(tmp_path / "e", autocast=False, device="cpu")
    assert capfd.readouterr() == ("", "")  # no bars, no warnings
    assert (again.name, again.max_length) == (encoder.name, encoder.max_length)
    np.testing.assert_array_equal(again.encode(texts), encoder.encode(texts))
    plain = AutoModel.from_pretrained(tmp_path / "e", local_files_only=True).eval()
    batch = encoder.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=16)
    with torch.no_grad():
        hidden = plain(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    pooled = torch.nn.functional.normalize(mean_pool(hidden, batch["attention_mask"]), dim=-1).numpy()
    np.testing.assert_allclose(pooled, encoder.encode(texts), atol=1e-5)
    encoder.save(tmp_path / "e")  # over an older one
    assert [p.name for p in tmp_path.iterdir()] == ["e"]
    assert not list((tmp_path / "e").glob("*.bin"))


def _without(file):
    return lambda folder: (folder / file).unlink()


def _truncate(folder):
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:100])


def _drop_weight(folder):
    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.layer.0.output.dense.weight")
    save_file(weights, folder / "model.safetensors")


def _other_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 7}))


def _other_pooling(folder):
    settings = json.loads((folder / "course_encoder.json").read_text())
    (folder / "course_encoder.json").write_text(json.dumps({**settings, "pooling": "cls"}))


def _no_json(folder):
    (folder / "config.json").write_text("{")


def _unknown_setting(folder):
    (folder / "course_encoder.json").write_text('{"colour": 1}')


@pytest.mark.parametrize(
    "damage, message",
    [
        (_without("model.safetensors"), "model.safetensors: no such file"),
        (_without("tokenizer.json"), "tokenizer.json: no such file"),
        (_without("config.json"), "config.json: no such file"),
        (_truncate, "can't read the model"),
        (_no_json, "can't read the model"),
        (_drop_weight, "1 weights are missing.*layer.0.output.dense.weight"),
        (_other_shape, "do not fit config.json"),
        (_other_pooling, "only mean pooling"),
        (_unknown_setting, "unknown setting"),
    ],
)
def test_a_damaged_folder_is_refused(encoder, tmp_path, damage, message):
    encoder.save(tmp_path / "e")
    damage(tmp_path / "e")
    with pytest.raises(DataError, match=message):
        TextEncoder.load(tmp_path / "e")


def test_a_failed_save_leaves_the_old_folder(encoder, tmp_path, monkeypatch):
    encoder.save(tmp_path / "e")

    def full(folder):
        raise OSError("disk full")

    monkeypatch.setattr(encoder.tokenizer, "save_pretrained", full)
    with pytest.raises(CourseError, match="disk full"):
        encoder.save(tmp_path / "e")
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["e"]
    assert TextEncoder.load(tmp_path / "e").encode(["red"]).shape == (1, encoder.dimension)


def test_save_transformer_needs_a_folder_it_can_write(encoder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError):
        encoder.save(tmp_path / "file" / "e")
    assert save_transformer(tmp_path / "new", encoder.model, encoder.tokenizer) is None
