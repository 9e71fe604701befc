"""Nothing that a learner receives holds an answer: exercises, the wheel, the built pages, the report he gets back.

A grep, over texts that can be nothing else: lines of solutions that the stub and its prompt don't have, hidden inputs, and
what the solutions give for hidden inputs.
"""

from __future__ import annotations

import html
import json
import math
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from course_lib.classroom import sandbox
from course_lib.classroom.grading import Prepared, prepare
from course_lib.classroom.loading import graded_topics, load_exercise
from course_lib.classroom.observe import Returned
from course_lib.core.fingerprint import ROOT

SITE = ROOT / "_build" / "html"
_LONG = 20  # characters: a shorter line may stand anywhere by chance


@pytest.fixture(scope="module")
def prepared() -> list[Prepared]:
    return [prepare(load_exercise(topic)) for topic in graded_topics()]


@pytest.fixture(scope="module")
def secrets(prepared) -> dict[str, str]:
    """Text -> where it comes from."""
    found: dict[str, str] = {}
    for one in prepared:
        for question in one.questions:
            master = one.exercise.master.questions[question.name]
            given = {line.strip() for line in (master.stub + "\n" + master.prompt).splitlines()}
            for line in map(str.strip, master.solution.splitlines()):
                if line not in given and (len(line) >= _LONG or line.startswith(f"{question.name} =")):
                    found[line] = f"solution of {question.name}"
            for case in getattr(question, "cases", ()):
                if not case.hidden:
                    continue
                for arguments in one.inputs[question.name][case.name]:
                    found |= {
                        text: f"hidden input of {question.name}"
                        for text in map(repr, arguments)
                        if len(text) >= 2 * _LONG
                    }
                for event in one.expected[question.name].results[case.name]:
                    if isinstance(event, Returned) and telling(event.value):
                        found[repr(event.value)] = f"expected value of {question.name}"
    assert len(found) > 100
    return found


def telling(value: object) -> bool:
    """Whether a value is long enough, and no simple fraction: a learner's own visible result may be 0.6666666666666666."""
    if isinstance(value, float):
        return (
            math.isfinite(value)
            and len(repr(value)) > 10
            and abs(value - Fraction(value).limit_denominator(100)) > 1e-12
        )
    return len(repr(value)) >= _LONG


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    """Secrets in a text, also as it stands unescaped from HTML or JSON."""
    views = text + "\0" + html.unescape(text) + "\0" + text.replace('\\"', '"').replace("\\n", "\n")
    return [f"{where}: {secret[:80]}" for secret, where in secrets.items() if secret in views]


def test_the_grep_finds_what_it_should(secrets):
    for topic in graded_topics():
        branch, _, name = topic.partition(".")
        assert leaks((ROOT / "solutions" / branch / f"{name}.py").read_text(), secrets)
    assert leaks(json.dumps('"'.join(secrets)), secrets) and leaks(html.escape("\n".join(secrets)), secrets)


def test_exercises_hold_no_answer(secrets):
    notebooks = sorted((ROOT / "exercises").rglob("*.ipynb"))
    assert len(notebooks) == len(graded_topics())
    for path in notebooks:
        sources = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
        assert leaks(sources + path.read_text(), secrets) == []


def test_the_wheel_holds_no_answer_and_no_spec(secrets, tmp_path):
    code = (
        "import os, sys\nfrom setuptools import build_meta\n"
        f"os.chdir({str(tmp_path / 'source')!r})\nprint(build_meta.build_wheel({str(tmp_path)!r}))"
    )
    import shutil

    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("course_lib", "tests", "solutions", "exercises"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert any(name.endswith("classroom/worker.py") for name in names)
        assert [name for name in names if name.startswith(("tests", "solutions", "exercises")) or "grade_" in Path(name).name
                and name != "course_lib/classroom/grade_command.py"] == []  # fmt: skip
        text = "\n".join(archive.read(name).decode("utf-8", "replace") for name in names)
    assert leaks(text, secrets) == []


@pytest.mark.site
def test_the_built_pages_hold_no_answer(secrets):
    if not SITE.is_dir():
        pytest.skip("make book first")
    for path in sorted(SITE.rglob("*")):
        if path.suffix in (".html", ".js", ".json", ".txt", ".ipynb", ".md") and path.stat().st_size < 20_000_000:
            assert leaks(path.read_text(encoding="utf-8", errors="replace"), secrets) == [], path


@pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}")
def test_a_report_holds_no_answer(secrets, prepared, tmp_path):
    """Learners who hand in every known mistake, an exception, an echo of what they are given, nothing."""
    for one in prepared:
        branch, _, name = one.exercise.topic.partition(".")
        answers = {"echo": {}, "raises": {}, "nothing": {}}
        for question in one.questions:
            echo = f"def {question.name}(*given):\n    print(given)\n    return [repr(one) for one in given]"
            answers["echo"][question.name] = echo
            answers["raises"][question.name] = f"def {question.name}(*given):\n    raise ValueError(given)"
            for number, wrong in enumerate(question.wrong):
                answers.setdefault(f"wrong-{number}", {})[question.name] = wrong.code
        for learner, sources in answers.items():
            path = tmp_path / "submitted" / learner / branch / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            cells = [f'# %% question="{key}" points=1\n{source}\n' for key, source in sources.items()]
            path.write_text("\n".join(cells) or "# nothing\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "course_lib.cli", "grade", tmp_path / "submitted", "--out", tmp_path / "report"],
                   check=True, capture_output=True, cwd=ROOT)  # fmt: skip
    read = [
        path
        for folder in ("learners", "gradescope")
        for path in (tmp_path / "report" / folder).rglob("*")
        if path.is_file()
    ]
    assert len(read) >= 2 * len(answers)
    own = {
        wrong.strip()
        for one in prepared
        for question in one.questions
        for text in question.wrong
        for wrong in text.code.splitlines()
    }
    for path in read:
        text = path.read_text(encoding="utf-8")
        assert "ValueError" in text if "raises" in str(path) else True
        assert [leak for leak in leaks(text, secrets) if leak.partition(": ")[2] not in own] == [], path
