"""From what an answer did to a verdict: compare, count the points, name the mistake, choose the words."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from course_lib.classroom import messages
from course_lib.classroom.form import Form
from course_lib.classroom.observe import Ended, Event, Observation, Raised, Returned, Unusable
from course_lib.classroom.render import render
from course_lib.classroom.spec import Case, Code
from course_lib.classroom.verdict import CaseResult, Outcome, Verdict
from course_lib.core.bilingual import Text

_BUILTIN = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}


def judge(
    question: Code, full_id: str, inputs: Mapping[str, list[tuple]], reference: Observation,
    mistakes: Mapping[str, Observation], seen: Observation, source: str, reveal: bool = False,
    parameters: tuple[str, ...] = (),
) -> Verdict:  # fmt: skip
    """The verdict on one code answer.

    Args:
        inputs: case -> the arguments of each input.
        reference: what the solution did.
        mistakes: wrong answer's name -> what it did, in the spec's order.
        seen: what this answer did.
        source: of the answer's cell, to quote the line where it failed.
        reveal: keep what was printed (a learner's own check).
        parameters: names of the function's arguments, to show inputs with.
    """
    known = {"question": full_id, "max_points": question.points, "seconds": seen.seconds,
             "printed": seen.printed if reveal else ""}  # fmt: skip
    if seen.loading is not None:
        message, advice = messages.loading(question.name, seen.loading, source, question)
        cases = tuple(CaseResult(c.name, c.title, False, 0.0, c.points, c.hidden) for c in question.cases)
        return Verdict(outcome=Outcome.ERROR, points=0.0, message=message, advice=advice, cases=cases, **known)
    problems = {case.name: _problems(question, case, inputs, reference, seen) for case in question.cases}
    cases = _points(question, problems)
    points = sum(case.points for case in cases)
    failed = [case for case in question.cases if problems[case.name]]
    if not failed:
        return Verdict(outcome=Outcome.PASS, points=points, message=messages.PASSED, cases=cases, **known)
    mistake = _mistake(question, inputs, mistakes, seen, failed[0])
    # A case that can be shown helps more than a hidden one.
    case = next((one for one in failed if not one.hidden), failed[0])
    place, event, difference = problems[case.name][0]
    broke = not isinstance(event, Returned)
    message = messages.event(case, event, difference, source, question)
    if mistake:
        message = next(wrong.message for wrong in question.wrong if wrong.name == mistake)
    elif case.hidden:
        message = messages.hidden(case, event, source, question)
    told = not mistake and isinstance(difference, Form)  # the headline says it
    shown = () if case.hidden else _shown(case, inputs[case.name][place], parameters, event,
                                          None if told else difference)  # fmt: skip
    outcome = Outcome.ERROR if broke and not mistake else Outcome.FAIL
    # A known mistake has a sentence of its own; the case's advice goes with it.
    advice = messages.next_step(event, case, None if mistake else difference, case is question.cases[0])
    return Verdict(outcome=outcome, points=points, message=message, shown=shown, advice=advice, mistake=mistake,
                   cases=cases, **known)  # fmt: skip


def builtin_only(name: str) -> str:
    """The name of an exception where it is Python's own, else "an exception": a learner may choose other names."""
    return name if name in _BUILTIN else ""


Problem = tuple[int, Event, "Text | None"]


def _problems(
    question: Code, case: Case, inputs: Mapping[str, list[tuple]], reference: Observation, seen: Observation
) -> list[Problem]:
    """Inputs of a case that came out wrong: place, what happened, what differs."""
    expected, came = reference.results[case.name], seen.results.get(case.name, [])
    found: list[Problem] = []
    for place, arguments in enumerate(inputs[case.name]):
        event = came[place] if place < len(came) else Ended("budget")
        same, difference = _agrees(question, expected[place], event, arguments)
        if not same:
            found.append((place, event, difference))
    return found


def _agrees(question: Code, expected: Event, event: Event, arguments: tuple) -> tuple[bool, Text | None]:
    if isinstance(expected, Raised):
        return isinstance(event, Raised) and event.type == expected.type, messages.should_raise(expected.type)
    if not isinstance(event, Returned) or not isinstance(expected, Returned):
        return False, None
    if event.changed and not question.may_change_inputs and event.changed != expected.changed:
        return False, messages.changed(event.changed)
    try:
        difference = question.agree(expected.value, event.value, arguments)
    except Exception:  # a spec's own comparison must not fall over a value that nobody thought of
        difference = messages.INCOMPARABLE
    return difference is None, difference


def _points(question: Code, problems: Mapping[str, list[Problem]]) -> tuple[CaseResult, ...]:
    """A case earns its points when all its inputs are right, and only beside a right basic case."""
    basic = not problems[question.cases[0].name]
    results = []
    for case in question.cases:
        right = not problems[case.name]
        points = case.points if right and basic else 0.0
        results.append(CaseResult(case.name, case.title, right, points, case.points, case.hidden, right and not basic))
    return tuple(results)


def _mistake(
    question: Code,
    inputs: Mapping[str, list[tuple]],
    mistakes: Mapping[str, Observation],
    seen: Observation,
    first: Case,
) -> str:
    """Name of the wrong answer that this one behaves like, or "".

    Best is one that it follows on every input. Else one that it follows on all inputs, two or more, of the first case that
    fails: the same mistake beside another one.
    """
    whole = (name for name, other in mistakes.items() if _follows(question, inputs, other, seen, question.cases))
    same = next(whole, "")
    if same or len(inputs[first.name]) < 2:
        return same
    return next((name for name, other in mistakes.items() if _follows(question, inputs, other, seen, (first,))), "")


def _follows(
    question: Code, inputs: Mapping[str, list[tuple]], other: Observation, seen: Observation, cases: tuple[Case, ...]
) -> bool:
    """Whether an answer did on every input of the cases what a known wrong answer does."""
    if other.loading is not None:
        return False
    for case in cases:
        theirs, ours = other.results.get(case.name, []), seen.results.get(case.name, [])
        if len(theirs) != len(ours):
            return False
        if not all(_same(question, *three) for three in zip(theirs, ours, inputs[case.name], strict=False)):
            return False
    return True


def _same(question: Code, known: Event, event: Event, arguments: tuple) -> bool:
    if isinstance(known, Returned) and known.changed:
        # what it changed is the mistake, whatever it returned
        return isinstance(event, Returned) and event.changed == known.changed
    if isinstance(known, (Ended, Unusable)):
        return event == known
    return _agrees(question, known, event, arguments)[0]


def _shown(
    case: Case, arguments: tuple, parameters: tuple[str, ...], event: Event, difference: Text | None
) -> tuple[tuple[Text, Text], ...]:
    names = [f"{name} = " for name in parameters] if len(parameters) == len(arguments) else [""] * len(arguments)
    given = ", ".join(name + render(one) for name, one in zip(names, arguments, strict=True))
    pairs = [(messages.INPUT, Text(given, given)), (messages.EXPECTED, case.expect)]
    if isinstance(event, Returned):
        came = Text(render(event.value), render(event.value))
        if difference is not None:
            came = Text("{came} ({difference})", "{came}（{difference}）").format(came=came, difference=difference)
        pairs.append((messages.CAME, came))
    return tuple(pairs)
