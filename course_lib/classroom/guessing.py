"""What an answer earns that knows nothing: a function that always returns the same, a guessed letter or number."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.classroom.judge import judge
from course_lib.classroom.observe import Event, Observation, Raised, Returned
from course_lib.classroom.render import render
from course_lib.classroom.spec import Choice, Code
from course_lib.classroom.wire import encode

#: largest share of a question's points that may be had without knowing anything
LIMIT = 0.2
#: what people write first
USUAL: tuple[Any, ...] = (None, True, False, 0, 1, -1, 0.0, 0.5, 1.0, "", [], {}, (), set())
USUAL_NUMBERS = (0.0, 1.0, -1.0, 2.0, 10.0, 100.0, 0.5)
# Digits with or without commas between thousands, and a decimal part; not the digits within a word (``item3``).
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)|(?<![\w.])\.\d+")
_MOST_OPTIONS = 10  # 1,023 subsets


@dataclass(frozen=True)
class Guess:
    """The best answer that knows nothing: ``what`` it does, in words, and the ``share`` of the points that it earns."""

    what: str
    share: float


def best_constant(question: Code, inputs: Mapping[str, list[tuple]], reference: Observation) -> Guess:
    """The best function that always does the same, judged as a learner's answer is (gate of the basic case included).

    Tried: every value (and exception) that the reference gave on any input, the usual constants, and each argument
    returned as it came.

    Args:
        inputs: case -> arguments of each input.
        reference: what the solution did on them.
    """
    best = Guess("returns None", 0.0)
    for what, events in _constants(question, inputs, reference):
        seen = Observation(results=events)
        points = judge(question, question.name, inputs, reference, {}, seen, "").points
        if points / question.points > best.share:
            best = Guess(what, points / question.points)
    return best


def answers(question: Choice) -> list[str]:
    """All answers that somebody might guess: each letter, or each set of letters that isn't empty."""
    letters = question.options[:_MOST_OPTIONS]
    sizes = range(1, len(letters) + 1) if question.several else (1,)
    return ["".join(some) for size in sizes for some in itertools.combinations(letters, size)]


def numbers_in(text: str) -> list[float]:
    """The numbers that stand in a text, in order; ``1,200`` is one number, and ``12 %`` gives 12 and 0.12."""
    found: list[float] = []
    for match in _NUMBER.finditer(text):
        value = float(match[0].replace(",", ""))
        found.append(value)
        if re.match(r"\s*\\?%", text[match.end() :]):
            found.append(value / 100)
    return found


def _constants(
    question: Code, inputs: Mapping[str, list[tuple]], reference: Observation
) -> Iterator[tuple[str, dict[str, list[Event]]]]:
    """Words, and the events on every input, for each thing to try."""
    found: dict[str, tuple[str, Event]] = {}
    given = [event for events in reference.results.values() for event in events]
    for event in [*map(Returned, USUAL), *given]:
        if isinstance(event, Returned):
            found.setdefault(json.dumps(encode(event.value)), (f"always returns {render(event.value)}", event))
        elif isinstance(event, Raised):
            found.setdefault(f"raise {event.type}", (f"always raises {event.type}", event))
    for what, event in found.values():
        # Without the places that the solution changed in its arguments: a constant changes nothing.
        same = Returned(event.value) if isinstance(event, Returned) else event
        yield what, {case: [same] * len(calls) for case, calls in inputs.items()}
    most = max(len(arguments) for calls in inputs.values() for arguments in calls)
    for place in range(most):
        yield (
            f"returns its argument {place + 1}",
            {
                case: [Returned(arguments[place] if place < len(arguments) else None) for arguments in calls]
                for case, calls in inputs.items()
            },
        )
