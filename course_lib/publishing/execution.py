"""The execution cache of the book: a chapter runs again when anything that its outputs depend on has changed.

jupyter-cache finds a record by the code cells and the kernel's metadata. To these we add a *key*: a digest of the
``course_lib`` modules that the cells import (and all that these import), of the lock file, and of the data files that
the cells name. The record also keeps what the run cost, for the run card.

What the key can't see: a module imported through a string, and a data file whose path is put together at run time.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.execute.cache import NotebookClientCache
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellTimeoutError, DeadKernelError

import course_lib
from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_file
from course_lib.core.fingerprint import PACKAGE, code_fingerprint, fingerprint, imported_modules, lock_fingerprint
from course_lib.publishing.demos.base import BOOK

_KEY = "course_key"  # stands in the kernelspec metadata while jupyter-cache hashes the notebook
_RESULTS = "benchmarks/results/"  # what was measured before, with its provenance
_OUTSIDE = {"_build", ".venv", ".git"}  # folders of the root that are no data
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class ChapterError(CourseError):
    """A cell of a chapter failed: names the page, the cell, the exception and the full log."""


@dataclass
class Book:
    """Where the book and its package lie, and what the page being read depends on.

    Args:
        root: folder of ``_config.yml`` and of the lock file.
        logs: folder for the full traceback of a failing cell.
        package: folder of the ``course_lib`` that the chapters import.
    """

    root: Path
    logs: Path
    package: Path = PACKAGE
    keys: dict[str, str] = field(default_factory=dict)  # path of a page -> key of its last reading

    def key(self, cells: Sequence[str], folder: Path) -> str:
        """Digest of code, lock and data that these code cells depend on; ``folder`` is where they run."""
        trees = list(_trees(cells))
        modules = set[str]().union(*(imported_modules(ast.unparse(tree), self.package) for tree in trees))
        if modules & {"course_lib", "course_lib.*"}:  # the bare package: any name of its face may be used
            modules |= set(course_lib.FACE.values())
        data = [
            (path.relative_to(self.root).as_posix(), fingerprint(path))
            for path in sorted(_named_files(trees, folder, self.root))
        ]
        return fingerprint(code_fingerprint(modules, self.package), lock_fingerprint(self.root), data)

    def origins(self, cells: Sequence[str], folder: Path) -> dict[str, Any]:
        """Where the data of these cells come from, as far as the code says so.

        Returns:
            ``simulated``: whether they simulate a shop; ``results``: saved results that they read, seen from the root.
        """
        trees = list(_trees(cells))
        calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
        named = {getattr(function, "attr", getattr(function, "id", "")) for function in calls}
        files = (path.relative_to(self.root.resolve()).as_posix() for path in _named_files(trees, folder, self.root))
        return {"simulated": "simulate" in named, "results": sorted(f for f in files if f.startswith(_RESULTS))}


def _trees(cells: Sequence[str]) -> Iterator[ast.Module]:
    """Syntax trees of the cells, magics taken out; a cell that is no Python has none (running it will tell)."""
    for cell in cells:
        text = cell.lstrip()
        if text.startswith("%%"):  # %%time and the like hold Python; %%bash does not, and won't parse
            text = text.partition("\n")[2]
        with suppress(SyntaxError):
            yield ast.parse(TransformerManager().transform_cell(text))


def _named_files(trees: Sequence[ast.Module], folder: Path, root: Path) -> set[Path]:
    """Files under ``root`` that a string literal names, seen from the page's folder or from the root."""
    names = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[^\n\0]{1,300}", node.value)
    }
    root = root.resolve()
    found: set[Path] = set()
    for name in names:
        for base in (folder, root):
            with suppress(OSError, ValueError):
                path = (base / name).resolve()
                if not path.is_relative_to(root) or path == root or path.relative_to(root).parts[0] in _OUTSIDE:
                    continue
                if path.is_file():
                    found.add(path)
                elif "/" in name and path.is_dir() and not folder.resolve().is_relative_to(path):
                    found.update(f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    return found


class KeyedClient(NotebookClientCache):
    """myst-nb's cache client with the book's key in the hash, progress, cost of the run, and one-line errors."""

    book: Book  # set by ``install``

    def start_client(self) -> None:
        notebook, path, book = self.notebook, self.path, self.book
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        if path is None or not cells:
            return
        key = book.keys[str(path)] = book.key(cells, path.parent)
        notebook.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3"})[_KEY] = key
        cache = get_cache(self.nb_config.execution_cache_path)
        try:
            record = cache.match_cache_notebook(notebook)
            self._notebook = notebook = cache.merge_match_into_notebook(notebook)[1]
            data = dict(record.data)
        except KeyError:
            data = self._execute(notebook, path)
            bundle = CacheBundleIn(notebook, str(path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        finally:
            notebook.metadata["kernelspec"].pop(_KEY, None)
        self.exec_metadata = {
            "mtime": datetime.fromisoformat(data["date"]).timestamp(),
            "runtime": data["execution_seconds"],
            "method": self.nb_config.execution_mode,
            "succeeded": True,
            "error": None,
            "traceback": None,
            "course": {**data, **book.origins(cells, path.parent)},  # ours; myst-nb carries it along
        }

    def _execute(self, notebook: Any, path: Path) -> dict[str, Any]:
        """Run all cells in the page's folder. Returns what the run cost. Raises ChapterError."""
        page = path.relative_to(self.book.root).as_posix()
        total = sum(cell.cell_type == "code" for cell in notebook.cells)
        at, peak, start = 0, 0.0, perf_counter()

        def on_cell_start(cell: Any, **_: Any) -> None:
            nonlocal at
            if cell.cell_type == "code":
                at += 1
                _progress(f"running {page}: cell {at} of {total}")

        def on_cell_executed(**_: Any) -> None:
            nonlocal peak
            peak = max(peak, peak_memory_mb(client.km.provisioner.pid))

        client = NotebookClient(
            notebook,
            timeout=None if self.nb_config.execution_timeout < 0 else self.nb_config.execution_timeout,
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,  # times in the cells' metadata would be part of the hash
            extra_arguments=["--log-level=ERROR"],  # else every kernel warns about its sockets on this machine
            on_cell_start=on_cell_start,
            on_cell_executed=on_cell_executed,
        )
        try:
            client.execute(env={**os.environ, BOOK: "1"})
        except (CellControlSignal, DeadKernelError) as error:
            raise self._failure(error, page, at) from error
        finally:
            _progress("")
        seconds = perf_counter() - start
        self.logger.info(f"ran {page} in {seconds:.1f} s")
        return {
            "execution_seconds": seconds,
            "peak_mb": round(peak),
            "threads": threads(),
            **device(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": commit(self.book.root),
        }

    def _failure(self, error: Exception, page: str, cell: int) -> ChapterError:
        log = self.book.logs / f"{page}.log"
        text = _ANSI.sub("", "".join(traceback.format_exception_only(error)))
        with atomic_file(log) as file:
            file.write(text)
        kind = getattr(error, "ename", None) or type(error).__name__
        message = _ANSI.sub("", getattr(error, "evalue", "") or str(error))
        lines = [line for line in message.splitlines() if line.strip()]
        # A name of the class with its module would hide the class: the log has it all.
        what = f"{kind.rpartition('.')[2]}: {lines[0] if lines else ''}".rstrip(": ")
        remedy = f"The full log is in {log}"
        if isinstance(error, CellTimeoutError):
            remedy = "If the machine was busy, build again: pages that are done are kept. " + remedy
        return ChapterError(what.rstrip("."), where=f"{page}, code cell {cell}", remedy=remedy)


def install(book: Book) -> None:
    """Make myst-nb's ``cache`` mode use ``KeyedClient`` for this book.

    myst-nb offers no hook for a client of one's own, so the name that its factory looks up is replaced.
    """
    from myst_nb.core import execute

    execute.NotebookClientCache = type("BookClient", (KeyedClient,), {"book": book})


def outdated(book: Book, known: dict[str, tuple[str, Path]]) -> set[str]:
    """Pages whose key is no longer the one they were built with.

    Args:
        known: page -> (key when it was read, its file).
    """
    from myst_nb.core.config import NbParserConfig
    from myst_nb.core.read import create_nb_reader
    from myst_parser.config.main import MdParserConfig

    stale = set()
    for page, (key, path) in known.items():
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), MdParserConfig(), NbParserConfig(), text)
        cells = [c.source for c in reader.read(text).cells if c.cell_type == "code"] if reader else []
        if book.key(cells, path.parent) != key:
            stale.add(page)
    return stale


def peak_memory_mb(pid: int) -> float:
    """Peak resident memory of a process in MB; 0 where the system doesn't tell (it does on Linux and Windows)."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    import psutil

    with suppress(psutil.Error):
        return getattr(psutil.Process(pid).memory_info(), "peak_wset", 0) / 2**20
    return 0.0


def threads() -> int:
    """CPU threads that a numerical library will use in a kernel started from here."""
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdigit() and int(chosen) > 0:
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device() -> dict[str, str]:
    """Kinds of the processor (``cpu``) and of the first GPU that a kernel started from here can use (``gpu``), or ``""``."""
    cpu, gpu = "", ""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() not in ("", "-1"):
        with suppress(OSError, subprocess.SubprocessError):
            command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
            gpu = next(iter(done.stdout.strip().splitlines()), "")
    return {"cpu": cpu or platform.processor(), "gpu": gpu}


def commit(root: Path) -> str:
    """Short id of the checked-out commit, with ``+`` where files differ from it; ``unknown`` outside git."""
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.strip() or "unknown"
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _progress(text: str) -> None:
    """One line on a terminal that the next one replaces; nothing where stderr is a file."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
