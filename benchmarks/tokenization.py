"""Tokenizers on real product texts: vocabulary against length, other people's vocabularies, 中文.

    .venv/bin/python benchmarks/tokenization.py [--data DIR] [--save benchmarks/results/tokenization.json]

Chorus: titles with brand and description, at most 20,000 drawn with seed 0 and each cut after 2,000 characters; learned
on 16,000 of them, measured on the others. MiniLM's own vocabulary, learned by others on general text, is the baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.language.features import load_minilm
from course_lib.language.tokenization import (
    alike,
    bpe_train,
    count_words,
    measure,
    round_trip,
    train_bpe,
    train_tokenizer,
    unigram_tokenizer,
    unigram_train,
)
from course_lib.shop.measurement.resampling import bootstrap, sign_flip
from course_lib.shop.shop import Shop
from course_lib.shop.texts import item_texts

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
N, LEARNED = 20_000, 16_000
CODE = re.compile(r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]{4,14}\b")
SIZE = re.compile(r"\b\d+(?:\.\d+)?\s?(?:GB|TB|MHz|GHz|mm|cm|kg|W|V|L)\b")


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared, help="with chorus/")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    start = time.perf_counter()
    shop = Shop.load("chorus", options.data / "chorus")
    result = of_texts(item_texts(shop.items)) | {
        "seconds": round(time.perf_counter() - start),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(options.save, result, command="python benchmarks/tokenization.py --data DIR",
                    data={shop.name: shop.source}, seeds=[0], modules=["course_lib.language.tokenization"])  # fmt: skip
    return 0


def of_texts(everything: Sequence[str]) -> dict[str, Any]:
    """All tables, on a sample of the texts."""
    rows = generator(0, "tokenization").permutation(len(everything))[:N]
    texts = [everything[row][:2_000] for row in rows]
    learned, held = texts[:LEARNED], texts[LEARNED:]
    values = {"model codes": sorted({c for text in held for c in CODE.findall(text)}),
              "sizes": sorted({c for text in held for c in SIZE.findall(text)})}  # fmt: skip
    minilm = load_minilm(autocast=False).tokenizer
    table = [_row("MiniLM", minilm.tokenize, len(minilm), held, values)]
    general = measure(minilm.tokenize, held).tokens

    def against(row: dict[str, Any], cut: Callable[[str], list[str]]) -> dict[str, Any]:
        difference = (measure(cut, held).tokens - general).astype(np.float64)
        (low,), (high,) = bootstrap(difference[:, None], seed=0)
        return row | {"against MiniLM": {"difference": float(difference.mean()), "low": float(low), "high": float(high)},
                      "p": sign_flip(difference, 10_000, 0)}  # fmt: skip

    counts = count_words(learned)
    for size in SIZES:
        bert = train_tokenizer(learned, size, max_length=100_000)
        table.append(against(_row("WordPiece", bert.tokenize, len(bert), held, values), bert.tokenize))
        bpe = train_bpe(learned, size)
        table.append(against(_row("BPE", _cut(bpe), bpe.get_vocab_size(), held, values), _cut(bpe)))
        table[-1]["round trip"] = round_trip(_cut(bpe), bpe.decoder.decode, held[:500])
    # The written-out trainer of Unigram is slow: it learns from the 20,000 most frequent words.
    frequent = dict(counts.most_common(20_000))
    for size in (4_000, 8_000):
        uni = unigram_tokenizer(unigram_train(frequent, size, seed_size=2 * size))
        table.append(against(_row("Unigram", _cut(uni), uni.get_vocab_size(), held, values), _cut(uni)))
    begin = time.perf_counter()
    merges = bpe_train(counts, 1_000)
    theirs = train_bpe(learned, 1 + len(set("".join(counts))) + len(merges))
    same = [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]] == merges
    return {"texts learned from": len(learned), "texts measured": len(held), "words": len(counts), "table": table,
            "values": {name: len(found) for name, found in values.items()},
            "written-out BPE": {"merges": len(merges), "equal to the library": same,
                                "seconds": round(time.perf_counter() - begin, 1)}}  # fmt: skip


def _cut(tokenizer: Tokenizer) -> Callable[[str], list[str]]:
    return lambda text: tokenizer.encode(text).tokens


def _row(name: str, cut: Callable[[str], list[str]], size: int, texts: Sequence[str],
         values: dict[str, list[str]]) -> dict[str, Any]:  # fmt: skip
    found = measure(cut, texts, vocab_size=size)
    (low,), (high,) = bootstrap(found.tokens[:, None].astype(np.float64), seed=0)
    return {"method": name, "vocabulary": size, "tokens": {"mean": found.mean, "low": float(low), "high": float(high)},
            "fertility": found.fertility, "unknown": found.unknown, "coverage": found.coverage,
            "alike": {name: alike(cut, of) for name, of in values.items()}}  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_script(main))
