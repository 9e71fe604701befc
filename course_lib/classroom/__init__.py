"""Exercises that teach: checking one's own answers, hints, progress, and grading a class safely.

In a notebook: ``from course_lib.classroom import question``, then ``question("shop.measurement/recall_at_k").check()``.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "question":  # on first use: the package itself must stay light
        from course_lib.classroom.learner import question

        return question
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers question")
