"""The same notebooks through `course grade`, nbgrader and otter-grader, in one run: seconds, memory, forged points.

    .venv/bin/python benchmarks/grading.py [--learners 20] [--environment DIR] [--save benchmarks/results/grading.json]

The other two tools are installed into an environment of their own (kept in DIR; default: a temporary folder). Each tool
grades the same files; every whole process is timed, start included, one tool after another on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.core.errors import ContractError
from course_lib.core.provenance import save_result
from course_lib.core.script import run_script

COURSE = [str(Path(sys.executable).with_name("course"))]
OTHERS = ("nbgrader==0.9.6", "otter-grader==7.0.0", "ipykernel", "numpy")
HANGS = 60.0  # seconds after which a tool is stopped
HOSTILE_SECONDS, SUBMISSION_SECONDS, TIMES_FASTER, MEMORY_MB = 10.0, 0.15, 7.0, 150.0  # the goals

SOLUTION = "def recall_at_k(relevant, ranked, k):\n    return len(set(relevant) & set(ranked[:k])) / len(set(relevant))"
BY_K = SOLUTION.replace("/ len(set(relevant))", "/ k")
WHOLE = SOLUTION.replace("ranked[:k]", "ranked")
#: what honest learners hand in, with the points of 3 that it deserves
HONEST = ((SOLUTION, 3.0), (BY_K, 0.0), (WHOLE, 0.0), (SOLUTION.replace("/ len", "/ 1.0 / len"), 3.0))
FORGED = "class Agree(float):\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n\ndef recall_at_k(*_):\n    return Agree()"
HOSTILE = {
    "forged": FORGED,
    "loop": "def recall_at_k(*_):\n    while True: pass",
    "sleep": "import time\ndef recall_at_k(*_):\n    time.sleep(10_000)",
    "memory": "def recall_at_k(*_):\n    return bytearray(2 * 2**30)[:0]",
    "flood": "def recall_at_k(*_):\n    while True: print('x' * 10_000)",
    "forks": "import os\nwhile True: os.fork()",
}
TORCH = "import torch\n" + SOLUTION.replace("return ", "return float(torch.tensor(1.0)) * ")

CASES = (  # name, arguments, what the solution gives
    (({1, 2}, [1, 5, 2], 2), 0.5),
    (({1, 2, 3, 4}, [4, 9, 3, 7], 4), 0.5),
    (({7}, [1, 7, 3], 3), 1.0),
)
SPEC = """
from course_lib.classroom.spec import Case, Code, Text, Wrong
T = Text("recall", "召回率")
QUESTIONS = (Code(name="recall_at_k", hints=(T,), uses={uses!r}, memory_mb={memory}, seconds={seconds},
    wrong=(Wrong("by_k", {by_k!r}, T), Wrong("whole", {whole!r}, T)),
    cases=(Case("basic", T, 1, inputs={basic!r}, expect=T),) + tuple(
        Case(f"hidden{{n}}", T, 1, inputs=(one,), hidden=True) for n, one in enumerate({hidden!r}))),)
"""
MASTER = (
    '# %% setup=true\nimport math\n# %% question="recall_at_k" points=3\n### BEGIN SOLUTION\n{}\n### END SOLUTION\n'
)


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=20, metavar="N", help="honest notebooks (default: %(default)s)")
    parser.add_argument("--environment", type=Path, metavar="DIR", help="keep the environment of the other tools here")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.learners < 1:
        raise ContractError(f"--learners is {options.learners}; it must be at least 1")
    with tempfile.TemporaryDirectory(prefix="grading-bench-") as folder:
        result = measure(Path(folder), options.learners, options.environment or Path(folder) / "environment")
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(options.save, result, command=f"python benchmarks/grading.py --learners {options.learners}",
                    data={"source": "notebooks written by the benchmark"}, seeds=[0],
                    modules=["course_lib.classroom.batch", "course_lib.classroom.grade_command"])  # fmt: skip
    return 0 if all(result["goals"].values()) else 1


def measure(folder: Path, learners: int, environment: Path) -> dict[str, Any]:
    """All tools on the same notebooks; the goals as true or false."""
    python = install(environment)
    release = nbgrader_release(folder / "nbgrader", python)
    honest = {f"learner-{n:03d}": HONEST[n % len(HONEST)] for n in range(learners)}
    # Each a little different, since `course grade` runs equal submissions once.
    notebooks = {name: notebook(release, f"{source}  # {name}") for name, (source, _) in honest.items()}
    systems: dict[str, dict[str, Any]] = {}
    for jobs in (1, os.cpu_count() or 1):
        say(f"course grade, {jobs} at a time")
        systems[f"course, {jobs} at a time"] = course(folder / f"course{jobs}", notebooks, jobs)
    say("course grade, torch")
    torch = {name: notebook(release, f"{TORCH}  # {name}") for name in honest}
    systems["course, torch"] = course(
        folder / "torch", torch, os.cpu_count() or 1, uses=("torch",), memory=8_000, seconds=10.0
    )
    say("nbgrader")
    systems["nbgrader"] = nbgrader(folder / "nbgrader", notebooks, python)
    say("otter-grader")
    systems["otter-grader"] = otter(folder / "otter", notebooks, python)
    for name, system in systems.items():
        deserved = {who: 3.0 if name == "course, torch" else points for who, (_, points) in honest.items()}
        # The others give a point for each case, so that a wrong answer may deserve some: only full marks are compared.
        system["right"] = sum((system["points"][who] == 3.0) == (deserved[who] == 3.0) for who in honest)
        system["learners"] = learners
        del system["points"]
    hostile = {name: hostile_costs(folder / f"hostile-{name}", name, notebook(release, source), python)
               for name, source in HOSTILE.items()}  # fmt: skip
    alone = systems["course, 1 at a time"]
    goals = {
        "seconds per numpy submission": alone["seconds_per_submission"] <= SUBMISSION_SECONDS,
        "times faster than nbgrader": systems["nbgrader"]["seconds_per_submission"] >= TIMES_FASTER * alone["seconds_per_submission"],
        "hostile submission": all(costs["course"]["seconds"] <= HOSTILE_SECONDS for costs in hostile.values()),
        "nothing forged": all(costs["course"]["points"] == 0.0 for costs in hostile.values()),
        "grader memory": all(one["memory_mb"] <= MEMORY_MB for name, one in systems.items() if name.startswith("course")),
        "honest points right": all(one["right"] == learners for one in systems.values()),
    }  # fmt: skip
    return {"systems": systems, "hostile": hostile, "goals": goals, "versions": OTHERS[:2], "hangs_after": HANGS}


def install(environment: Path) -> Path:
    """The interpreter of an environment with the other tools."""
    python = environment / "bin" / "python"
    if not (environment / "done").exists():
        say(f"installing {', '.join(OTHERS)}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *OTHERS], check=True)
        (environment / "done").touch()
    # nbgrader calls alembic, and Jupyter its kernels, by name.
    os.environ["PATH"] = f"{python.parent.resolve()}{os.pathsep}{os.environ['PATH']}"
    return python


def notebook(release: dict[str, Any], source: str) -> str:
    """The released notebook with an answer typed in."""
    copy = json.loads(json.dumps(release))
    for cell in copy["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "recall_at_k":
            cell["source"] = source
    return json.dumps(copy)


def course(folder: Path, notebooks: dict[str, str], jobs: int, uses: tuple[str, ...] = ("numpy",), memory: int = 1024,
           seconds: float = 2.0) -> dict[str, Any]:  # fmt: skip
    """`course grade` on a folder, with the benchmark's own exercise as a private spec."""
    private = folder / "private" / "shop"
    private.mkdir(parents=True)
    inputs = tuple(arguments for arguments, _ in CASES)
    spec = SPEC.format(by_k=BY_K, whole=WHOLE, basic=inputs[:1] + (({1, 2}, [1, 2, 3], 2),), hidden=inputs[1:], uses=uses,
                       memory=memory, seconds=seconds)  # fmt: skip
    (private / "grade_measurement.py").write_text(spec, encoding="utf-8")
    (private / "measurement.py").write_text(MASTER.format(SOLUTION), encoding="utf-8")
    for name, text in notebooks.items():
        path = folder / "submitted" / name / "shop" / "measurement.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    took = timed([*COURSE, "grade", folder / "submitted", "--out", folder / "report", "--jobs", str(jobs),
                  "--private-specs", folder / "private"])  # fmt: skip
    with (folder / "report" / "grades.csv").open(encoding="utf-8") as file:
        points = {row["learner"]: float(row["points"]) for row in csv.DictReader(file)}
    return summary(took, points)


def nbgrader_release(folder: Path, python: Path) -> dict[str, Any]:
    """nbgrader's own release version of the exercise, made by its `generate_assignment`."""
    import nbformat.v4 as v4

    def meta(grade_id: str, **more: Any) -> dict[str, Any]:
        base = {
            "grade": False,
            "grade_id": grade_id,
            "locked": True,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
        return {"nbgrader": {**base, **more}}

    cells = [v4.new_code_cell("import math", metadata=meta("setup")),
             v4.new_code_cell(f"### BEGIN SOLUTION\n{SOLUTION}\n### END SOLUTION",
                              metadata=meta("recall_at_k", solution=True, locked=False))]  # fmt: skip
    for number, (arguments, value) in enumerate(CASES):
        test = f"### BEGIN HIDDEN TESTS\nassert recall_at_k{arguments!r} == {value!r}\n### END HIDDEN TESTS"
        cells.append(v4.new_code_cell(test, metadata=meta(f"case-{number}", grade=True, points=1)))
    source = v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    path = folder / "source" / "recall" / "recall.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(source), encoding="utf-8")
    call([python, "-m", "nbgrader", "generate_assignment", "recall"], folder)
    return json.loads((folder / "release" / "recall" / "recall.ipynb").read_text(encoding="utf-8"))


def nbgrader(folder: Path, notebooks: dict[str, str], python: Path, limit: float = 3_600.0) -> dict[str, Any]:
    """`nbgrader autograde` on all learners, then its exported grades."""
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    for name, text in notebooks.items():
        path = folder / "submitted" / name / "recall" / "recall.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    took = timed([python, "-m", "nbgrader", "autograde", "recall", "--force"], cwd=folder, limit=limit)
    subprocess.run([python, "-m", "nbgrader", "export"], cwd=folder, check=False, capture_output=True)
    points = {}
    if (folder / "grades.csv").exists():
        with (folder / "grades.csv").open(encoding="utf-8") as file:
            points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    return summary(took, {name: points.get(name, 0.0) for name in notebooks})


def otter(folder: Path, notebooks: dict[str, str], python: Path, limit: float = 3_600.0) -> dict[str, Any]:
    """`otter run` on one learner after another (its `grade` command needs Docker), with an autograder zip of its own."""
    (folder / "tests").mkdir(parents=True)
    cases = [{"code": f">>> recall_at_k{arguments!r} == {value!r}\nTrue", "hidden": True, "locked": False, "points": 1}
             for arguments, value in CASES]  # fmt: skip
    test = {
        "name": "recall",
        "points": None,
        "suites": [{"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}],
    }
    (folder / "tests" / "recall.py").write_text(f"OK_FORMAT = True\n\ntest = {test!r}\n", encoding="utf-8")
    tool = python.with_name("otter")
    call([tool, "generate", "-t", "tests", "-o", "autograder.zip"], folder)
    total, points = Took(0.0, 0.0, False), {}
    for name, text in notebooks.items():
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
        (folder / name).mkdir()
        took = timed(
            [tool, "run", f"{name}.ipynb", "-a", "autograder.zip", "-o", name, "--no-logo"], cwd=folder, limit=limit
        )
        total = Took(total.seconds + took.seconds, max(total.memory_mb, took.memory_mb), total.stopped or took.stopped)
        found = folder / name / "results.json"
        tests = json.loads(found.read_text())["tests"] if found.exists() else []
        points[name] = sum(float(test.get("score") or 0.0) for test in tests)
    return summary(total, points)


def hostile_costs(folder: Path, name: str, text: str, python: Path) -> dict[str, dict[str, Any]]:
    """One hostile notebook: every tool for a forged answer and an endless loop, ours for the rest (they harm the machine)."""
    say(f"hostile: {name}")
    notebooks = {"hostile": text}
    tools: dict[str, Callable[[], dict[str, Any]]] = {"course": lambda: course(folder / "course", notebooks, 1)}
    if name in ("forged", "loop"):

        def its_own() -> dict[str, Any]:
            nbgrader_release(folder / "nbgrader", python)
            return nbgrader(folder / "nbgrader", notebooks, python, HANGS)

        tools |= {"nbgrader": its_own, "otter-grader": lambda: otter(folder / "otter", notebooks, python, HANGS)}
    return {tool: {"seconds": round((took := run())["seconds"], 2), "points": took["points"]["hostile"],
                   "hangs": took["hangs"]} for tool, run in tools.items()}  # fmt: skip


class Took:
    """Wall seconds of a process, its own peak memory (children apart), and whether it had to be stopped."""

    def __init__(self, seconds: float, memory_mb: float, stopped: bool):
        self.seconds, self.memory_mb, self.stopped = seconds, memory_mb, stopped


def call(command: list[Any], folder: Path) -> None:
    """Run a step that isn't measured; what it said is shown when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{(done.stdout + done.stderr)[-2_000:]}")


def timed(command: list[Any], cwd: Path | None = None, limit: float = 3_600.0) -> Took:
    """Run a command and measure it; stopped with all its children after ``limit`` seconds."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)  # fmt: skip
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak[0] = max(
                    peak[0],
                    *(float(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")),
                    0.0,
                )
            except OSError:
                pass
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    stopped = False
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        stopped, said = True, ""
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()
    seconds = time.perf_counter() - start
    watcher.join()
    if process.returncode not in (0, -9) and not stopped:
        print(said[-2_000:], file=sys.stderr)
    return Took(seconds, peak[0], stopped)


def summary(took: Took, points: dict[str, float]) -> dict[str, Any]:
    """What is kept of one tool's run."""
    return {"seconds": round(took.seconds, 3), "seconds_per_submission": round(took.seconds / len(points), 4),
            "memory_mb": round(took.memory_mb, 1), "hangs": took.stopped, "points": points}  # fmt: skip


def say(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_script(main))
