"""How long a learner waits for a check: `course check` from a shell, and `question(…).check()` in a notebook's kernel.

.venv/bin/python benchmarks/checking.py [--runs 15] [--save benchmarks/results/checking.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbclient
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.classroom.loading import load_exercise
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.core.script import run_script

QUESTIONS = ("recall_at_k", "ndcg_at_k", "mean_reciprocal_rank", "temporal_split")
SHELL_SECONDS, NOTEBOOK_SECONDS = 1.0, 0.3  # the goals


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, metavar="N", help="of each question (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    solutions = {name: load_exercise("shop.measurement").master.questions[name].solution for name in QUESTIONS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSE_PROGRESS"] = str(Path(folder) / "progress.json")
        shell = {name: from_shell(Path(folder), name, source, options.runs) for name, source in solutions.items()}
        notebook = {name: in_notebook(name, source, options.runs) for name, source in solutions.items()}
    result = {"shell": shell, "notebook, after the first": notebook, "goals": {
        "shell": max(one["median"] for one in shell.values()) <= SHELL_SECONDS,
        "notebook": max(one["median"] for one in notebook.values()) <= NOTEBOOK_SECONDS,
    }}  # fmt: skip
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(options.save, result, command=f"python benchmarks/checking.py --runs {options.runs}",
                    data={"source": "solutions/shop/measurement.py"}, seeds=[0],
                    modules=["course_lib.classroom.check_command", "course_lib.classroom.learner"])  # fmt: skip
    return 0 if all(result["goals"].values()) else 1


def from_shell(folder: Path, name: str, source: str, runs: int) -> dict[str, float]:
    """Whole processes."""
    file = folder / f"{name}.py"
    file.write_text(f'# %% question="{name}"\nimport math\nimport numpy as np\n{source}\n', encoding="utf-8")
    command = [Path(sys.executable).with_name("course"), "check", f"shop.measurement/{name}", "--file", file]
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        spent.append(time.perf_counter() - start)
    return spread(spent)


def in_notebook(name: str, source: str, runs: int) -> dict[str, float]:
    """In one kernel, the first check apart (it prepares the question)."""
    timed = (
        f"started = time.perf_counter()\nchecked = question('shop.measurement/{name}').check()\n"
        "spent.append(time.perf_counter() - started)\nassert checked.verdict.outcome == 'PASS'"
    )
    sources = ["import math, time\nimport numpy as np\nfrom course_lib.classroom import question\nspent = []", source]
    cells = [new_code_cell(one) for one in [*sources, *[timed] * (runs + 1), "print(spent[1:])"]]
    book = new_notebook(cells=cells)
    nbclient.NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return spread(json.loads(book.cells[-1].outputs[0]["text"]))


def spread(seconds: list[float]) -> dict[str, Any]:
    """Smallest, median, largest."""
    return {"least": round(min(seconds), 3), "median": round(statistics.median(seconds), 3), "most": round(max(seconds), 3),
            "runs": len(seconds)}  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_script(main))
