"""The demo "attention over a product title": what each token takes, beside what taking a token away does.

All numbers are computed here, once, by the taught ``Encoder`` with the weights of a real model. The page only looks
them up: attention in steps of 1/65,535, far below the 1e-4 that a reader could see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from course_lib.core.bilingual import LANGUAGES
from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, tokenize
from course_lib.language.transformers import Encoder, from_bert
from course_lib.publishing.demos.attention_frame import STEPS, WORDS, frame
from course_lib.publishing.demos.base import Demo
from course_lib.publishing.demos.packing import pack


class Looked(NamedTuple):
    """One title.

    Attributes:
        text: the title. tokens: its n tokens, the marks at both ends included.
        attention: uint16 [layers, heads, n, n], in 1/65,535: what token i takes from token j.
        moved: float32 [n, n], how far (1 − cosine) the last vector of token i moves when token j is taken away; NaN where
            j is a mark or i itself.
        title_moved: float32 [n], the same for the title's vector, the mean of its tokens'.
    """

    text: str
    tokens: list[str]
    attention: np.ndarray
    moved: np.ndarray
    title_moved: np.ndarray


@torch.no_grad()
def look(model: Encoder, ids: list[int], text: str, tokens: list[str]) -> Looked:
    """Run a title whole, and once without each of its tokens."""
    n = len(ids)
    whole = model(torch.tensor([ids]))
    weights = torch.stack(whole.attention)[:, 0].numpy()
    inner = range(1, n - 1)
    without = model(torch.tensor([ids[:j] + ids[j + 1 :] for j in inner])).hidden.double().numpy()
    full = whole.hidden[0].double().numpy()
    moved, title_moved = np.full((n, n), np.nan), np.full(n, np.nan)
    for j, rest in zip(inner, without):
        kept = np.delete(np.arange(n), j)
        moved[kept, j] = 1 - _cosine(full[kept], rest)
        title_moved[j] = 1 - _cosine(full.mean(axis=0), rest.mean(axis=0))
    steps = np.rint(weights.astype(np.float64) * STEPS).astype(np.uint16)
    return Looked(text, tokens, steps, moved.astype(np.float32), title_moved.astype(np.float32))


def attention_demo(
    encoder: TextEncoder, titles: Sequence[str], *, title: int = 0, layer: int = 1, head: int = 1, token: int = 1
) -> Demo:
    """The demo with its first frame.

    Args:
        encoder: a BERT, such as MiniLM. titles: each of at least three tokens.
        title: row of the first frame's title. layer: from 1. head: from 1, or 0 for the mean of all. token: who looks.

    Raises:
        ContractError: no title, one that is too short, or a first frame that there isn't.
    """
    if isinstance(titles, str) or not titles:
        raise ContractError("titles must be a list of at least one title", where="attention_demo")
    model = from_bert(encoder.model)
    rows = tokenize(encoder.tokenizer, titles, encoder.max_length)
    short = [text for text, ids in zip(titles, rows) if len(ids) < 5]
    if short:
        remedy = "A comparison takes at least three tokens between the marks"
        raise ContractError(f"the title {short[0]!r} is too short", where="titles", remedy=remedy)
    looked = [look(model, ids, text, encoder.tokenizer.convert_ids_to_tokens(ids)) for text, ids in zip(titles, rows)]
    layers, heads = looked[0].attention.shape[:2]
    at = {"title": title, "layer": layer, "head": head, "token": token}
    known = {"title": range(len(titles)), "layer": range(1, layers + 1), "head": range(heads + 1)}
    known["token"] = range(len(rows[title])) if title in known["title"] else range(0)
    for name, value in at.items():
        if value not in known[name]:
            span = known[name]
            raise ContractError(f"{name} is {value!r}", where="attention_demo", remedy=f"Use {span.start} to {span.stop - 1}")
    words = {language: {name: text.get(language) for name, text in WORDS.items()} for language in LANGUAGES}
    frames = {language: frame(language, looked, at) for language in LANGUAGES}
    return Demo("attention", frames, {**at, "url": list(at), "words": words}, _payload(looked))


def _payload(looked: Sequence[Looked]) -> bytes:
    layers, heads = looked[0].attention.shape[:2]
    meta = {"layers": layers, "heads": heads, "steps": STEPS, "tokens": [one.tokens for one in looked]}
    arrays = {name: np.concatenate([getattr(one, name).ravel() for one in looked])
              for name in ("attention", "moved", "title_moved")}  # fmt: skip
    return pack(meta, arrays)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
