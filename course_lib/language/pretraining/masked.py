"""Masked language modelling: hide some tokens, let the model say what stood there.

Devlin et al. 2019, https://arxiv.org/abs/1810.04805, §3.1: of 15 % of the tokens, 80 % are replaced by ``[MASK]``, 10 %
by a random token and 10 % stay. *Which* tokens are chosen is the policy: single tokens, whole words, spans (Joshi et
al. 2020, https://arxiv.org/abs/1907.10529), or favoured words such as a product's attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from course_lib.core.errors import ContractError
from course_lib.language.encoder import check_texts

#: (ids [b, l], special [b, l], share, random) -> chosen, bool [b, l], never true where ``special`` is
Policy = Callable[[Tensor, Tensor, float, torch.Generator], Tensor]


def mask_tokens(
    ids: Tensor,
    special: Tensor,
    mask_id: int,
    words: Tensor,
    random: torch.Generator,
    share: float = 0.15,
    policy: Policy | None = None,
) -> tuple[Tensor, Tensor]:
    """Hide tokens for the model to guess (Devlin et al. 2019, §3.1 and appendix A.1).

    Args:
        ids: int64 [b, l], the tokens. special: bool [b, l], true at [CLS], [SEP] and padding, which are never hidden.
        mask_id: the id of [MASK]. words: int64 [v], the ids that a random token is drawn from.
        share: of the other tokens that is chosen. policy: chooses them; by default ``choose_tokens``.

    Returns:
        The tokens as the model sees them, int64 [b, l], and which were chosen, bool [b, l]: at least one, where any
        token is not special.
    """
    chosen = (policy or choose_tokens)(ids, special, share, random)
    return replace(ids, chosen, mask_id, words, random), chosen


def replace(ids: Tensor, chosen: Tensor, mask_id: int, words: Tensor, random: torch.Generator) -> Tensor:
    """Of the chosen tokens, 80 % become [MASK], 10 % a random word, 10 % stay: int64 [b, l]."""
    fate = torch.rand(ids.shape, generator=random)
    anything = words[torch.randint(len(words), ids.shape, generator=random)]
    hidden = torch.where(chosen & (fate < 0.8), mask_id, ids)
    return torch.where(chosen & (fate >= 0.9), anything, hidden)


def choose_tokens(ids: Tensor, special: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Each token by its own draw (BERT); the one with the smallest draw in any case, so that a loss exists."""
    draw = torch.rand(ids.shape, generator=random).masked_fill(special, 2.0)
    return ~special & ((draw < share) | (draw == draw.min()))


def choose_words(
    ids: Tensor, special: Tensor, share: float | Tensor, random: torch.Generator, *, inside: Tensor
) -> Tensor:
    """Whole words: all pieces of a word share one draw, so that no piece gives the others away.

    Args:
        inside: bool [v], true for the ids of pieces that continue a word (``##ing``).
        share: one number, or float [b, l], equal within a word.
    """
    first = ~inside[ids] | special
    first[:, 1:] |= special[:, :-1]  # a cut text may begin inside a word
    number = first.cumsum(dim=1).sub(1).clamp(min=0)
    draw = torch.rand(ids.shape, generator=random).gather(1, number).masked_fill(special, 2.0)
    return ~special & ((draw < share) | (draw == draw.min()))


def choose_spans(
    ids: Tensor, special: Tensor, share: float, random: torch.Generator, *, mean_length: float = 3.0
) -> Tensor:
    """Runs of neighbours with geometric lengths, as SpanBERT draws them: harder, since neighbours give a word away.

    A run that has begun goes on with probability 1 − 1/m; elsewhere one begins with probability a = share / (m (1 −
    share)). In the long run a / (a + 1/m) = share of the tokens are chosen.
    """
    draw = torch.rand(ids.shape, generator=random)
    begin = min(1.0, share / (mean_length * (1 - share)))
    chosen = torch.zeros_like(special)
    on = draw[:, 0] < share
    for column in range(ids.shape[1]):
        if column:
            on = draw[:, column] < torch.where(on, 1 - 1 / mean_length, begin)
        chosen[:, column] = on
    smallest = draw.masked_fill(special, 2.0)
    return ~special & (chosen | (smallest == smallest.min()) & ~chosen.any())


def choose_favoured(
    ids: Tensor,
    special: Tensor,
    share: float,
    random: torch.Generator,
    *,
    inside: Tensor,
    favoured: Callable[[Tensor], Tensor],
    cap: float = 0.8,
) -> Tensor:
    """Whole words, the favoured ones first, at the same overall share as any other policy.

    Favoured words are chosen with probability min(cap, share / f), where f is their part of the batch's tokens; the
    others with what is left of the share.

    Args:
        favoured: ids [b, l] -> bool [b, l], true at tokens of favoured words.
        cap: below 1, so that a favoured word is sometimes seen when another is to be guessed.
    """
    wanted, open_ = favoured(ids) & ~special, int((~special).sum())
    f = int(wanted.sum()) / max(1, open_)
    often = min(cap, share / f) if f else 0.0
    rarely = (share - f * often) / (1 - f) if f < 1 else share
    return choose_words(ids, special, torch.where(wanted, often, rarely), random, inside=inside)


def whole_words(tokenizer: PreTrainedTokenizerBase) -> Policy:
    """``choose_words`` for a WordPiece tokenizer."""
    return partial(choose_words, inside=continues(tokenizer))


def favour(tokenizer: PreTrainedTokenizerBase, words: Iterable[str], cap: float = 0.8) -> Policy:
    """``choose_favoured`` for these words, such as the values of the products' attributes.

    Args:
        words: "leather", "stainless steel"; a word of several parts favours each of them (a part without a letter,
            such as a number, is left out).

    Raises:
        ContractError: no words, or entries that are not strings.
    """
    words = list(words) if not isinstance(words, str) else words
    check_texts(words)
    parts = sorted({part for word in words for part in word.split() if any(c.isalpha() for c in part)})
    if not parts:
        raise ContractError("no words to favour", remedy="Pass the values of the products' attributes")
    inside, tokens = continues(tokenizer), tokenizer(parts, add_special_tokens=False)["input_ids"]
    known = {tuple(t) for t in tokens}

    def favoured(ids: Tensor) -> Tensor:
        found = torch.zeros(ids.shape, dtype=torch.bool)
        for row, sequence in enumerate(ids.tolist()):
            starts = [i for i, token in enumerate(sequence) if not inside[token]] + [len(sequence)]
            for start, end in zip(starts, starts[1:]):
                found[row, start:end] = tuple(sequence[start:end]) in known
        return found

    return partial(choose_favoured, inside=inside, favoured=favoured, cap=cap)


def masked_logits(model: BertForMaskedLM, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
    """Logits over the vocabulary [n_chosen, v] at the chosen positions alone.

    The projection onto the vocabulary is most of a small model's work; the other 85 % of the positions have no part
    in the loss, so they never reach it.
    """
    hidden = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    return model.cls(hidden[chosen])


def is_special(ids: Tensor, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """bool, the shape of ``ids``: true at special tokens, padding and [UNK] included."""
    return torch.isin(ids, torch.tensor(sorted(tokenizer.all_special_ids)))


def word_ids(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """int64 [v]: the ids that are not special, ascending."""
    return torch.tensor(sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids)))


def continues(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """bool [v]: true for the ids of WordPiece's ``##`` pieces, which continue a word."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return torch.tensor([str(token).startswith("##") for token in tokens])
