"""Masking policies: their shares, what they keep together, and transformers' collator as the oracle of the rates."""

from __future__ import annotations

import pytest
import torch
from transformers import DataCollatorForLanguageModeling

from course_lib.core.errors import ContractError
from course_lib.language.encoder import pad
from course_lib.language.pretraining import (
    choose_spans,
    choose_tokens,
    choose_words,
    cut,
    evaluate_masked,
    favour,
    guess_each,
    is_special,
    mask_tokens,
    pretrain,
    replace,
    whole_words,
    word_ids,
)
from course_lib.language.pretraining.masked import continues
from course_lib.language.tokenization import SPECIAL_TOKENS, wordpiece

WORDS = ["red", "blue", "shoes", "cotton", "run", "##ning", "##ner", "##s"]


@pytest.fixture(scope="module")
def pieces_tokenizer():
    """A vocabulary in which "runners" is three pieces."""
    return wordpiece({token: i for i, token in enumerate([*SPECIAL_TOKENS, *WORDS])}, 64)


def at(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(tokenizer, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = pad(cut(tokenizer, texts, 64), tokenizer.pad_token_id)["input_ids"]
    return ids, is_special(ids, tokenizer)


def test_rates_are_those_of_the_collator_of_transformers(pretrained, catalogue):
    tokenizer = pretrained.tokenizer
    pieces = cut(tokenizer, [text for text, _ in catalogue], 16) * 20
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    torch.manual_seed(0)
    theirs = collator([{"input_ids": piece} for piece in pieces])
    truth = pad(pieces, tokenizer.pad_token_id)["input_ids"]
    open_ = ~is_special(truth, tokenizer)
    seen, chosen = mask_tokens(truth, ~open_, tokenizer.mask_token_id, word_ids(tokenizer), at(1))

    def rates(seen: torch.Tensor, chosen: torch.Tensor) -> list[float]:
        masked, kept = seen[chosen] == tokenizer.mask_token_id, seen[chosen] == truth[chosen]
        return [float(x) for x in (chosen.sum() / open_.sum(), masked.double().mean(), kept.double().mean())]

    assert rates(seen, chosen) == pytest.approx(rates(theirs["input_ids"], theirs["labels"] != -100), abs=0.015)


@pytest.mark.parametrize("policy", [choose_tokens, choose_spans], ids=["tokens", "spans"])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_a_policy_keeps_its_share_and_leaves_special_tokens(policy, share):
    ids = torch.randint(5, 100, (800, 60), generator=at(2))
    special = torch.zeros_like(ids, dtype=torch.bool)
    special[:, [0, -1]] = True
    chosen = policy(ids, special, share, at(3))
    assert not (chosen & special).any()
    assert float(chosen.sum() / (~special).sum()) == pytest.approx(share, abs=0.015)
    assert torch.equal(chosen, policy(ids, special, share, at(3)))


def test_spans_have_the_lengths_that_were_asked_for():
    ids = torch.zeros((500, 400), dtype=torch.int64)
    chosen = choose_spans(ids, torch.zeros_like(ids, dtype=torch.bool), 0.15, at(0), mean_length=3)
    begins = chosen[:, 1:] & ~chosen[:, :-1]
    assert float(chosen.sum() / begins.sum()) == pytest.approx(3, abs=0.15)


def test_spans_choose_at_least_one_token():
    ids = torch.tensor([[2, 7, 8, 3]])
    special = torch.tensor([[True, False, False, True]])
    assert all(choose_spans(ids, special, 1e-9, at(seed)).sum() == 1 for seed in range(5))


def test_whole_words_are_hidden_whole(pieces_tokenizer):
    ids, special = rows(pieces_tokenizer, ["red runners running shoes", "running blue runners"] * 200)
    inside = continues(pieces_tokenizer)
    chosen = whole_words(pieces_tokenizer)(ids, special, 0.3, at(0))
    follows = inside[ids][:, 1:]
    assert torch.equal(chosen[:, 1:][follows], chosen[:, :-1][follows])
    assert float(chosen.sum() / (~special).sum()) == pytest.approx(0.3, abs=0.06) and not (chosen & special).any()


def test_a_piece_at_the_beginning_of_a_cut_text_is_a_word_of_its_own(pieces_tokenizer):
    ids = torch.tensor([[2, 10, 5, 3]])  # [CLS] ##ning red [SEP]
    special = torch.tensor([[True, False, False, True]])
    for seed in range(20):
        chosen = choose_words(ids, special, 0.5, at(seed), inside=continues(pieces_tokenizer))
        assert not chosen[0, 0] and chosen.any()


def test_favoured_words_come_first_at_the_same_share(pieces_tokenizer):
    ids, special = rows(pieces_tokenizer, ["red runners running cotton shoes", "blue runners and shoes"] * 300)
    policy = favour(pieces_tokenizer, ["Cotton", "red 42", "blue", "runners"])
    wanted = policy.keywords["favoured"](ids) & ~special
    names = pieces_tokenizer.convert_ids_to_tokens(ids[wanted].unique().tolist())
    assert sorted(names) == sorted(["red", "blue", "cotton", "run", "##ner", "##s"])
    chosen = policy(ids, special, 0.15, at(0))
    assert float(chosen.sum() / (~special).sum()) == pytest.approx(0.15, abs=0.03)
    assert not chosen[~wanted].any()  # there are more favoured tokens than the share allows
    chosen = policy(ids, special, 0.75, at(0))
    assert float(chosen[wanted].double().mean()) == pytest.approx(0.8, abs=0.05)  # the cap
    assert float(chosen.sum() / (~special).sum()) == pytest.approx(0.75, abs=0.05)


def test_favour_without_any_favoured_word_is_whole_words(pieces_tokenizer):
    ids, special = rows(pieces_tokenizer, ["red runners running shoes"] * 30)
    chosen = favour(pieces_tokenizer, ["velvet"])(ids, special, 0.3, at(5))
    assert torch.equal(chosen, whole_words(pieces_tokenizer)(ids, special, 0.3, at(5)))


NO_WORDS = [([], "no words"), (["12"], "no words"), ("red", "one string"), ([3], "int")]


@pytest.mark.parametrize("words, message", NO_WORDS)
def test_favour_refuses_what_is_no_list_of_words(pieces_tokenizer, words, message):
    with pytest.raises(ContractError, match=message):
        favour(pieces_tokenizer, words)


def test_replace_touches_only_what_was_chosen():
    ids = torch.randint(5, 100, (50, 40), generator=at(0))
    chosen = torch.rand(ids.shape, generator=at(1)) < 0.5
    seen = replace(ids, chosen, 4, torch.arange(5, 100), at(2))
    assert torch.equal(seen[~chosen], ids[~chosen]) and (seen[chosen] == 4).double().mean() > 0.7


def test_a_model_learns_what_its_policy_hides(catalogue, small, pretrained):
    """Colours are hidden far more often: the model says them better than one that hides anything."""
    colours = ["red", "blue", "green", "black", "white", "grey"]
    tokenizer, texts = pretrained.tokenizer, [text for text, _ in catalogue]
    policy = favour(tokenizer, colours)
    favoured = pretrain(texts, tokenizer=tokenizer, policy=policy, **{**small, "steps": 60})
    plain = pretrain(texts, tokenizer=tokenizer, **{**small, "steps": 60})
    pieces = cut(tokenizer, texts, 16)
    found = [evaluate_masked(m, pieces, pieces, policy=policy)["cross_entropy"] for m in (favoured, plain)]
    assert found[0] < found[1]


def test_each_token_is_hidden_once_and_alone(pretrained, catalogue):
    tokenizer, pieces = pretrained.tokenizer, cut(pretrained.tokenizer, [text for text, _ in catalogue][:7], 16)
    found = guess_each(pretrained, pieces, batch_size=10, autocast=False)
    assert len(found["token"]) == sum(len(piece) - 2 for piece in pieces)
    for n in (0, 11, len(found["token"]) - 1):
        i, j = found["piece"][n], found["place"][n]
        ids = torch.tensor([pieces[i]])
        assert ids[0, j] == found["token"][n]
        ids[0, j] = tokenizer.mask_token_id
        with torch.no_grad():
            logp = pretrained.model(ids).logits[0, j].log_softmax(-1)
        assert found["surprise"][n] == pytest.approx(-float(logp[found["token"][n]]), abs=1e-4)
        assert found["right"][n] == (int(logp.argmax()) == found["token"][n])
    assert all(len(column) == 0 for column in guess_each(pretrained, []).values())
