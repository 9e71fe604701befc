"""Small texts and one small pretrained model for the tests of the language branch."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_lib.language.pretraining import Pretrained, pretrain

COLOURS = ("red", "blue", "green", "black", "white", "grey")
THINGS = {
    "shoes": ("running shoes", "hiking boots", "sandals"),
    "kitchen": ("frying pan", "kettle", "coffee maker"),
    "audio": ("wireless headphones", "loudspeaker", "turntable"),
}
ENDS = ("for every day", "with two years of warranty", "made to last")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def catalogue() -> list[tuple[str, str]]:
    """(text, category) of 162 invented products; the category can be read off the text."""
    rows = itertools.product(THINGS.items(), range(3), COLOURS, ENDS)
    return [(f"{colour.title()} {things[i]}, {end}", name) for (name, things), i, colour, end in rows]


@pytest.fixture(scope="session")
def small() -> dict:
    """Settings of a model that trains in about three seconds."""
    shape = dict(layers=1, hidden=32, heads=2, vocab_size=300, max_length=16)
    return dict(steps=300, batch_size=16, held_out=0.3, progress=False, **shape)


@pytest.fixture(scope="session")
def pretrained(catalogue, small) -> Pretrained:
    return pretrain([text for text, _ in catalogue], **small)
