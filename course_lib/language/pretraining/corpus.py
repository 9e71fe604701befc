"""Texts for pretraining: which are held out, how they become pieces, and how a file larger than memory is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedTokenizerBase

from course_lib.core.errors import ContractError, DataError
from course_lib.core.seeds import generator
from course_lib.language.encoder import check_texts
from course_lib.language.tokenization import train_tokenizer

if TYPE_CHECKING:
    from datasets import IterableDataset


def split_texts(texts: Sequence[str], held_out: float, seed: int) -> tuple[list[str], list[str]]:
    """Training texts (all repetitions) and held-out texts (distinct ones, none of them among the training texts)."""
    check_texts(texts)
    if not 0 < held_out < 1:
        raise ContractError(f"held_out is {held_out}; it must lie between 0 and 1")
    distinct = list(dict.fromkeys(t for t in texts if t.strip()))
    if len(distinct) < 2:
        raise ContractError("pretraining needs at least two distinct texts that are not empty")
    size = min(500, max(1, round(held_out * len(distinct))), len(distinct) - 1)
    chosen = generator(seed, "held out").permutation(len(distinct))[:size]
    test = [distinct[row] for row in sorted(chosen)]
    forbidden = set(test)
    return [t for t in texts if t.strip() and t not in forbidden], test


def cut(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of the texts in pieces of at most ``max_length``, each between [CLS] and [SEP].

    A piece that holds nothing but unknown tokens is dropped: there is nothing to guess in it.
    """
    inside = max_length - 2
    if inside < 1:
        raise ContractError(f"max_length is {max_length}; it must be at least 3")
    tokens = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
    pieces = [t[i : i + inside] for t in tokens for i in range(0, len(t), inside)]
    special = set(tokenizer.all_special_ids)
    return [[tokenizer.cls_token_id, *p, tokenizer.sep_token_id] for p in pieces if not special.issuperset(p)]


def prepare(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase | None,
    *,
    max_length: int,
    held_out: float,
    seed: int,
    vocab_size: int = 4096,
) -> tuple[PreTrainedTokenizerBase, list[list[int]], list[list[int]]]:
    """The tokenizer (learned from the training texts where none is given), training pieces and held-out pieces.

    Raises:
        ContractError: as ``split_texts``, ``cut`` and ``train_tokenizer``; a part that holds no word.
    """
    train, test = split_texts(texts, held_out, seed)
    tokenizer = tokenizer if tokenizer is not None else train_tokenizer(train, vocab_size, max_length=max_length)
    train_pieces, test_pieces = (cut(tokenizer, part, max_length) for part in (train, test))
    if not train_pieces or not test_pieces:
        raise ContractError("too few texts with words in them", remedy="Pass more texts that are not empty")
    return tokenizer, train_pieces, test_pieces


def pack(pieces: Iterable[Sequence[int]], length: int) -> Iterator[list[int]]:
    """Pieces joined end to end and cut into blocks of exactly ``length`` tokens: no padding, the way GPT reads.

    The remainder at the end, shorter than a block, is dropped. Memory: one block and one piece.

    Raises:
        ContractError: a length below 2.
    """
    if length < 2:
        raise ContractError(f"a block of {length} tokens has nothing to predict; it must hold at least 2")

    def blocks() -> Iterator[list[int]]:
        rest: list[int] = []
        for piece in pieces:
            rest.extend(piece)
            for start in range(0, len(rest) - length + 1, length):
                yield rest[start : start + length]
            rest = rest[len(rest) - len(rest) % length :]

    return blocks()


def stream_texts(
    source: str | os.PathLike[str] | Sequence[str] | Callable[[], Iterator[str]], *, column: str = "text"
) -> IterableDataset:
    """A ``datasets`` stream with the column ``text``, read row by row and never held in memory as a whole.

    Args:
        source: a JSON-lines file (one ``{"text": …}`` a line), a list of texts, or a function that starts a new
            iterator over texts each time it is called (each epoch starts one).
        column: of the file, that holds the text.

    Raises:
        ContractError: another kind of source. DataError: no such file, or a row without the column.
    """
    from datasets import IterableDataset, load_dataset

    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise DataError("no such file", where=str(path), remedy='Name a file with one {"text": …} a line')
        rows = load_dataset("json", data_files=str(path), split="train", streaming=True)
        return rows.map(_text_of, fn_kwargs={"column": column, "where": str(path)}, remove_columns=rows.column_names)
    if callable(source):
        return IterableDataset.from_generator(_as_rows, gen_kwargs={"start": source})
    check_texts(source)
    return IterableDataset.from_generator(_as_rows, gen_kwargs={"start": list(source).__iter__})


def stream_pieces(
    texts: IterableDataset,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    *,
    block: bool = False,
    at_once: int = 64,
) -> IterableDataset:
    """A stream of pieces, ``input_ids`` of at most ``max_length`` tokens, made from a stream of texts as it is read.

    Args:
        block: join the pieces of each ``at_once`` texts into blocks of exactly ``max_length`` (see ``pack``).
        at_once: texts tokenised together, which is faster than one by one; the memory needed is theirs.
    """

    def pieces(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        found = cut(tokenizer, rows["text"], max_length)
        return {"input_ids": list(pack(found, max_length)) if block else found}

    return texts.map(pieces, batched=True, batch_size=at_once, remove_columns=["text"])


def stream_batches(
    pieces: IterableDataset, batch_size: int, seed: int, *, buffer: int = 1_000
) -> Iterator[list[list[int]]]:
    """Endless batches of pieces. Each epoch shuffles anew, within a buffer: memory is the buffer, not the file.

    The same seed gives the same batches, so a run that resumes draws them again and skips those it had.

    Raises:
        ContractError: a batch size or buffer below 1, or a stream without any piece.
    """
    if batch_size < 1 or buffer < 1:
        raise ContractError(f"batches of {batch_size} from a buffer of {buffer}: both must be at least 1")
    shuffled = pieces.shuffle(seed=seed, buffer_size=buffer)
    epoch = 0
    while True:
        shuffled.set_epoch(epoch)
        any_ = False
        for rows in shuffled.iter(batch_size=batch_size):
            any_ = True
            yield rows["input_ids"]
        if not any_:
            raise ContractError("the stream holds no text with a known word")
        epoch += 1


def step_random(seed: int, step: int, *names: str | int) -> torch.Generator:
    """The random numbers of one step: they follow from (seed, step) alone, so that step 500 needs no steps before it.

    A generator that lives from step to step has a state, which a resumed run would have to restore.
    """
    return torch.Generator().manual_seed(int(generator(seed, *names, "step", step).integers(2**62)))


def _as_rows(start: Callable[[], Iterator[str]]) -> Iterator[dict[str, str]]:
    for row, text in enumerate(start()):
        if not isinstance(text, str):
            raise ContractError(f"text {row} is {type(text).__name__}, not a string")
        yield {"text": text}


def _text_of(row: dict[str, Any], column: str, where: str) -> dict[str, str]:
    if not isinstance(row.get(column), str):
        raise DataError(f"a row has no text in column {column!r}", where=where, remedy="Name the column of the text")
    return {"text": row[column]}
