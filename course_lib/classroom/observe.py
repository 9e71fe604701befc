"""Running answers in workers and writing down what they did: values, exceptions, or a sudden end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.classroom import wire
from course_lib.classroom.process import Confinement, Stopped, Worker
from course_lib.classroom.spec import Code
from course_lib.core.errors import CourseError

#: all workers of one learner's topic together, unless a question asks for more by itself
SUBMISSION_SECONDS = 7.0
#: all replies of one learner's topic together; as Python values they take up to twelve times the memory
SUBMISSION_BYTES = 4_000_000
_SILENT = 0.05  # left on a clock: not worth a new worker


@dataclass(frozen=True)
class Returned:
    """A value; ``changed`` are the places of arguments that the call changed."""

    value: Any
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Raised:
    """An exception of the answer's: its type's name, its text, the line of the cell. All three are the learner's words."""

    type: str
    message: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Unusable:
    """A value that can't be compared, of this kind."""

    kind: str


@dataclass(frozen=True)
class Ended:
    """The worker was lost: ``time``, ``died``, ``protocol`` or ``budget`` (others had used the time up)."""

    reason: str
    detail: str = ""


Event = Returned | Raised | Unusable | Ended


@dataclass
class Observation:
    """What one answer did.

    Attributes:
        loading: why the cell did not define the function (``Returned(None)``: there is no such function), or None.
        results: case name -> one event per input, as far as it came.
        printed: the beginning of what it printed.
        seconds: time spent in it.
    """

    loading: Event | None = None
    results: dict[str, list[Event]] = field(default_factory=dict)
    printed: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One answer to run: ``key`` is its own (a question's name; for our wrong answers also theirs)."""

    key: str
    question: Code
    source: str


def observe(
    tasks: Sequence[Task], setup: str, inputs: Mapping[str, dict[str, list[list[Any]]]], confinement: Confinement,
    seconds: float = SUBMISSION_SECONDS, reply_bytes: float = SUBMISSION_BYTES,
) -> dict[str, Observation]:  # fmt: skip
    """Run answers, each in a namespace of its own, in as few workers as their failures allow.

    All cells are loaded and all visible cases called before the first hidden one, so that nothing that a learner is
    shown (an exception's text, a returned value) can carry a hidden input, of whichever question.

    Args:
        tasks: the answers of one learner to one topic.
        setup: source that every answer may count on.
        inputs: question -> case -> encoded arguments of each input.
        seconds: for all of them together; a question that asks for more by itself gets it.
        reply_bytes: of all values together, since all are kept until they are compared.

    Returns:
        key -> what it did.

    Raises:
        CourseError: a worker can't be started.
    """
    session = _Session(tasks, setup, confinement, seconds, reply_bytes)
    try:
        for hidden in (False, True):
            for task in tasks:
                if not hidden:
                    session.load(task)
                for case in task.question.cases:
                    if case.hidden == hidden:
                        session.run(task, case.name, inputs[task.question.name][case.name])
        return session.found
    finally:
        session.close()


class _Session:
    """The workers of one learner's topic, one after another; a lost one is replaced."""

    def __init__(
        self, tasks: Sequence[Task], setup: str, confinement: Confinement, seconds: float, reply_bytes: float
    ) -> None:
        self.setup, self.confinement, self.reply_bytes = setup, confinement, reply_bytes
        questions = [task.question for task in tasks]
        self.left = max([seconds, *(question.seconds for question in questions)])
        self.uses = tuple(sorted({name for question in questions for name in question.uses}))
        self.memory = max((question.memory_mb for question in questions), default=0)
        self.found = {task.key: Observation() for task in tasks}
        self.over: set[str] = set()  # tasks that lost a worker: not called again
        self.worker: Worker | None = None
        self.loaded: set[str] = set()

    def load(self, task: Task) -> None:
        """Run the task's cell, before anything is called."""
        failure = self._load(task, self.found[task.key])
        if failure is not None:
            self.over.add(task.key)
            self.found[task.key].loading = failure

    def run(self, task: Task, case: str, calls: list[list[Any]]) -> None:
        """Call the function on the inputs of one case, until it loses the worker."""
        seen = self.found[task.key]
        if task.key in self.over:
            return
        if task.key not in self.loaded or self.worker is None:
            failure = self._load(task, seen)
            if failure is not None:
                # It had loaded before: now it may know hidden inputs, and its words count as those of this case.
                self.over.add(task.key)
                seen.results[case] = [failure]
                return
        events = seen.results[case] = []
        for arguments in calls:
            event = self._call(task, seen, arguments)
            events.append(event)
            if isinstance(event, Ended):
                self.over.add(task.key)
                return

    def close(self) -> None:
        """End the worker, if there is one."""
        if self.worker is not None:
            self.worker.close()
        self.worker, self.loaded = None, set()

    def _load(self, task: Task, seen: Observation) -> Event | None:
        if self.left < _SILENT:
            return Ended("budget")
        if self.worker is None:
            try:
                self.worker = Worker(self.confinement, self.uses, self.memory, self.left)
            except Stopped as stopped:  # none of the learner's code has run yet: the machine's trouble, not his
                raise CourseError(f"the process for answers can't be started ({stopped.detail})",
                                  remedy="Is the machine out of memory or processes? Try again") from stopped  # fmt: skip
        message = {"op": "load", "setup": self.setup, "source": task.source, "function": task.question.name}
        reply, failure = self._ask(task, seen, message)
        if failure is None and reply.get("ok") is True:
            self.loaded.add(task.key)
            return None
        return failure or Returned(reply.get("defined") is True)

    def _call(self, task: Task, seen: Observation, arguments: list[Any]) -> Event:
        reply, failure = self._ask(task, seen, {"op": "call", "arguments": arguments})
        if failure is not None:
            return failure
        before = time.monotonic()
        try:
            changed = [n for n in _list(reply.get("changed")) if type(n) is int and 0 <= n < len(arguments)]
            return Returned(wire.decode(reply.get("value")), tuple(changed))
        except wire.WireError as error:
            self.close()
            return Ended("protocol", str(error))
        finally:
            self._spend(seen, before)

    def _ask(self, task: Task, seen: Observation, message: dict[str, Any]) -> tuple[dict[str, Any], Event | None]:
        before = time.monotonic()
        try:
            allowed = min(task.question.seconds - seen.seconds, self.left)
            reply = self.worker.request({**message, "key": task.key}, allowed, self.reply_bytes)
            self.reply_bytes -= self.worker.received
            seen.printed = (seen.printed + _text(reply.get("printed"), 4_100))[:4_100]
            return reply, _failure(reply)
        except Stopped as stopped:
            self.close()
            return {}, Ended(stopped.reason, stopped.detail)
        except wire.WireError as error:
            self.close()
            return {}, Ended("protocol", str(error))
        finally:
            self._spend(seen, before)

    def _spend(self, seen: Observation, before: float) -> None:
        """Reading what came is work too: a learner could make it long, and pays with his own time."""
        spent = time.monotonic() - before
        seen.seconds += spent
        self.left -= spent


def _failure(reply: dict[str, Any]) -> Event | None:
    error = reply.get("error")
    if error is None:
        return None
    if not isinstance(error, dict):
        raise wire.WireError("not an error")
    if "unsendable" in error:
        return Unusable(_text(error["unsendable"], 200))
    line = error.get("line")
    line = line if type(line) is int and 0 < line < 100_000 else None
    return Raised(_text(error.get("type"), 100), _text(error.get("message"), 500), line)


def _text(value: Any, size: int) -> str:
    """A hostile reply's text: cut, with what can't be printed replaced."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in value[:size])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
