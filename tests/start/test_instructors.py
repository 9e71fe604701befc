"""start.instructors: the chapter's toy exercise, its class of four, its tables, with and without a sandbox."""

from __future__ import annotations

import ast
from typing import Any

import jupytext
import pytest

from course_lib.classroom import sandbox
from course_lib.classroom.loading import graded_topics, load_exercise
from course_lib.classroom.verify import verify
from course_lib.core import fingerprint, provenance
from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import ROOT
from course_lib.publishing import figures

CHAPTER = ROOT / "book" / "start" / "instructors.md"


def cell(part: str) -> str:
    [source] = [one.source for one in jupytext.read(CHAPTER).cells if one.cell_type == "code" and part in one.source]
    return source


def run(*parts: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the cells that hold these parts, in this order; ``shown`` is what the last one shows, if anything."""
    names = {} if names is None else names
    for part in parts:
        tree = ast.parse(cell(part))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(CHAPTER), "exec"), names)
        if last is not None:
            names["shown"] = eval(compile(ast.Expression(last.value), str(CHAPTER), "eval"), names)
    return names


AUTHORING = ("MASTER = ", "SPEC = ", "toy = Path")
CLASS = ("SUBMITTED = ", "grade_batch(", "about = {")


@pytest.fixture
def toy() -> dict[str, Any]:
    return run(*AUTHORING, names={"figures": figures})


def test_the_toy_is_proven_and_no_topic_of_the_course(toy, capsys):
    assert toy["problems"] == [] and verify(root=toy["toy"]) == []
    assert graded_topics(toy["toy"]) == ["toy.orders"] and "toy.orders" not in graded_topics()


def test_verify_names_the_planted_fault(toy, capsys):
    capsys.readouterr()
    run("print(*verify(root=toy)", names=toy)
    assert capsys.readouterr().out == "toy.orders/average_order: wrong answer 'cancelled' passes\n"
    assert verify(root=toy["toy"]) == []  # and mends it again


@pytest.mark.parametrize("minutes", [60, 180, 600])
@pytest.mark.parametrize("roles", [("developer", "business", "both"), ("business", "both")])
def test_the_weeks_hold_every_topic_once_in_order(minutes, roles):
    names = run("def weeks(", names={"load_exercise": load_exercise})
    cut = names["weeks"](minutes, roles)
    order = [topic for topic in names["load_map"](ROOT / "book" / "mindmap.yml").order() if topic.role in roles]
    assert [topic.id for week in cut for topic in week] == [one.id for one in order if one.id != "start.instructors"]
    assert all(week and (len(week) == 1 or sum(topic.minutes for topic in week) <= minutes) for week in cut)
    assert len(names["plan"]) == repr(names["shown"]).count("\n") - 1


def test_the_class_in_the_sandbox(toy):
    reason = sandbox.why_not()
    if reason:
        pytest.skip(f"no sandbox here: {reason.what}")
    check_class(run(*CLASS[:2], names=toy), "each in a sandbox")


def test_the_class_where_no_sandbox_starts(toy, monkeypatch):
    monkeypatch.setattr(sandbox, "why_not", lambda: CourseError("the sandbox needs Mars", remedy="fly there"))
    names = run(*CLASS[:2], names=toy)
    check_class(names, "WITHOUT a sandbox, since these four are our own (the sandbox needs Mars)")
    assert names["mode"] == "none" and "sandbox" in (names["report"] / "index.html").read_text(encoding="utf-8")


def check_class(names: dict[str, Any], said: str) -> None:
    marks = {who: (one.outcome.value, one.points, one.mistake) for who, one in names["verdicts"].items()}
    assert marks == {
        "learner-01": ("PASS", 2.0, ""),
        "learner-02": ("FAIL", 1.0, "zero"),
        "learner-03": ("ERROR", 0.0, ""),
        "learner-04": ("ERROR", 0.0, ""),
    }
    assert said in repr(names["shown"])
    table = run(CLASS[2], names=names)["shown"]
    assert repr(table).count("yes") == 7
    written = {path.name for path in names["report"].iterdir()} - {"work"}
    assert {name for name in written if not name.startswith(".")} == set(names["about"])


MEASURED = {
    "systems": {
        "course, 1 at a time": {"seconds_per_submission": 0.0123, "memory_mb": 55.4, "right": 20, "learners": 20},
    },
    "hostile": {
        "forged": {"course": {"seconds": 0.41, "points": 0.0, "hangs": False},
                   "nbgrader": {"seconds": 3.0, "points": 3.0, "hangs": False}},
        "loop": {"course": {"seconds": 7.5, "points": 0.0, "hangs": False},
                 "otter-grader": {"seconds": 60.0, "points": 0.0, "hangs": True}},
    },
}  # fmt: skip


def benchmark_cells() -> list[Any]:
    names = {"figures": figures, "ROOT": fingerprint.ROOT}
    return [run(part, names=names)["shown"] for part in ("benchmarks/results/grading.json", "def cost(one)")]


def test_the_benchmark_tables(monkeypatch, tmp_path):
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "benchmarks" / "results" / "grading.json").write_text("{}")
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "load_result", lambda path: (MEASURED, "Measured once."))
    honest, hostile = map(repr, benchmark_cells())
    assert "0.012" in honest and "20 of 20" in honest and "Measured once." in honest
    assert "3.0 s, 3 points forged" in hostile and "> 60.0 s" in hostile and "not tried" in hostile


def test_the_benchmark_tables_where_nothing_was_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    assert benchmark_cells() == ["Not measured yet: benchmarks/results/grading.json is missing."] * 2


def test_the_model_names_what_is_not_protected():
    text = CHAPTER.read_text(encoding="utf-8")
    section = text[text.index("### What is not protected") : text.index("## How it fails")]
    for word in ("public repository", "Plagiarism", "Bits", "kernel", "--trust-submissions", "macOS", "--private-spec"):
        assert word in section, word
    assert "Docker" in text and "AppArmor" in text
    assert (ROOT / "tests" / "classroom" / "attacks").is_dir()
