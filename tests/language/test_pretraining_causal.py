"""The small GPT and the bigram: transformers' loss and warper as oracles, properties of sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import TopPLogitsWarper

from course_lib.core.errors import ContractError, DataError
from course_lib.language.encoder import pad
from course_lib.language.pretraining import (
    Bigram,
    CausalModel,
    causal_loss,
    cut,
    evaluate_causal,
    pretrain_causal,
    sample,
    small_gpt,
    top_p,
)


@pytest.fixture(scope="module")
def causal(catalogue, small, pretrained) -> CausalModel:
    shape = {**small, "steps": 200}
    return pretrain_causal([text for text, _ in catalogue], tokenizer=pretrained.tokenizer, **shape)


def test_loss_is_that_of_transformers(causal, catalogue):
    pieces = cut(causal.tokenizer, [text for text, _ in catalogue][:9] + ["red shoes"], 16)
    batch = pad(pieces, causal.tokenizer.pad_token_id)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    with torch.no_grad():
        theirs = causal.model(**batch, labels=labels).loss
        ours = causal_loss(causal.model(**batch).logits, batch["input_ids"], batch["attention_mask"])
    assert float(ours) == pytest.approx(float(theirs), abs=1e-6)


def test_no_token_sees_the_one_it_predicts():
    model, ids = small_gpt(50, layers=1, hidden=16, heads=2, max_length=8).eval(), torch.arange(5, 13)[None]
    other = ids.clone()
    other[0, 5:] = 40
    with torch.no_grad():
        assert torch.allclose(model(ids).logits[0, :5], model(other).logits[0, :5], atol=1e-5)


def test_it_learns_more_than_counting_pairs(causal):
    e = causal.evaluation
    assert e["cross_entropy"] < e["bigram_cross_entropy"] - 0.1
    assert e["perplexity"] == pytest.approx(math.exp(e["cross_entropy"])) and e["n_tokens"] > e["n_texts"]


def test_a_blank_model_is_a_uniform_guess(causal, catalogue):
    pieces = cut(causal.tokenizer, [text for text, _ in catalogue], 16)
    blank = CausalModel(small_gpt(300, layers=1, hidden=16, heads=2), causal.tokenizer, 16, causal.history)
    with torch.no_grad():
        for p in blank.model.parameters():
            p.zero_()
    assert evaluate_causal(blank, pieces, pieces)["perplexity"] == pytest.approx(300, rel=1e-3)


def test_top_p_is_the_warper_of_transformers():
    logits = torch.randn((40, 60), generator=torch.Generator().manual_seed(0)) * 3
    for p in (0.1, 0.5, 0.9, 0.999):
        assert torch.equal(top_p(logits, p), TopPLogitsWarper(p)(None, logits))
    assert torch.equal(top_p(logits, 1.0).isfinite().sum(-1), torch.full((40,), 60))
    assert torch.equal(top_p(logits, 1e-9).argmax(-1), logits.argmax(-1))


def test_samples_begin_with_the_prompt_and_follow_from_the_seed(causal):
    texts = sample(causal, "red", n=5, seed=3)
    assert len(texts) == 5 and all(text.startswith("red") for text in texts)
    assert texts == sample(causal, "red", n=5, seed=3) != sample(causal, "red", n=5, seed=4)
    assert len(set(sample(causal, "blue", n=4, temperature=0))) == 1
    assert all("[" not in text for text in sample(causal, n=6, temperature=3.0, p=1.0))


def test_sampling_leaves_the_callers_random_state(causal):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    sample(causal, n=1)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("settings", [dict(n=0), dict(temperature=-1), dict(p=0), dict(p=1.1), dict(max_tokens=0)])
def test_sample_refuses_settings_out_of_range(causal, settings):
    with pytest.raises(ContractError, match="sample needs"):
        sample(causal, **settings)


def test_a_prompt_that_fills_the_model_is_refused(causal):
    with pytest.raises(ContractError, match="tokens; the model takes 16"):
        sample(causal, "red " * 30)


def test_saved_model_gives_identical_logits(causal, tmp_path):
    causal.save(tmp_path / "m")
    again = CausalModel.load(tmp_path / "m")
    ids = torch.arange(5, 15)[None]
    with torch.no_grad():
        assert torch.equal(again.model(ids).logits, causal.model(ids).logits)
    assert again.history == causal.history and again.evaluation == causal.evaluation
    (tmp_path / "m" / "course_causal.json").write_text("{}")
    with pytest.raises(DataError, match="not a record"):
        CausalModel.load(tmp_path / "m")


@pytest.mark.parametrize("texts, settings, message", [
    ("one string", {}, "one string"), ([], {}, "two distinct"), (["ab cd", "ab ef"], dict(heads=3), "heads"),
    (["ab cd", "ab ef"], dict(max_length=2), "max_length"),
])  # fmt: skip
def test_bad_input(texts, settings, message):
    with pytest.raises(ContractError, match=message):
        pretrain_causal(texts, **{**dict(steps=1, layers=1, hidden=16, heads=2, progress=False), **settings})


# -- the bigram -------------------------------------------------------------------------------------------------------


def test_bigram_probabilities_add_up_and_agree_with_counting_by_hand():
    model = Bigram(4, mu=2.0).fit([[0, 1, 2], [0, 1, 1]])
    assert all(model.probabilities(token).sum() == pytest.approx(1) for token in range(4))
    # 1 stood after 0 twice of two; after all tokens 1, 2, 1, 1 and one added to each: 4 / 8
    assert model.probabilities(0)[1] == pytest.approx((2 + 2 * 4 / 8) / (2 + 2))
    assert model.cross_entropy([[0, 1]]) == pytest.approx(-math.log(0.75))
    assert model.probabilities(3) == pytest.approx(np.array([1, 4, 2, 1]) / 8)  # never seen: the frequencies


def test_bigram_finds_a_chain_that_is_one():
    chain = [[i % 10 for i in range(start, start + 50)] for start in range(10)]
    assert Bigram(10, mu=0.1).fit(chain).cross_entropy(chain) < 0.02


@pytest.mark.parametrize("pieces", [[], [[1]]])
def test_bigram_needs_a_pair(pieces):
    with pytest.raises(ContractError, match="no pair"):
        Bigram(5).fit(pieces)
    with pytest.raises(ContractError, match="size"):
        Bigram(0)
