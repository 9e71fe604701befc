"""``course bench case``: its JSON, its growth, its flags. Times are for the benchmark to measure, not for a test."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest

from course_lib import cli
from course_lib.bench import case_growth, case_run
from course_lib.bench.case_rivals import loop, words
from course_lib.core.ranking import top_k


@pytest.fixture
def tiny_encoder(monkeypatch):
    """A transformer that takes no time, in place of one that takes minutes."""
    import torch
    from transformers import BertConfig, BertModel

    from course_lib.language.encoder import TextEncoder
    from course_lib.language.tokenization import train_tokenizer

    tokenizer = train_tokenizer(["red running shoes by the sea", "a mug made of ceramic, size large"] * 20, 80, max_length=16)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16, max_position_embeddings=16)  # fmt: skip
    encoder = TextEncoder(BertModel(config, add_pooling_layer=False), tokenizer, max_length=16, autocast=False, device="cpu")
    monkeypatch.setattr(case_run, "open_encoder", lambda name: (encoder, None if name == "minilm" else 1.5))
    monkeypatch.setattr(case_growth, "SIZES", (200, 1_000, 1_500))


def bench(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["bench", "case", *arguments])
    return code, out.getvalue(), err.getvalue()


def test_the_keys_that_are_promised(tiny_encoder, tmp_path):
    flags = ("--items", "1000", "--queries", "8", "--k", "10", "--encoder", "small", "--growth", "--seed", "3")
    code, out, err = bench(*flags, "--json", "--save", str(tmp_path / "case.json"))
    assert code == 0, err
    result = json.loads(out)
    assert {"seconds", "ratios", "recall_vs_exact", "peak_rss_mb", "items", "results"} <= set(result)
    assert {"exact_vs_faiss_flat", "approximate_vs_faiss_flat", "fusion_vs_slower_part"} <= set(result["ratios"])
    assert result["items"] == 1000 and result["results"] == 80 and 0.9 < result["recall_vs_exact"] <= 1
    assert all(value > 0 for value in (*result["seconds"].values(), *result["ratios"].values()))
    parts = ("encode", "index_words", "index_vectors", "encode_queries", "answer")
    assert sum(result["seconds"][name] for name in parts) == pytest.approx(result["seconds"]["total"], abs=0.01)
    assert list(result["growth"]["sizes"]) == ["200", "1000", "1500"] and set(result["growth"]["exponents"]) >= {"exact"}
    saved = json.loads((tmp_path / "case.json").read_text())
    assert saved["command"] == "course bench case " + " ".join(flags) and saved["result"] == result


def test_as_a_table(tiny_encoder):
    code, out, _ = bench("--items", "1000", "--queries", "5", "--k", "3")
    assert code == 0 and "faiss hnsw" in out and "peak memory" in out and "growth" not in out


@pytest.mark.parametrize("flags", [["--items", "10"], ["--queries", "0"], ["--k", "0"], ["--seed", "-1"], ["--items", "x"],
                                   ["--encoder", "gpt"], ["--k", "5000"]])  # fmt: skip
def test_flags_out_of_range(flags):
    code, out, err = bench(*flags)
    assert code == 2 and not out and err.count("\n") == 1 and flags[0] in err


def test_rivals_do_what_they_are_said_to():
    rng = np.random.default_rng(0)
    vectors, asked = rng.normal(size=(50, 8)).astype(np.float32), rng.normal(size=(3, 8)).astype(np.float32)
    ids, scores = top_k(asked, vectors, 5)
    assert [found.tolist() for found in loop(vectors, asked, 5)] == ids.tolist()
    for index in (case_run.rivals.flat(vectors), case_run.rivals.hnsw(vectors)):
        assert np.array_equal(index.search(asked, 5)[1], ids)
    documents, _ = words(["red shoes", "blue kettle", "red kettle"])(["kettle"], 2)
    assert set(documents[0].tolist()) == {1, 2}


def test_varied_products_are_near_their_own_and_as_many_as_asked():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"product number {i} of the catalogue" for i in range(40)]
    more, out = case_growth.varied(texts, vectors, 100)
    assert len(more) == len(out) == 100 and more[:40] == texts and np.array_equal(out[:40], vectors)
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1, atol=1e-5)
    nearest = (out[40:] @ vectors.T).max(axis=1)
    assert 0.9 < nearest.mean() < 0.97  # cos = 1 / √(1 + noise²) on average
    part, rows = case_growth.varied(texts, vectors, 10)
    assert len(set(part)) == len(rows) == 10
