"""What comes out of checking an answer: an outcome, points, and words that help."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from course_lib.core.bilingual import Text


class Outcome(str, Enum):
    """What became of an answer."""

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    NOT_ATTEMPTED = "NOT ATTEMPTED"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class CaseResult:
    """One case of a code question.

    Attributes:
        gated: it was right, but earns nothing while the basic case fails.
    """

    name: str
    title: Text
    passed: bool
    points: float
    max_points: float
    hidden: bool = False
    gated: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer to "is this right?"; holds nothing that a learner may not see.

    Attributes:
        question: full id, ``shop.measurement/recall_at_k``.
        message: one or two sentences: what is wrong, or that all is well.
        shown: input, expected in words, what came: pairs of label and text, for the first visible case that failed.
        advice: the next step.
        mistake: name of the wrong answer that this one behaves like, or "".
        cases: of a code question.
        printed: the beginning of what the learner's code printed (only his own check shows it).
        seconds: time spent in the learner's code.
    """

    question: str
    outcome: Outcome
    points: float
    max_points: float
    message: Text
    shown: tuple[tuple[Text, Text], ...] = ()
    advice: Text = Text("", "")
    mistake: str = ""
    cases: tuple[CaseResult, ...] = field(default=())
    printed: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-like; texts as ``{"en": …, "zh": …}``."""
        return {**asdict(self), "outcome": self.outcome.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Verdict:
        """The inverse of ``to_dict``."""

        def text(one: dict[str, str]) -> Text:
            return Text(**one)

        cases = tuple(CaseResult(**{**case, "title": text(case["title"])}) for case in data["cases"])
        shown = tuple((text(label), text(value)) for label, value in data["shown"])
        words = {"message": text(data["message"]), "advice": text(data["advice"])}
        return cls(**{**data, **words, "outcome": Outcome(data["outcome"]), "cases": cases, "shown": shown})
