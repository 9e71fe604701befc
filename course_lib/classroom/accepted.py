"""The results that an author has looked at and accepted: ``solutions/<branch>/<topic>.accepted.json``.

Answers are judged against the solution, so a solution that changes quietly would change what is right. This file keeps
a digest of what each solution gave on the inputs of seed 0; ``verify`` fails when they part, until the author has
looked (``course exercises build --accept``). A digest says nothing about right or wrong: for that a topic's tests hold
the solutions against other implementations.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.classroom.grading import Prepared
from course_lib.classroom.literal import NotPlain, read_literal
from course_lib.classroom.loading import Exercise
from course_lib.classroom.observe import Raised, Returned
from course_lib.classroom.spec import Choice, Code, Number, Question
from course_lib.classroom.wire import Tensor
from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import read_json, write_json
from course_lib.core.fingerprint import ROOT

SEED = 0
_FORMAT = "accepted-results"


def accepted_path(topic: str, root: Path = ROOT) -> Path:
    """``solutions/<branch>/<topic>.accepted.json`` of a topic id."""
    branch, _, name = topic.partition(".")
    return root / "solutions" / branch / f"{name}.accepted.json"


def digests(prepared: Prepared) -> dict[str, str]:
    """Question -> hex digest of its cases (inputs, points) and of what the solution gave, numbers to six digits."""
    return {one.name: _digest(_facts(one, prepared)) for one in prepared.questions}


def problems(prepared: Prepared, root: Path = ROOT) -> Iterator[str]:
    """What differs between the solutions and the file; each line begins with the question's id."""
    topic = prepared.exercise.topic
    now, then = digests(prepared), _read(accepted_path(topic, root))
    for name, digest in now.items():
        if name not in then:
            yield f"{topic}/{name}: its results have not been accepted yet. Run `course exercises build {topic}`"
        elif then[name] != digest:
            yield (f"{topic}/{name}: its solution or cases give other results than those accepted. If that is meant: "
                   f"`course exercises build --accept {topic}`")  # fmt: skip
    for name in sorted(then.keys() - now.keys()):
        yield f"{topic}/{name}: accepted, but there is no such question. Run `course exercises build --accept {topic}`"


def accept(prepared: Prepared, root: Path = ROOT, changed: bool = False) -> bool:
    """Write the digests of new questions, and with ``changed`` of those too whose results are others now.

    Returns:
        Whether the file was written.

    Raises:
        CourseError: results have changed, and ``changed`` is not set.
        DataError: the file there can't be read.
    """
    exercise: Exercise = prepared.exercise
    path = accepted_path(exercise.topic, root)
    now, then = digests(prepared), _read(path)
    others = [name for name, digest in then.items() if now.get(name) != digest]
    if others and not changed:
        raise CourseError(f"the results of {', '.join(others)} are not those accepted", where=exercise.topic,
                          remedy="Look at the change; if it is meant, use --accept")  # fmt: skip
    if now == then:
        return False
    write_json(path, {"format": _FORMAT, "version": 1, "questions": dict(sorted(now.items()))})
    return True


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    content = read_json(path)
    questions = content.get("questions") if isinstance(content, dict) and content.get("format") == _FORMAT else None
    if not isinstance(questions, dict) or not all(isinstance(one, str) for one in questions.values()):
        raise DataError("not a file of accepted results", where=str(path), remedy="Remove it and build anew")
    return questions


def _facts(question: Question, prepared: Prepared) -> Any:
    """All that decides which answers are right, as nested lists."""
    if isinstance(question, Code):
        inputs, results = prepared.inputs[question.name], prepared.expected[question.name].results
        return [[case.name, _plain(case.points), case.hidden, _plain(inputs[case.name]), _plain(results[case.name])]
                for case in question.cases]  # fmt: skip
    try:
        right = read_literal(prepared.exercise.master.questions[question.name].solution, question.name)
    except NotPlain as error:
        right = str(error)
    assert isinstance(question, (Choice, Number))
    form = [question.options, question.several] if isinstance(question, Choice) else _plain(question.tolerance)
    return [form, _plain(right)]


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    """A value as nested lists of texts; numbers to six digits, so that another processor's last bit doesn't count."""
    if isinstance(value, Returned):
        return ["returned", _plain(value.value), list(value.changed)]
    if isinstance(value, Raised):
        return ["raised", value.type]
    if isinstance(value, Tensor):
        return ["tensor", _plain(value.array)]
    if isinstance(value, np.ndarray):
        return ["array", value.dtype.kind, list(value.shape), _plain(value.ravel().tolist())]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, dict):
        return ["dict", sorted(([_plain(key), _plain(one)] for key, one in value.items()), key=json.dumps)]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted((_plain(one) for one in value), key=json.dumps)]
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return f"{value:.6g}".replace("-0", "0") if value == 0 else f"{value:.6g}"
    return repr(value)
