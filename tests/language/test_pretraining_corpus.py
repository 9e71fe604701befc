"""Texts as streams: the same pieces as from a list, constant memory, batches that can be drawn again."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from course_lib.core.errors import ContractError, DataError
from course_lib.language.pretraining import cut, pack, step_random, stream_batches, stream_pieces, stream_texts


@pytest.fixture
def texts(catalogue) -> list[str]:
    return [text for text, _ in catalogue]


def test_a_file_a_list_and_a_generator_give_the_same_pieces(texts, pretrained, tmp_path):
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"title": t, "price": 3}) + "\n" for t in texts))
    sources = [stream_texts(file, column="title"), stream_texts(texts), stream_texts(lambda: iter(texts))]
    expected = cut(pretrained.tokenizer, texts, 16)
    for source in sources:
        assert [row["text"] for row in source] == texts
        assert [row["input_ids"] for row in stream_pieces(source, pretrained.tokenizer, 16, at_once=7)] == expected


def test_packing_loses_nothing_but_the_end():
    pieces = [[2, 5, 6, 3], [2, 7, 3], [2, 8, 9, 10, 11, 12, 13, 3]]
    flat = [t for p in pieces for t in p]
    for length in (2, 3, 5, 15, 16):
        blocks = list(pack(pieces, length))
        assert all(len(b) == length for b in blocks) and len(blocks) == len(flat) // length
        assert [t for b in blocks for t in b] == flat[: len(blocks) * length]
    assert list(pack([], 4)) == []
    with pytest.raises(ContractError, match="at least 2"):
        pack(pieces, 1)


def test_blocks_of_a_stream_are_full(texts, pretrained):
    blocks = [r["input_ids"] for r in stream_pieces(stream_texts(texts), pretrained.tokenizer, 10, block=True)]
    assert len(blocks) > 50 and {len(b) for b in blocks} == {10}


def test_memory_is_the_buffer_not_the_file(pretrained):
    """A million texts, of which no more are ever made than the buffer and one tokeniser's helping hold."""
    made = 0

    def endless():
        nonlocal made
        for i in range(1_000_000):
            made += 1
            yield f"red shoes for every day {i}"

    pieces = stream_pieces(stream_texts(endless), pretrained.tokenizer, 16, at_once=10)
    batches = stream_batches(pieces, 4, seed=0, buffer=50)
    for taken, batch in enumerate(itertools.islice(batches, 100), start=1):
        assert len(batch) == 4
        assert made <= 4 * taken + 50 + 3 * 10


def test_every_epoch_holds_every_piece_once_in_an_order_of_its_own(texts, pretrained):
    pieces = stream_pieces(stream_texts(texts), pretrained.tokenizer, 16)
    n = len(list(pieces))
    batches = stream_batches(pieces, n, seed=3, buffer=64)
    first, second = next(batches), next(batches)
    assert first != second and sorted(first) == sorted(second) == sorted(r["input_ids"] for r in pieces)


def test_batches_can_be_drawn_again(texts, pretrained):
    def five(seed: int, skip: int = 0) -> list:
        pieces = stream_pieces(stream_texts(texts), pretrained.tokenizer, 16)
        return list(itertools.islice(stream_batches(pieces, 60, seed, buffer=64), skip, 5))

    assert five(1) == five(1) != five(2) and five(1, skip=3) == five(1)[3:]


def test_random_numbers_of_a_step_need_no_steps_before_it():
    def draw(seed, step, name=""):
        return torch.rand(3, generator=step_random(seed, step, name)).tolist()

    assert draw(0, 500) == draw(0, 500)
    assert len({tuple(draw(s, t, n)) for s in (0, 1) for t in (0, 1) for n in ("a", "b")}) == 8


def test_bad_sources(tmp_path, pretrained):
    with pytest.raises(DataError, match="no such file"):
        stream_texts(tmp_path / "none.jsonl")
    (tmp_path / "a.jsonl").write_text('{"title": "x"}\n')
    with pytest.raises(DataError, match="column 'text'"):
        list(stream_texts(tmp_path / "a.jsonl"))
    with pytest.raises(ContractError, match="text 1 is int"):
        stream_texts(["a", 3])
    with pytest.raises(ContractError, match="text 0 is int"):
        list(stream_texts(lambda: iter([3])))
    with pytest.raises(ContractError, match="at least 1"):
        next(stream_batches(stream_texts(["a"]), 0, 0))
    with pytest.raises(ContractError, match="no text"):
        next(stream_batches(stream_pieces(stream_texts(["", " "]), pretrained.tokenizer, 8), 2, 0))
