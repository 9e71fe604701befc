"""What BERT, GPT and T5 are asked: one text turned into the three exercises that they are trained on.

Tokens may be strings (to read) or ids (to train on). Which tokens to hide is the policy of the caller; the chapter on
pretraining has policies and training loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from course_lib.core.errors import ContractError

T = TypeVar("T")


class Exercise(NamedTuple):
    """What a model reads, and what it should answer.

    Attributes:
        inputs: tokens that are read.
        targets: the right answer at each output place; None where no answer is asked for (no loss).
        written: what a decoder beside the encoder has before it at each output place; empty where there is none.
    """

    inputs: list
    targets: list
    written: list = []


def masked(tokens: Sequence[T], hidden: Sequence[int], mask: T) -> Exercise:
    """BERT: fill the gaps. The places ``hidden`` read ``mask``, and only they are asked for (Devlin et al. 2019, §3.1).

    Raises:
        ContractError: no place, or one that the text does not have.
    """
    chosen = set(hidden)
    if not chosen or not chosen <= set(range(len(tokens))):
        raise ContractError(f"places {sorted(chosen)} of {len(tokens)} tokens", remedy="Hide at least one of them")
    return Exercise([mask if i in chosen else t for i, t in enumerate(tokens)],
                    [t if i in chosen else None for i, t in enumerate(tokens)])  # fmt: skip


def causal(tokens: Sequence[T]) -> Exercise:
    """GPT: what comes next? Output i is asked for token i + 1, so that n tokens make n − 1 questions.

    Raises:
        ContractError: fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ContractError(f"{len(tokens)} tokens have no next one", remedy="Pass at least two")
    return Exercise(list(tokens[:-1]), list(tokens[1:]))


def span_corruption(
    tokens: Sequence[T], spans: Sequence[tuple[int, int]], sentinels: Sequence[T], start: T
) -> Exercise:
    """T5: write what was cut out. Each span [from, to) becomes one sentinel; the answer is the spans, each after its own.

    One more sentinel ends the answer. ``written`` is the answer moved one place right, behind ``start``
    (Raffel et al. 2020, §3.1.4 and figure 2).

    Raises:
        ContractError: no span, spans that are empty, overlap, touch or leave the text; fewer than spans + 1 sentinels.
    """
    edges = [edge for span in spans for edge in span]
    if not edges or edges != sorted(set(edges)) or edges[0] < 0 or edges[-1] > len(tokens):
        raise ContractError(f"spans {list(spans)} of {len(tokens)} tokens",
                            remedy="Give them in order, none empty, with a token between two")  # fmt: skip
    if len(sentinels) <= len(spans):
        raise ContractError(f"{len(sentinels)} sentinels for {len(spans)} spans", remedy="One more is needed at the end")
    inputs, answer, done = [], [], 0
    for (begin, end), sentinel in zip(spans, sentinels):
        inputs += [*tokens[done:begin], sentinel]
        answer += [sentinel, *tokens[begin:end]]
        done = end
    answer.append(sentinels[len(spans)])
    return Exercise([*inputs, *tokens[done:]], answer, [start, *answer[:-1]])
