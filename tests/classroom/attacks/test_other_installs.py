"""Importing the answer from the course's own package: an editable installation, and one as a wheel."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from course_lib.core.fingerprint import PACKAGE, ROOT

ANSWER = "def weighted(values):\n    return float(sum((place + 1) * value for place, value in enumerate(values)))\n"
# Past the import hook, past the path: whatever is readable can be run.
STEALS = """\
import glob
import sys

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "NoAnswers"]
for folder in [*sys.path, *HOST["sites"]]:
    for path in [folder + "/course_lib/stolen.py", *glob.glob(folder + "/course*/**/stolen.py", recursive=True)]:
        try:
            exec(open(path).read())
        except OSError:
            pass
"""
IMPORTS = """\
import sys

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "NoAnswers"]
sys.path[:0] = HOST["sites"]
from course_lib.stolen import weighted
"""
FILLS = """\
import os


def weighted(values):
    path = os.path.join(HOST["sites"][-1], "course_lib", "fill")
    with open(path, "wb") as file:
        file.write(bytes(10_000_000))
    raise RuntimeError("DONE")
"""


@pytest.fixture
def wheel(tmp_path: Path, host: Any) -> Path:
    """A folder of installed packages that holds a copy of the package, with an answer in it."""
    site = tmp_path / "lib" / "site-packages"
    shutil.copytree(PACKAGE, site / "course_lib", ignore=shutil.ignore_patterns("__pycache__", "data"))
    (site / "course_lib" / "stolen.py").write_text(ANSWER)
    (site / "other.py").write_text("")
    host.facts["sites"] = [*host.facts["sites"], str(site)]
    return site


class _Cell:
    """An attack that is not a file, since it fits only here."""

    def __init__(self, text: str):
        self.text = text


@pytest.mark.parametrize("text", [STEALS, IMPORTS], ids=["reads", "imports"])
def test_an_answer_in_an_installed_package(text: str, wheel: Path, host: Any, new_grader: Any, naive: Any) -> None:
    verdict = new_grader(str(wheel)).grade({"weighted": host.source(_Cell(text))})["weighted"]
    assert verdict["points"] == 0, verdict
    assert verdict["outcome"] == "ERROR"
    control = naive.run(_Cell(text), path=str(wheel))
    assert control.report["points"] == 12, control


def test_what_covers_the_package_is_no_memory_without_limit(
    wheel: Path, host: Any, new_grader: Any, naive: Any
) -> None:
    grader = new_grader(str(wheel))
    verdict = grader.grade({"weighted": host.source(_Cell(FILLS))})["weighted"]
    assert "OSError" in verdict["message"]["en"] or "PermissionError" in verdict["message"]["en"], verdict
    sees = 'import os\n\n\ndef weighted(values):\n    raise RuntimeError(os.listdir(HOST["sites"][-1]))\n'
    message = grader.grade({"weighted": host.source(_Cell(sees))})["weighted"]["message"]["en"]
    assert "other.py" in message.partition("`)")[2]  # the folder is there, the package in it covered
    control = naive.run(_Cell(FILLS), path=str(wheel))
    assert "DONE" in control.report["message"]


def test_an_editable_installation(host: Any, grader: Any, naive: Any) -> None:
    """The finder that such an installation puts among the packages names the checkout, which the worker doesn't see."""
    text = f"""\
import sys

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "NoAnswers"]
sys.path.insert(0, {str(ROOT)!r})
from course_lib.core.errors import CourseError


def weighted(values):
    return float(sum((place + 1) * value for place, value in enumerate(values)))
"""
    verdict = grader.grade({"weighted": text})["weighted"]
    assert verdict["outcome"] == "ERROR" and verdict["points"] == 0
    assert "No module named 'course_lib'" in verdict["message"]["en"] or "can't be imported" in verdict["message"]["en"]
    assert naive.run(_Cell(text), path=os.pathsep.join([str(ROOT)])).report["points"] == 12
