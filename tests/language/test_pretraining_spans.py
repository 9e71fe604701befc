"""Span corruption: the paper's example, exact reconstruction, and transformers' T5 as the oracle of the loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.encoder import pad
from course_lib.language.pretraining import (
    add_sentinels,
    corrupt,
    pretrain_spans,
    restore,
    small_t5,
    span_loss,
    span_mask,
)

SENTINELS = list(range(1000, 1040))


def test_the_example_of_the_paper():
    """Raffel et al. 2020, figure 2: "Thank you for inviting me to your party last week ."."""
    words = "Thank you for inviting me to your party last week".split()
    hidden = [w in ("for", "inviting", "last") for w in words]
    source, target = corrupt(words, hidden, ["<X>", "<Y>", "<Z>"])
    assert " ".join(source) == "Thank you <X> me to your party <Y> week"
    assert " ".join(target) == "<X> for inviting <Y> last <Z>"


@pytest.mark.parametrize("seed", range(40))
def test_the_text_comes_back_exactly(seed):
    random = generator(seed, "text")
    n = int(random.integers(1, 60))
    ids, share = random.integers(0, 50, n).tolist(), float(random.uniform(0.05, 0.95))
    for hidden in (span_mask(n, random, share, 3.0), random.random(n) < share):
        source, target = corrupt(ids, hidden, SENTINELS)
        assert restore(source, target, SENTINELS) == ids
        assert [t for t in source if t < 1000] == [i for i, gone in zip(ids, hidden) if not gone]
        assert [t for t in target if t >= 1000] == SENTINELS[: len([t for t in source if t >= 1000]) + 1]


def test_spans_have_the_share_and_length_that_were_asked_for():
    random = generator(0, "spans")
    marks = [span_mask(100, random) for _ in range(800)]
    assert all(m.sum() == 15 and (np.diff(np.append(0, m)) == 1).sum() == 5 for m in marks)
    share = np.mean(marks, axis=0)
    assert np.abs(share[10:90] - 0.15).max() < 0.06  # every place alike
    # a span that covers the first token must begin there: 5 spans, 86 places to begin
    assert share[[0, -1]] == pytest.approx(5 / 86, abs=0.03)


def test_a_title_loses_any_of_its_tokens_not_always_the_last():
    random = generator(1, "spans")
    share = np.mean([span_mask(8, random, 0.3) for _ in range(2_000)], axis=0)
    assert share.sum() == pytest.approx(2) and 0.1 < share.min() and share.max() < 0.32


def test_short_texts_lose_one_token():
    random = generator(0, "short")
    assert span_mask(1, random).tolist() == [True]
    assert all(span_mask(n, random).sum() == 1 for n in range(2, 9))
    assert all(0 < span_mask(n, random, 0.9).sum() < n for n in range(2, 30))


@pytest.mark.parametrize("settings", [(0,), (5, 0.0), (5, 1.0), (5, 0.15, 0.5)])
def test_span_mask_refuses_settings_out_of_range(settings):
    n, *rest = settings
    with pytest.raises(ContractError, match="span_mask needs"):
        span_mask(n, generator(0), *rest)


def test_corrupt_refuses_what_does_not_fit():
    with pytest.raises(ContractError, match="1 marks for 2 tokens"):
        corrupt([1, 2], [True], SENTINELS)
    with pytest.raises(ContractError, match="too few"):
        corrupt([1, 2, 3], [True, False, True], SENTINELS[:2])
    assert corrupt([], [], SENTINELS) == ([], [1000])


def test_restore_takes_whatever_a_model_writes():
    source = [5, 1000, 6, 1001]
    assert restore(source, [], SENTINELS) == [5, 6]
    assert restore(source, [7, 1001, 8, 1030, 9], SENTINELS) == [5, 6, 8]


def test_sentinels_are_added_to_a_copy(pretrained):
    before = len(pretrained.tokenizer)
    twin, ids = add_sentinels(pretrained.tokenizer, 5)
    assert len(pretrained.tokenizer) == before and len(twin) == before + 5 and ids == list(range(before, before + 5))
    assert twin("red <extra_id_1> shoes", add_special_tokens=False)["input_ids"].count(ids[1]) == 1
    assert twin.pad_token_id == pretrained.tokenizer.pad_token_id and set(ids) <= set(twin.all_special_ids)
    with pytest.raises(ContractError, match="at least 1"):
        add_sentinels(pretrained.tokenizer, 0)


def test_loss_is_that_of_transformers():
    model = small_t5(60, 0, 3, layers=1, hidden=16, heads=2).eval()
    source, target = pad([[5, 6, 7], [8, 9]], 0), pad([[50, 7, 51], [50, 8, 9, 10, 51]], 0)
    labels = target["input_ids"].masked_fill(target["attention_mask"] == 0, -100)
    with torch.no_grad():
        theirs = model(**source, labels=labels).loss
        assert float(span_loss(model, source, target)) == pytest.approx(float(theirs), abs=1e-6)


def test_it_learns_and_repeats_itself(catalogue, small, pretrained):
    shape = {**small, "steps": 120, "tokenizer": pretrained.tokenizer}
    found = pretrain_spans([text for text, _ in catalogue], **shape)
    loss = found.history.loss
    assert sum(loss[-20:]) < 0.6 * sum(loss[:20])
    assert found.evaluation["perplexity"] == pytest.approx(math.exp(found.evaluation["cross_entropy"]))
    again = pretrain_spans([text for text, _ in catalogue], **{**shape, "steps": 8})
    other = pretrain_spans([text for text, _ in catalogue], **{**shape, "steps": 8, "seed": 1})
    first = pretrain_spans([text for text, _ in catalogue], **{**shape, "steps": 8})
    assert again.history.loss == first.history.loss != other.history.loss


@pytest.mark.parametrize("texts, settings, message", [
    ("one string", {}, "one string"), ([], {}, "two distinct"), (["ab cd", "ab ef"], dict(heads=3), "heads"),
])  # fmt: skip
def test_bad_input(texts, settings, message):
    with pytest.raises(ContractError, match=message):
        pretrain_spans(texts, **{**dict(steps=1, layers=1, hidden=16, heads=2, progress=False), **settings})
