"""What a batch says as a whole, gathered while the report is written: nothing grows with the size of an answer."""

from __future__ import annotations

import datetime
import re
import statistics
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from course_lib.classroom.batch import Graded
from course_lib.classroom.loading import Exercise
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text

_LINE = Text("{n} learners, {q} questions, mean {mean} of {of} points, {s} s{reused}",
             "{n} 名学员，{q} 道题，平均 {mean} 分（满分 {of}），用时 {s} 秒{reused}")  # fmt: skip
_REUSED = Text(
    " ({n} of {files} files were known already: from an earlier run, or equal to another file)",
    "（{files} 个文件中有 {n} 个已有结果：来自先前的运行，或与另一文件相同）",
)
_SPECS = Text("private specs: {private}; public specs: {public}", "私有评分规则：{private}；公开评分规则：{public}")
_NO_TOPIC = Text("for no topic that was handed in", "无（针对已提交的主题）")
#: different messages that are counted per question: learners choose the words of their exceptions
_MESSAGES = 200


@dataclass(frozen=True)
class Run:
    """How the batch was graded. ``mode`` is ``bubblewrap`` or ``none``; ``private`` are the topics graded by private
    specs (None: no folder of such was given)."""

    mode: str
    seed: int
    language: str
    seconds: float
    date: str = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    private: tuple[str, ...] | None = None

    @property
    def trusted(self) -> bool:
        """Whether learners' code ran without a sandbox."""
        return self.mode == "none"


@dataclass
class QuestionSummary:
    """One question over the whole class."""

    id: str
    title: str
    max_points: float
    points: float = 0.0
    outcomes: Counter[str] = field(default_factory=lambda: Counter({outcome.value: 0 for outcome in Outcome}))
    messages: Counter[Text] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count one learner's verdict."""
        self.points += verdict.points
        self.outcomes[verdict.outcome.value] += 1
        if verdict.outcome in (Outcome.FAIL, Outcome.ERROR) and (
            verdict.message in self.messages or len(self.messages) < _MESSAGES
        ):
            self.messages[verdict.message] += 1

    @property
    def mean(self) -> float:
        """Points per learner, those who handed in nothing included."""
        return self.points / max(sum(self.outcomes.values()), 1)

    @property
    def commonest(self) -> list[tuple[Text, int]]:
        """The five messages that most learners got."""
        return sorted(self.messages.items(), key=lambda pair: (-pair[1], pair[0].en))[:5]


@dataclass(frozen=True)
class LearnerSummary:
    """One line of the class list."""

    shown: str
    file: str
    points: float
    outcomes: dict[str, int]
    troubled: bool


@dataclass
class Summary:
    """The class: its questions and its learners."""

    about: Run
    questions: dict[str, QuestionSummary]
    learners: list[LearnerSummary] = field(default_factory=list)
    faults: int = 0
    files: int = 0
    resumed: int = 0
    shared: int = 0

    @property
    def specs(self) -> Text | None:
        """Which topics were graded by private specs; None where there was no folder of them."""
        topics = sorted({question.partition("/")[0] for question in self.questions})
        return None if self.about.private is None else specs_line(self.about.private, topics)

    @property
    def max_points(self) -> float:
        """Points of all questions."""
        return sum(question.max_points for question in self.questions.values())

    @property
    def percents(self) -> list[float]:
        """Each learner's share of the points, in per cent."""
        return [100 * learner.points / self.max_points for learner in self.learners]

    @property
    def mean(self) -> float:
        """Mean of the learners' points."""
        return statistics.fmean(learner.points for learner in self.learners)

    @property
    def median(self) -> float:
        """Median of the learners' points."""
        return statistics.median(learner.points for learner in self.learners)

    def add(self, shown: str, file: str, results: list[Graded]) -> None:
        """Count one learner."""
        verdicts = [verdict for graded in results for verdict in graded.verdicts]
        for verdict in verdicts:
            self.questions[verdict.question].add(verdict)
        outcomes = {one.value: sum(verdict.outcome is one for verdict in verdicts) for one in Outcome}
        self.learners.append(LearnerSummary(shown, file, sum(one.points for one in verdicts), outcomes,
                                            any(graded.trouble for graded in results)))  # fmt: skip

    def line(self, language: str) -> str:
        """One line for the terminal."""
        known = self.resumed + self.shared
        reused = _REUSED.format(n=known, files=self.files) if known else ""
        numbers = {"n": len(self.learners), "q": len(self.questions), "mean": f"{self.mean:.2f}",
                   "of": f"{self.max_points:g}", "s": f"{self.about.seconds:.1f}", "reused": reused}  # fmt: skip
        return _LINE.format(**numbers).get(language)

    def to_dict(self) -> dict[str, Any]:
        """JSON-like."""
        return {
            "learners": len(self.learners), "mean": self.mean, "median": self.median, "max_points": self.max_points,
            "sandbox": self.about.mode, "seed": self.about.seed, "seconds": round(self.about.seconds, 3),
            "files": self.files, "resumed": self.resumed, "shared": self.shared, "faults": self.faults,
            "private_specs": None if self.about.private is None else list(self.about.private),
            "questions": [{"question": one.id, "mean": one.mean, "max_points": one.max_points, **one.outcomes}
                          for one in self.questions.values()],
        }  # fmt: skip


def specs_line(private: Collection[str], topics: Collection[str]) -> Text:
    """Which of the graded topics used private specs, and which the public ones."""
    public = ", ".join(topic for topic in topics if topic not in private)
    return _SPECS.format(private=", ".join(private) or _NO_TOPIC, public=public or Text("none", "无"))


def question_titles(exercise: Exercise) -> dict[str, str]:
    """Question name -> the last heading above it in the master, or its name."""
    found = {}
    for name, question in exercise.master.questions.items():
        headings = re.findall(r"^#{2,4} +(?:\d+[.)]? +)?(.+?) *$", question.prompt, re.MULTILINE)
        found[name] = headings[-1].replace("`", "") if headings else name
    return found


def topic_title(exercise: Exercise) -> str:
    """The master's main heading, or the topic's id."""
    for cell in exercise.master.cells:
        found = re.search(r"^# +(.+?) *$", cell.source, re.MULTILINE) if cell.kind == "markdown" else None
        if found:
            return found[1].replace("`", "")
    return exercise.topic


def empty_summary(exercises: dict[str, Exercise], about: Run) -> Summary:
    """A summary to which learners are added."""
    questions = {}
    for exercise in exercises.values():
        titles = question_titles(exercise)
        for one in exercise.questions:
            known = exercise.full_id(one)
            questions[known] = QuestionSummary(known, titles[one.name], exercise.master.questions[one.name].points)
    return Summary(about, questions)
