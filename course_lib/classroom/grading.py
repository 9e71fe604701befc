"""Checking a learner's answers to one topic: the one way that the notebook, the terminal and the instructor share.

``prepare`` runs the solutions and the known wrong answers once; ``grade`` runs a learner's answers and compares. The
process that calls these never runs an answer itself and never imports what answers need (torch).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from course_lib.classroom import messages, wire
from course_lib.classroom.attempted import attempted
from course_lib.classroom.compare import numbers_close
from course_lib.classroom.judge import judge
from course_lib.classroom.literal import NotPlain, read_literal
from course_lib.classroom.loading import Exercise
from course_lib.classroom.observe import Ended, Event, Observation, Raised, Returned, Task, observe
from course_lib.classroom.own_checks import without_checks
from course_lib.classroom.process import Confinement, Plain
from course_lib.classroom.render import render
from course_lib.classroom.spec import Choice, Code, Number, Question
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import DataError
from course_lib.core.parsing import parse
from course_lib.core.seeds import generator


@dataclass(frozen=True)
class Prepared:
    """What is needed to judge answers to one topic, made once.

    Attributes:
        exercise: the spec and the master.
        seed: of the drawn inputs.
        questions: those to judge, in the exercise's order.
        inputs: code question -> case -> arguments of each input.
        encoded: the same as they cross the pipe.
        expected: code question -> what the solution did.
        mistakes: code question -> wrong answer -> what it did.
    """

    exercise: Exercise
    seed: int
    questions: tuple[Question, ...]
    inputs: dict[str, dict[str, list[tuple]]] = field(default_factory=dict)
    encoded: dict[str, dict[str, list[list]]] = field(default_factory=dict)
    expected: dict[str, Observation] = field(default_factory=dict)
    mistakes: dict[str, dict[str, Observation]] = field(default_factory=dict)

    def code(self, names: Collection[str]) -> list[Code]:
        """The code questions of these names."""
        return [one for one in self.questions if isinstance(one, Code) and one.name in names]


def prepare(exercise: Exercise, seed: int = 0, only: Collection[str] | None = None) -> Prepared:
    """Draw the inputs, and run the solutions and the known wrong answers on them.

    Args:
        seed: of the drawn inputs: another seed, other hidden inputs.
        only: names of questions; None: all.

    Raises:
        DataError: a spec's inputs can't be drawn or sent, or a solution fails on them.
    """
    questions = tuple(one for one in exercise.questions if only is None or one.name in only)
    prepared = Prepared(exercise, seed, questions)
    for question in prepared.code([one.name for one in questions]):
        where = f"{exercise.spec_path}, question {question.name}"
        try:
            drawn = {case.name: case.arguments(generator(seed, exercise.full_id(question), case.name))
                     for case in question.cases}  # fmt: skip
            prepared.inputs[question.name] = drawn
            prepared.encoded[question.name] = {
                case: [[wire.encode(one) for one in arguments] for arguments in calls] for case, calls in drawn.items()
            }
        except wire.Unsendable as unsendable:
            raise DataError(f"an input holds {unsendable.kind}, which can't be sent", where=where) from None
        except Exception as error:
            raise DataError(f"inputs can't be drawn ({type(error).__name__}: {error})", where=where) from error
    _run_ours(prepared)
    return prepared


def grade(
    prepared: Prepared, sources: Mapping[str, str], confinement: Confinement | None = None, reveal: bool = False
) -> list[Verdict]:
    """Judge one learner's answers.

    Args:
        sources: question -> source of its answer cell; a missing one was not attempted.
        confinement: where the code runs; default ``Plain()``, for one's own work.
        reveal: keep what the code printed (own work only).

    Returns:
        One verdict per question of ``prepared``, in its order.
    """
    master = prepared.exercise.master
    written = {one.name: without_checks(sources[one.name]) for one in prepared.questions if one.name in sources}
    given = {name: source for name, source in written.items() if attempted(source, master.questions[name].stub, name)}
    tasks = [Task(one.name, one, given[one.name]) for one in prepared.code(given)]
    seen = observe(tasks, master.setup, prepared.encoded, confinement or Plain()) if tasks else {}
    verdicts = []
    for question in prepared.questions:
        full_id, name = prepared.exercise.full_id(question), question.name
        max_points = master.questions[name].points
        if name not in given:
            verdicts.append(_empty(full_id, max_points))
        elif isinstance(question, Code):
            verdicts.append(judge(question, full_id, prepared.inputs[name], prepared.expected[name],
                                  prepared.mistakes[name], seen[name], given[name], reveal,
                                  parameters(master.questions[name].solution, name)))  # fmt: skip
        else:
            verdicts.append(_literal(question, full_id, max_points, master.questions[name].solution, given[name]))
    return verdicts


def parameters(source: str, name: str) -> tuple[str, ...]:
    """Names of a function's positional arguments, read from its source (of ours); () where it defines none."""
    functions = [one for one in parse(source).body if isinstance(one, ast.FunctionDef) and one.name == name]
    return tuple(one.arg for one in functions[-1].args.args) if functions else ()


def _run_ours(prepared: Prepared) -> None:
    """Run solutions and wrong answers through the same worker as a learner's, without a sandbox: they are ours."""
    exercise, code = prepared.exercise, prepared.code([one.name for one in prepared.questions])
    if not code:
        return
    tasks = [Task(one.name, one, exercise.master.questions[one.name].solution) for one in code]
    tasks += [Task(f"{one.name} {wrong.name}", one, wrong.code) for one in code for wrong in one.wrong]
    seconds = sum(task.question.seconds for task in tasks)
    seen = observe(tasks, exercise.master.setup, prepared.encoded, Plain(), seconds, math.inf)
    for one in code:
        _require_values(prepared, one, seen[one.name])
        prepared.expected[one.name] = seen[one.name]
        prepared.mistakes[one.name] = {wrong.name: seen[f"{one.name} {wrong.name}"] for wrong in one.wrong}


def _require_values(prepared: Prepared, question: Code, seen: Observation) -> None:
    """A solution gives a value on every input, or raises where the case says so."""
    where, call = str(prepared.exercise.master_path), f"the solution of {question.name}"
    if seen.loading is not None:
        raise DataError(f"{call} fails: {_in_words(seen.loading)}", where=where)
    for case in question.cases:
        for arguments, event in zip(prepared.inputs[question.name][case.name], seen.results[case.name], strict=False):
            right = (
                event.type == case.raises
                if isinstance(event, Raised)
                else isinstance(event, Returned) and not case.raises
            )
            if not right:
                shown = ", ".join(render(one) for one in arguments)
                wanted = f", where the case says raises={case.raises!r}" if case.raises else ""
                raises = isinstance(event, Raised) and not case.raises
                remedy = "If it should raise, write raises= into the case" if raises else None
                raise DataError(f"{call} fails in case {case.name!r} on ({shown}): {_in_words(event)}{wanted}", where=where,
                                remedy=remedy)  # fmt: skip


def _in_words(event: Event) -> str:
    if isinstance(event, Raised):
        return f"{event.type}{f' in line {event.line} of its cell' if event.line else ''}: {event.message}"
    if isinstance(event, Ended):
        return {"time": "out of time: it takes longer than the question's seconds"}.get(
            event.reason, f"{event.reason} {event.detail}".strip()
        )
    if isinstance(event, Returned):
        return "it returned a value" if event.value is not False else "the cell doesn't define the function"
    return f"it gives {event.kind}, which can't be sent"


def _empty(full_id: str, max_points: float) -> Verdict:
    return Verdict(full_id, Outcome.NOT_ATTEMPTED, 0.0, max_points, messages.NOT_ATTEMPTED)


def _literal(question: Question, full_id: str, max_points: float, solution: str, source: str) -> Verdict:
    """The verdict on a choice or a number; nothing is run."""
    known = {"question": full_id, "max_points": max_points}
    try:
        value = read_literal(source, question.name)
    except NotPlain as problem:
        return Verdict(outcome=Outcome.ERROR, points=0.0, message=problem.text, **known)
    if value is ... or value == "":
        return _empty(full_id, max_points)
    plain = _plain(question, value)
    if plain is None:
        return Verdict(outcome=Outcome.ERROR, points=0.0, message=messages.literal_form(question, value), **known)
    if _same(question, _plain(question, read_literal(solution, question.name)), plain):
        return Verdict(outcome=Outcome.PASS, points=max_points, message=Text("Right.", "正确。"), **known)
    for wrong in question.wrong:
        if _same(question, _plain(question, read_literal(wrong.code, question.name)), plain):
            return Verdict(outcome=Outcome.FAIL, points=0.0, message=wrong.message, mistake=wrong.name, **known)
    return Verdict(outcome=Outcome.FAIL, points=0.0, message=messages.wrong_literal(question, value), **known)


def _plain(question: Question, value: object) -> object | None:
    """The value in the question's form: a float, or the sorted letters; None where it has another form."""
    if isinstance(question, Number):
        return float(value) if isinstance(value, (int, float)) else None
    assert isinstance(question, Choice)
    if not isinstance(value, str):
        return None
    letters = sorted({c for c in value.lower() if c not in " ,;、，"})
    if not letters or not set(letters) <= set(question.options) or (len(letters) > 1 and not question.several):
        return None
    return "".join(letters)


def _same(question: Question, expected: object, value: object) -> bool:
    if isinstance(question, Number):
        return numbers_close(expected, value, question.tolerance, 0.0)
    return expected == value
