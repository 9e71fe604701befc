"""Continued pretraining: a copy is trained, the head is tied, the steps can be repeated; and what a run costs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, pad
from course_lib.language.pretraining import (
    adapt,
    compute_optimal_tokens,
    continue_pretraining,
    count_parameters,
    cut,
    masked_model,
    measured_flops,
    small_gpt,
    step_random,
    training_flops,
)
from course_lib.language.pretraining.causal import causal_loss
from course_lib.language.pretraining.pretrain import hidden_batches, masked_loss

QUICK = dict(batch_size=8, progress=False)


@pytest.fixture
def texts(catalogue) -> list[str]:
    return [text for text, _ in catalogue]


def test_the_encoder_given_stays_and_the_new_one_has_learned(pretrained, texts):
    encoder = pretrained.encoder("shop")
    before = encoder.encode(texts[:20])
    new, history = continue_pretraining(encoder, texts, steps=30, learning_rate=1e-3, **QUICK)
    assert np.array_equal(encoder.encode(texts[:20]), before)
    assert isinstance(new, TextEncoder) and len(history.loss) == 30 and new.max_length == encoder.max_length
    assert np.abs(new.encode(texts[:20]) - before).max() > 0.01
    assert sum(history.loss[-5:]) < sum(history.loss[:5])


def test_the_head_is_tied_to_the_words_and_the_transformer_is_a_copy(pretrained, texts):
    encoder = pretrained.encoder()
    model = masked_model(encoder, seed=0)
    words = model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.weight is words
    assert words is not encoder.model.embeddings.word_embeddings.weight
    batch = pad(cut(encoder.tokenizer, texts[:5], 16), encoder.tokenizer.pad_token_id)
    with torch.no_grad():
        assert torch.equal(model.bert(**batch).last_hidden_state, encoder.model(**batch).last_hidden_state)


def test_training_the_head_alone_leaves_every_vector_as_it_was(pretrained, texts):
    encoder = pretrained.encoder()
    found = adapt(encoder, texts, steps=20, train="head", learning_rate=1e-2, **QUICK)
    assert np.array_equal(found.encoder().encode(texts[:9]), encoder.encode(texts[:9]))
    assert found.evaluation["cross_entropy"] < found.evaluation["before_cross_entropy"]
    assert all(p.requires_grad for p in found.model.parameters())


def test_the_same_seed_repeats_and_head_steps_come_first(pretrained, texts):
    encoder, settings = pretrained.encoder(), dict(steps=6, head_steps=10, head_learning_rate=1e-2, **QUICK)
    one, two = (adapt(encoder, texts, seed=4, **settings) for _ in range(2))
    other = adapt(encoder, texts, seed=5, **settings)
    assert one.history.loss == two.history.loss != other.history.loss and one.evaluation == two.evaluation
    cold = adapt(encoder, texts, seed=4, **{**settings, "head_steps": 0})
    assert one.evaluation["before_cross_entropy"] < cold.evaluation["before_cross_entropy"]


def test_a_step_can_be_drawn_again_without_the_steps_before_it(pretrained, texts):
    """What a resumed run needs: the batch and loss of step 7 are the same, whatever was computed before."""
    pieces = cut(pretrained.tokenizer, texts, 16)
    groups = [pieces[i : i + 8] for i in range(0, 80, 8)]

    def batches():
        return hidden_batches(groups, pretrained.tokenizer, lambda step: step_random(3, step), 0.15, None)

    all_ = list(batches())
    alone = next(itertools.islice(batches(), 7, None))
    assert all(torch.equal(a, b) for a, b in zip(all_[7], alone))
    with torch.no_grad():
        assert float(masked_loss(pretrained.model, alone)) == float(masked_loss(pretrained.model, all_[7]))


def test_an_encoder_that_is_no_bert_is_refused(pretrained):
    gpt = GPT2Model(GPT2Config(vocab_size=300, n_positions=16, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(ContractError, match="GPT2Model"):
        masked_model(TextEncoder(gpt, pretrained.tokenizer, max_length=16))


@pytest.mark.parametrize("settings, message", [
    (dict(train="some"), "'all' or 'head'"), (dict(mask_share=1.0), "mask_share"), (dict(steps=0), "steps"),
    (dict(head_steps=-1), "head_steps"), (dict(texts=["a a"]), "two distinct"), (dict(texts="red"), "one string"),
])  # fmt: skip
def test_bad_input(pretrained, settings, message):
    arguments = {"texts": ["red shoes", "blue shoes"], "steps": 1, **QUICK, **settings}
    with pytest.raises(ContractError, match=message):
        adapt(pretrained.encoder(), arguments.pop("texts"), **arguments)


# -- what a run costs -------------------------------------------------------------------------------------------------


def test_parameters_are_counted_once():
    model = small_gpt(500, layers=2, hidden=32, heads=2, max_length=16)
    found = count_parameters(model)
    assert found["embedding"] == 500 * 32 + 16 * 32  # the output projection is the word embedding
    assert found["total"] == sum(p.numel() for p in model.parameters()) == found["embedding"] + found["matrices"]


def test_the_rule_of_thumb_agrees_with_what_torch_counts():
    model = small_gpt(500, layers=3, hidden=128, heads=4, max_length=32)
    ids = torch.randint(0, 500, (8, 32), generator=torch.Generator().manual_seed(0))
    counted = measured_flops(lambda: causal_loss(model(ids).logits, ids, torch.ones_like(ids)).backward())
    rule = training_flops(count_parameters(model)["matrices"], ids.numel(), output=500 * 128)
    assert counted == pytest.approx(rule, rel=0.1)


def test_hidden_tokens_alone_are_projected():
    assert training_flops(100, 10, output=50) == 6 * (1000 + 500)
    assert training_flops(100, 10, output=50, predicted=2) == 6 * (1000 + 100)
    assert compute_optimal_tokens(70) == 1400
    for call in (lambda: training_flops(-1, 1), lambda: compute_optimal_tokens(-1)):
        with pytest.raises(ContractError, match="negative"):
            call()
