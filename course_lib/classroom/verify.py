"""Proof that the exercises do what they promise: ``course exercises verify``.

For every question: its stub is NOT ATTEMPTED, its solution earns full marks, each wrong answer fails with its own
message, nothing that knows nothing earns more than a fifth, everything is said in both languages, the results are those
that the author accepted, and the notebook on disk is the one that ``build`` would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from course_lib.classroom import accepted, guessing, stubs
from course_lib.classroom.grading import Prepared, grade, prepare
from course_lib.classroom.literal import NotPlain, read_literal
from course_lib.classroom.loading import Exercise, graded_topics, load_exercise, which_topic
from course_lib.classroom.spec import Choice, Code, Number, Question
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError, UnknownIdError
from course_lib.core.fingerprint import ROOT

#: inputs are drawn anew for each, so that a wrong answer that is found out by luck is seen
SEEDS = (0, 1, 2)
#: wrong answers that a code or number question, or a choice of several letters, must foresee
LEAST_WRONG = 3
_LEAST_OPTIONS = 5


def verify(
    root: Path = ROOT, topics: Sequence[str] | None = None, seeds: Sequence[int] = SEEDS,
    say: Callable[[str], None] = lambda line: None,
) -> list[str]:  # fmt: skip
    """Check the exercises of some topics, or of all (then also for files that belong to none).

    Args:
        say: is told the topic that is being checked.

    Returns:
        The problems, one line each, beginning with the question's id or the file; none: all is proven.

    Raises:
        CourseError: nbgrader or jupytext is missing.
        UnknownIdError: a topic has no grading spec.
    """
    stubs.need_tools()
    there = graded_topics(root)
    for topic in topics or ():
        if topic not in there:
            raise UnknownIdError(f"{topic!r} has no graded exercise",
                                 remedy=which_topic(topic, there) if there else None)  # fmt: skip
    problems = [] if topics else list(_strays(root, there))
    for topic in topics or there:
        say(f"{topic} …")
        problems += [" ".join(problem.split()) for problem in _topic(topic, root, seeds)]
    return problems


def _topic(topic: str, root: Path, seeds: Sequence[int]) -> Iterator[str]:
    """All problems of a topic. A spec is code: whatever it raises is a problem too."""
    try:
        yield from _everything(load_exercise(topic, root), root, seeds)
    except CourseError as error:
        yield f"{topic}: {error}"
    except Exception as error:
        yield f"{topic}: the spec raises {type(error).__name__}: {error}"


def _everything(exercise: Exercise, root: Path, seeds: Sequence[int]) -> Iterator[str]:
    yield from _drift(exercise, root)
    for question in exercise.questions:
        where = exercise.full_id(question)
        yield from (f"{where}: {problem}" for problem in _texts(question))
        yield from (f"{where}: {problem}" for problem in _enough(question, exercise))
    seen: set[str] = set()
    for seed in seeds:
        prepared = prepare(exercise, seed=seed)
        if seed == accepted.SEED:
            yield from accepted.problems(prepared, root)
        for problem in _behaviour(exercise, prepared):
            if problem not in seen:
                seen.add(problem)
                yield problem + (f" (seed {seed})" if seed != seeds[0] else "")


# --- what the files say ---------------------------------------------------------------------------------------------


def _strays(root: Path, topics: Sequence[str]) -> Iterator[str]:
    """Masters and notebooks that have no grading spec."""
    for path in sorted([*root.glob("solutions/*/*.py"), *root.glob("exercises/*/*.ipynb")]):
        topic = f"{path.parent.name}.{path.stem}"
        if topic not in topics:
            spec = f"tests/{path.parent.name}/grade_{path.stem}.py"
            yield f"{path.relative_to(root)}: there is no {spec}"


def _drift(exercise: Exercise, root: Path) -> Iterator[str]:
    path = stubs.stub_path(exercise.topic, root)
    where, remedy = path.relative_to(root), f"Run `course exercises build {exercise.topic}`"
    try:
        wanted = stubs.stub_notebook(exercise)
    except CourseError as error:
        yield f"{exercise.topic}: {error}"
        return
    cells = {cell.id: cell.source for cell in wanted.cells}
    for name, question in exercise.master.questions.items():
        if cells[name] != question.stub:
            yield f"{exercise.topic}/{name}: nbgrader clears the solution in another way than masters.stub_of"
    try:
        if path.read_bytes() != stubs.to_bytes(wanted):
            yield f"{where}: is not what the master gives. {remedy}"
    except OSError as error:
        yield f"{where}: can't be read ({error.strerror}). {remedy}"


def _texts(question: Question) -> Iterator[str]:
    """Texts that lack a language, or hold the other one."""
    for what, text in _all_texts(question):
        for language in ("en", "zh"):
            if not (isinstance(text, Text) and text.get(language).strip()):
                yield f"{what} lacks {language}"
                break
        else:
            if _chinese(text.en):
                yield f"{what}: the English text holds Chinese"
            # A lower-case word is language; a formula such as NDCG@10 reads the same in both.
            if re.search(r"[a-z]{3}", text.en) and not _chinese(text.zh):
                yield f"{what}: the Chinese text holds no Chinese"


def _all_texts(question: Question) -> Iterator[tuple[str, Text]]:
    yield from ((f"hint {number}", hint) for number, hint in enumerate(question.hints, 1))
    yield from ((f"the message of wrong answer {one.name!r}", one.message) for one in question.wrong)
    if isinstance(question, Code):
        for case in question.cases:
            yield f"the title of case {case.name!r}", case.title
            for what, text in (("expect", case.expect), ("advice", case.advice)):
                if text is not None:
                    yield f"{what} of case {case.name!r}", text
    elif isinstance(question, Number) and (question.unit.en or question.unit.zh):
        yield "the unit", question.unit


def _chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def _enough(question: Question, exercise: Exercise) -> Iterator[str]:
    """Hints and wrong answers that are missing; messages that two mistakes share."""
    if not question.hints:
        yield "it has no hint"
    messages = [one.message for one in question.wrong]
    for number, one in enumerate(question.wrong):
        if one.message in messages[:number]:
            yield f"wrong answer {one.name!r} has the message of another"
    if isinstance(question, Choice) and not question.several:
        right = _letters(exercise.master.questions[question.name].solution, question)
        foreseen = "".join(_letters(one.code, question) for one in question.wrong)
        missing = [letter for letter in question.options if letter not in right + foreseen]
        if missing:
            yield f"no wrong answer for option {', '.join(missing)}"
    elif len(question.wrong) < LEAST_WRONG:
        yield f"it has {len(question.wrong)} wrong answers; at least {LEAST_WRONG} are needed"


def _letters(source: str, question: Choice) -> str:
    try:
        return str(read_literal(source, question.name)).lower()
    except NotPlain:
        return ""  # grading it says what is wrong


# --- what the answers earn ------------------------------------------------------------------------------------------


def _behaviour(exercise: Exercise, prepared: Prepared) -> Iterator[str]:
    """Grade the stubs, the solutions and every wrong answer as if they were learners' work."""
    masters = exercise.master.questions
    for verdict in grade(prepared, {name: one.stub for name, one in masters.items()}):
        if verdict.outcome is not Outcome.NOT_ATTEMPTED or verdict.points:
            yield f"{verdict.question}: the stub is {verdict.outcome}, not NOT ATTEMPTED"
    for verdict in grade(prepared, {name: one.solution for name, one in masters.items()}):
        if verdict.outcome is not Outcome.PASS or verdict.points != verdict.max_points:
            yield (f"{verdict.question}: the solution is {verdict.outcome} with {verdict.points:g} of "
                   f"{verdict.max_points:g} points: {verdict.message.en}")  # fmt: skip
    rounds = max((len(question.wrong) for question in exercise.questions), default=0)
    for number in range(rounds):
        asked = [question for question in exercise.questions if number < len(question.wrong)]
        sources = {question.name: question.wrong[number].code for question in asked}
        verdicts = {verdict.question: verdict for verdict in grade(prepared, sources)}
        for question in asked:
            wrong = question.wrong[number].name
            for problem in _wrong(wrong, verdicts[exercise.full_id(question)]):
                yield f"{exercise.full_id(question)}: wrong answer {wrong!r} {problem}"
    for question in exercise.questions:
        for problem in _guesses(question, exercise, prepared):
            yield f"{exercise.full_id(question)}: {problem}"


def _wrong(name: str, verdict: Verdict) -> Iterator[str]:
    if verdict.outcome is Outcome.NOT_ATTEMPTED:
        yield "counts as not attempted"
    elif verdict.outcome is Outcome.PASS:
        yield "passes"
    elif verdict.mistake != name:
        yield (f"gets the message of {verdict.mistake!r}" if verdict.mistake
               else f"gets no message of its own, but: {verdict.message.en}")  # fmt: skip
    if verdict.outcome is not Outcome.PASS and verdict.points >= verdict.max_points:
        yield "earns full marks"


def _guesses(question: Question, exercise: Exercise, prepared: Prepared) -> Iterator[str]:
    """What can be had without knowing anything."""
    if isinstance(question, Code):
        best = guessing.best_constant(question, prepared.inputs[question.name], prepared.expected[question.name])
        if best.share > guessing.LIMIT + 1e-9:
            yield (f"a function that {best.what} earns {best.share:.0%} of the points; at most {guessing.LIMIT:.0%} "
                   "may be had so")  # fmt: skip
    elif isinstance(question, Choice):
        guesses = guessing.answers(question)
        right = sum(_passes(question, repr(guess), prepared) for guess in guesses)
        if right > guessing.LIMIT * len(guesses):
            yield f"a guess is right {right} times in {len(guesses)}; offer at least {_LEAST_OPTIONS} answers"
    elif isinstance(question, Number):
        prompt = exercise.master.questions[question.name].prompt
        for number in sorted(set(guessing.numbers_in(prompt))):
            if _passes(question, repr(number), prepared):
                yield f"the number {number:g} of its own prompt is right"
        for number in guessing.USUAL_NUMBERS:
            if _passes(question, repr(number), prepared):
                yield f"the number {number:g}, which anybody would guess, is right"
        for place, hint in enumerate(question.hints, 1):
            if any(_passes(question, repr(number), prepared) for number in guessing.numbers_in(hint.en)):
                yield f"hint {place} holds the answer"


def _passes(question: Question, answer: str, prepared: Prepared) -> bool:
    verdicts = grade(prepared, {question.name: f"{question.name} = {answer}"})
    return any(verdict.points > 0 for verdict in verdicts)
