"""Each objective, cut off in the middle and started again, ends with the weights of an uninterrupted run."""

from __future__ import annotations

import pytest
import torch

from course_lib.language.pretraining import pretrain, pretrain_causal, pretrain_spans, whole_words
from course_lib.language.tokenization import train_tokenizer


class Killed(Exception):
    pass


def killed_at_14(step, model):
    if step == 14:
        raise Killed


@pytest.mark.parametrize("objective", ["masked", "whole words", "causal", "spans"])
def test_a_cut_off_pretraining_ends_with_the_same_weights_to_the_bit(tmp_path, catalogue, objective):
    texts = [text for text, _ in catalogue]
    settings = dict(steps=20, batch_size=8, layers=1, hidden=32, heads=2, vocab_size=300, max_length=16, seed=2)
    settings |= dict(progress=False, autocast=False, device="cpu")
    train = {"causal": pretrain_causal, "spans": pretrain_spans}.get(objective, pretrain)
    if objective == "whole words":
        tokenizer = train_tokenizer(texts, 300, max_length=16)
        settings |= dict(tokenizer=tokenizer, policy=whole_words(tokenizer))
    kept = dict(checkpoint=tmp_path, checkpoint_every=6)
    whole = train(texts, **settings)
    with pytest.raises(Killed):
        train(texts, after_step=killed_at_14, **kept, **settings)
    resumed = train(texts, **kept, **settings)
    assert resumed.history.loss == whole.history.loss and resumed.evaluation == whole.evaluation
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
