from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertForMaskedLM

from course_lib.core.errors import ContractError, DataError
from course_lib.language.encoder import pad
from course_lib.language.pretraining import (
    Pretrained,
    cut,
    evaluate_masked,
    is_special,
    mask_tokens,
    masked_logits,
    pretrain,
    split_texts,
    word_ids,
)


def masked(ids, special, seed=0, share=0.15):
    return mask_tokens(ids, special, 4, torch.arange(5, 1000), torch.Generator().manual_seed(seed), share)


def test_masking_keeps_its_proportions_and_never_touches_special_tokens():
    ids = torch.randint(5, 1000, (400, 500), generator=torch.Generator().manual_seed(1))
    special = torch.rand(ids.shape, generator=torch.Generator().manual_seed(2)) < 0.2
    ids[special] = 2
    seen, chosen = masked(ids, special)
    assert not (chosen & special).any() and torch.equal(seen[~chosen], ids[~chosen])
    n = int(chosen.sum())
    assert n / int((~special).sum()) == pytest.approx(0.15, abs=0.005)  # 4.5 standard deviations
    assert float((seen[chosen] == 4).double().mean()) == pytest.approx(0.8, abs=0.012)
    assert float((seen[chosen] == ids[chosen]).double().mean()) == pytest.approx(0.1, abs=0.01)
    drawn = seen[chosen & (seen != 4) & (seen != ids)]
    assert len(drawn) / n == pytest.approx(0.1, abs=0.01) and 5 <= int(drawn.min()) and len(drawn.unique()) > 700


def test_at_least_one_token_is_chosen_where_there_is_one():
    ids = torch.tensor([[2, 7, 3, 0]])
    for seed in range(20):
        _, chosen = masked(ids, torch.tensor([[True, False, True, True]]), seed, share=0.0)
        assert chosen.tolist() == [[False, True, False, False]]
    assert not masked(ids, torch.ones_like(ids, dtype=torch.bool))[1].any()


def test_loss_on_masked_positions_is_the_full_loss_with_the_rest_ignored(pretrained, catalogue):
    model, tokenizer = pretrained.model, pretrained.tokenizer
    batch = pad(cut(tokenizer, [t for t, _ in catalogue][:8], 16), tokenizer.pad_token_id)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    random, words = torch.Generator().manual_seed(0), word_ids(tokenizer)
    seen, chosen = mask_tokens(ids, is_special(ids, tokenizer), tokenizer.mask_token_id, words, random)
    with torch.no_grad():
        ours = cross_entropy(masked_logits(model, seen, mask, chosen), ids[chosen])
        theirs = model(input_ids=seen, attention_mask=mask, labels=ids.masked_fill(~chosen, -100)).loss
    assert float(ours) == pytest.approx(float(theirs), abs=1e-5)


def test_it_learns(pretrained):
    loss, e = pretrained.history.loss, pretrained.evaluation
    assert sum(loss[-20:]) / 20 < 0.7 * sum(loss[:5]) / 5
    assert e["masked_accuracy"] > e["unigram_accuracy"] + 0.2
    assert e["cross_entropy"] < e["unigram_cross_entropy"] - 0.5
    assert e["perplexity"] == pytest.approx(math.exp(e["cross_entropy"])) and e["n_texts"] == 49 and e["n_masked"] > 49


def test_evaluation_of_a_model_that_knows_nothing_is_a_uniform_guess(pretrained, catalogue):
    pieces = cut(pretrained.tokenizer, [t for t, _ in catalogue], 16)
    model = BertForMaskedLM(pretrained.model.config).eval()
    blank = Pretrained(model, pretrained.tokenizer, 16, pretrained.history)
    with torch.no_grad():
        for p in blank.model.parameters():
            p.zero_()
    e = evaluate_masked(blank, pieces, pieces)
    assert e["cross_entropy"] == pytest.approx(math.log(len(pretrained.tokenizer)), rel=1e-4)
    again = evaluate_masked(blank, pieces, pieces)
    assert again == e and e["unigram_accuracy"] > 0.02 and e["masked_accuracy"] <= e["unigram_accuracy"]


def test_saved_model_gives_identical_logits(pretrained, tmp_path, capfd):
    pretrained.save(tmp_path / "m")
    again = Pretrained.load(tmp_path / "m")
    assert capfd.readouterr() == ("", "")
    assert again.history == pretrained.history and again.evaluation == pretrained.evaluation and again.max_length == 16
    batch = pad(cut(again.tokenizer, ["red shoes", "a kettle made to last"], 16), again.tokenizer.pad_token_id)
    with torch.no_grad():
        assert torch.equal(again.model(**batch).logits, pretrained.model(**batch).logits)
    # the projection is the embedding again, not a second matrix
    assert again.model.cls.predictions.decoder.weight is again.model.bert.embeddings.word_embeddings.weight


def test_a_folder_without_its_record_is_refused(pretrained, tmp_path):
    pretrained.save(tmp_path / "m")
    (tmp_path / "m" / "course_pretraining.json").write_text("{}")
    with pytest.raises(DataError, match="not a record"):
        Pretrained.load(tmp_path / "m")
    with pytest.raises(DataError, match="no such file"):
        Pretrained.load(tmp_path / "elsewhere")


RUN = """
import torch
torch.set_num_threads(1)
from course_lib.language.pretraining import pretrain
def run(seed):
    texts = [f"{c} {t} number {i}" for i in range(4) for c in ("red", "blue") for t in ("shoes", "kettle", "radio")]
    small = dict(steps=6, batch_size=4, layers=1, hidden=16, heads=2, vocab_size=90, max_length=8, progress=False)
    p = pretrain(texts, seed=seed, **small)
    return str(([x.hex() for x in p.history.loss], p.evaluation))
"""


def test_the_same_seed_gives_the_same_numbers_in_another_process():
    scope: dict = {}
    exec(RUN, scope)
    torch.manual_seed(99)  # what the caller's generator holds must not matter
    here, other = scope["run"](5), scope["run"](6)
    env = {**os.environ, "PYTHONHASHSEED": "77"}
    child = [sys.executable, "-c", RUN + "print(run(5))"]
    there = subprocess.run(child, capture_output=True, text=True, env=env, check=True).stdout.strip()
    assert "0x" in here and here == there != other


def test_no_held_out_text_is_trained_on():
    texts = [f"text {i % 30}" for i in range(90)] + ["", "  "]
    train, test = split_texts(texts, 0.2, seed=0)
    assert len(test) == 6 == len(set(test)) and not set(train) & set(test) and len(train) == 72
    assert split_texts(texts, 0.2, 0) == (train, test) != split_texts(texts, 0.2, 1)
    assert len(split_texts([str(i) for i in range(9000)], 0.5, 0)[1]) == 500
    assert [len(part) for part in split_texts(["a", "b"], 0.9, 0)] == [1, 1]


def test_long_texts_are_cut_not_lost(pretrained):
    tokenizer, text = pretrained.tokenizer, "red running shoes and a kettle for every day " * 5
    pieces = cut(tokenizer, [text, "", "龘"], 10)
    assert max(map(len, pieces)) == 10 and len(pieces) > 1
    assert [i for p in pieces for i in p[1:-1]] == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert all(p[0] == tokenizer.cls_token_id and p[-1] == tokenizer.sep_token_id for p in pieces)


@pytest.mark.parametrize(
    "texts, settings, message",
    [
        ("one string", {}, "one string"),
        ([], {}, "two distinct"),
        (["a b", "a b", ""], {}, "two distinct"),
        (["a b", 3], {}, "text 1 is int"),
        (["ab cd", "ab ef"], dict(held_out=0), "held_out"),
        (["ab cd", "ab ef"], dict(heads=3), "heads"),
        (["ab cd", "ab ef"], dict(max_length=2), "max_length"),
        (["ab cd", "ab ef"], dict(steps=0), "steps"),
        (["ab cd", "ab ef"], dict(mask_share=0), "mask_share"),
    ],
)
def test_bad_input(texts, settings, message):
    with pytest.raises(ContractError, match=message):
        pretrain(texts, **{**dict(steps=1, layers=1, hidden=16, heads=2, progress=False), **settings})


def test_texts_that_the_tokenizer_does_not_know(pretrained):
    with pytest.raises(ContractError, match="too few texts"):
        pretrain(["龘", "龖"], tokenizer=pretrained.tokenizer, steps=1, layers=1, hidden=16, heads=2, progress=False)
