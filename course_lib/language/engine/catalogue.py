"""A whole catalogue as vectors on disk: in chunks, resumable after any kill, in memory that does not grow.

What is written are ordinary ``.npy`` files. While the work goes on, rows are appended to ``NAME.part``; after each
chunk ``NAME.json`` says how many rows are safe. Only the finished file bears the name ``NAME``.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tqdm import tqdm

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import read_json, write_json
from course_lib.language.encoder import TextEncoder, tokenize
from course_lib.language.engine.backends import Backend, Compute, load_backend
from course_lib.language.features.pooling import normalise

_HEADER = 128  # bytes: numpy pads the header of a .npy file so that the number of rows may grow in place
_FIXED = ("format", "encoder", "backend", "precision", "dtype", "chunk", "batch_tokens", "dimension")


def extract_catalogue(
    encoder: TextEncoder,
    texts: Iterable[str],
    path: str | os.PathLike[str],
    *,
    backend: Backend = "torch",
    batch_tokens: int = 512,
    chunk: int = 4_096,
    dtype: Literal["float32", "float16"] = "float32",
    workers: int | None = None,
    resume: bool = True,
    progress: bool = False,
) -> np.ndarray:
    """Vectors of length 1 of all texts, in their order, in a ``.npy`` file: float [n, d], memory-mapped, read only.

    Texts are read, computed and written in chunks; within one, those of equal length in tokens are computed together.
    After a kill, the same call goes on behind the last finished chunk and writes the same bytes as a run without a
    break: texts that are done are read again to see that they are the same, but not computed.

    Args:
        texts: any iterable of strings, such as a generator that reads a file; it is read once.
        path: of the result; ``path.part`` and ``path.json`` stand beside it.
        backend: ``"torch"``, ``"onnx"`` or ``"onnx-int8"``.
        batch_tokens: tokens computed together, padding included. Few are faster on a CPU: what stands between two
            products of matrices stays in cache.
        chunk: texts between two points of return; memory grows with it, and with nothing else.
        dtype: ``"float16"`` halves the file.
        workers: batches computed at the same time, each by one core; by default as many as torch uses threads. Whole
            batches side by side wait for one another less often than the threads within one. The vectors are the same.
        resume: ``False`` starts from the beginning, whatever is there.

    Raises:
        ContractError: a single string, an entry that is not a string, settings out of range; texts or settings that
            differ from those of the run that is to be resumed.
        CourseError: the backend is not installed, a vector is not finite, the folder can't be written.
        DataError: the record of an earlier run is broken.
    """
    if isinstance(texts, (str, bytes)):
        raise ContractError("one string where texts are needed", remedy="Pass [text]")
    workers = usual_workers(encoder) if workers is None else workers
    if batch_tokens < 1 or chunk < 1 or workers < 1 or dtype not in ("float32", "float16"):
        raise ContractError("batch_tokens, chunk and workers must be at least 1, and dtype float32 or float16")
    path = Path(path)
    part, record_file = path.with_name(path.name + ".part"), path.with_name(path.name + ".json")
    settings = {
        "format": 1, "encoder": fingerprint(encoder), "backend": backend,
        "precision": encoder.precision if backend == "torch" else backend, "dtype": dtype, "chunk": chunk,
        "batch_tokens": batch_tokens, "dimension": encoder.dimension,
    }  # fmt: skip
    record = _earlier(record_file, part, path, settings) if resume else None
    source, digest = iter(texts), hashlib.sha256()
    done = record["rows"] if record else 0
    if record:
        _skip(source, done, digest, record, path, chunk)
        if record["complete"] and next(source, None) is None:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if record["complete"]:
            raise ContractError("there are more texts than in the finished run", where=str(path), remedy=_AGAIN)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "r+b" if record else "w+b") as file:
            file.truncate(_HEADER + done * encoder.dimension * np.dtype(dtype).itemsize)
            file.seek(0, os.SEEK_END)
            done = _append(file, source, digest, done, encoder, settings, workers, record_file, progress)
            file.seek(0)
            file.write(_header(dtype, done, encoder.dimension))
            _safe(file)
        os.replace(part, path)
    except OSError as error:
        raise CourseError(f"can't write here ({error.strerror})", where=str(part), remedy="Choose another folder") from error
    write_json(record_file, {**settings, "rows": done, "texts": digest.hexdigest(), "complete": True})
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _append(
    file: Any, source: Iterator[str], digest: Any, done: int, encoder: TextEncoder, settings: dict[str, Any],
    workers: int, record_file: Path, progress: bool,
) -> int:  # fmt: skip
    """Compute chunk after chunk and write each down; the number of rows at the end."""
    compute: Compute | None = None  # loaded when there is something to compute
    with tqdm(desc=f"extract ({encoder.name})", unit="text", initial=done, file=sys.stderr, disable=not progress) as bar:
        while texts := list(islice(source, settings["chunk"])):
            _count(digest, texts, done)
            compute = compute or load_backend(encoder, settings["backend"])
            vectors = encode_chunk(encoder, compute, texts, settings["batch_tokens"], workers)
            bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if len(bad):
                raise CourseError(f"the vector of text {done + bad[0]} is not finite", where=f"encoder {encoder.name}")
            file.write(vectors.astype(settings["dtype"]).tobytes())
            _safe(file)  # the rows first, and only then the record that promises them
            done += len(texts)
            write_json(record_file, {**settings, "rows": done, "texts": digest.hexdigest(), "complete": False})
            bar.update(len(texts))
    return done


def encode_chunk(
    encoder: TextEncoder, compute: Compute, texts: list[str], batch_tokens: int, workers: int = 1
) -> np.ndarray:
    """float32 [n, d] of length 1: sorted by length in tokens, so that little is padded, and put back in order."""
    tokens = tokenize(encoder.tokenizer, texts, encoder.max_length)
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)

    def one(rows: np.ndarray) -> None:
        ids = np.full((len(rows), len(tokens[rows[0]])), encoder.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(tokens[row])] = tokens[row]
            mask[i, : len(tokens[row])] = 1
        vectors[rows] = compute(ids, mask)

    threads = torch.get_num_threads()
    try:
        # Each worker sets its own number of threads, and torch's own count with it.
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(one, batches_of([len(t) for t in tokens], batch_tokens)))
    finally:
        torch.set_num_threads(threads)
    return normalise(vectors)


def batches_of(lengths: list[int], batch_tokens: int) -> Iterator[np.ndarray]:
    """Rows from the longest to the shortest, as many at a time as fit into ``batch_tokens``; at least one."""
    order, start = np.argsort([-n for n in lengths], kind="stable"), 0
    while start < len(order):
        count = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + count]
        start += count


def usual_workers(encoder: TextEncoder) -> int:
    """As many as torch uses threads on a CPU; one batch after the other on a GPU."""
    return torch.get_num_threads() if encoder.device == "cpu" else 1


def fingerprint(encoder: TextEncoder) -> str:
    """SHA-256 of everything that the vectors depend on: weights, vocabulary, maximal length."""
    digest = hashlib.sha256(str(encoder.max_length).encode())
    digest.update(json.dumps(encoder.tokenizer.get_vocab(), sort_keys=True).encode())
    for name, value in sorted(encoder.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().float().numpy().data)
    return digest.hexdigest()


_AGAIN = "Pass resume=False to start from the beginning, or another path"


def _earlier(record_file: Path, part: Path, path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The record of an earlier run whose rows are there; ``None`` where there is nothing to go on from."""
    if not record_file.is_file():
        return None
    record = read_json(record_file)
    if not isinstance(record, dict) or not {*_FIXED, "rows", "texts", "complete"} <= set(record):
        raise DataError("not a record of an extraction", where=str(record_file), remedy=_AGAIN)
    different = [name for name in _FIXED if record[name] != settings[name]]
    if different:
        raise ContractError(f"the earlier run had another {' and '.join(different)}", where=str(path), remedy=_AGAIN)
    size = _HEADER + record["rows"] * record["dimension"] * np.dtype(record["dtype"]).itemsize
    if not record["complete"] and not part.exists() and path.exists():
        part = path  # killed between the last two steps: renamed, but not yet noted
        os.replace(path, part.with_name(path.name + ".part"))
        part = part.with_name(path.name + ".part")
    there = path if record["complete"] else part
    if not there.is_file() or there.stat().st_size < size:
        return None  # the rows are gone: nothing but a new start gives them back
    return record


def _skip(source: Iterator[str], rows: int, digest: Any, record: dict[str, Any], path: Path, chunk: int) -> None:
    """Read the texts that are done and see that they are the same as then."""
    read = 0
    while read < rows:
        texts = list(islice(source, min(chunk, rows - read)))
        if not texts:
            break
        _count(digest, texts, read)
        read += len(texts)
    if read < rows or digest.hexdigest() != record["texts"]:
        raise ContractError(f"the first {rows:,} texts are not those of the earlier run", where=str(path), remedy=_AGAIN)


def _count(digest: Any, texts: list[str], before: int) -> None:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ContractError(f"text {before + row} is {type(text).__name__}, not a string")
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)


def _header(dtype: str, rows: int, dimension: int) -> bytes:
    buffer = io.BytesIO()
    shape = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (rows, dimension)}
    np.lib.format.write_array_header_1_0(buffer, shape)
    header = buffer.getvalue()
    if len(header) != _HEADER:
        raise CourseError(f"numpy writes headers of {len(header)} bytes, not {_HEADER}", where="extract_catalogue")
    return header


def _safe(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
