"""Grading a batch: every submission once, several at a time, what is finished kept, one learner's trouble his own."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course_lib.classroom.grading import Prepared, grade, prepare
from course_lib.classroom.intake import Entry, Intake
from course_lib.classroom.loading import Exercise
from course_lib.classroom.process import Confinement
from course_lib.classroom.report.names import visible
from course_lib.classroom.submission import SubmissionError, parse_sources
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_file, unwritable
from course_lib.core.fingerprint import code_fingerprint, fingerprint, imported_modules, lock_fingerprint
from course_lib.core.locks import locked

_FORMAT = 1
#: modules whose code decides a verdict (with all that they import)
_DECIDING = tuple(f"course_lib.classroom.{name}" for name in ("grading", "sandbox", "submission", "worker"))
FAULT = Text("The grader failed here. This is no fault of the answer; it was reported to the instructor.",
             "批改程序在此出错。这不是答案的问题；已报告给教师。")  # fmt: skip
NO_FILE = Text("No file for this topic was found.", "没有找到这个主题的文件。")
_PLACE = Text("It was looked for at `{place}.ipynb` and `{place}.py` in your folder.",
              "查找的位置是你文件夹中的 `{place}.ipynb` 和 `{place}.py`。")  # fmt: skip
_UNUSED = Text("Files of yours that were not graded: {files}.", "你的以下文件没有被批改：{files}。")
_MORE = Text("{files} and {n} more", "{files} 等另外 {n} 个")
#: unused files that are named, and characters of each
_NAMED, _NAME = 8, 120


@dataclass(frozen=True)
class Graded:
    """What became of one learner's submission to one topic.

    Attributes:
        notes: how the file was read, for the learner.
        sha256: of the file, or "" where there is none or it can't be read.
        trouble: how the grader itself failed, or "": then the result is not kept, and it is not the learner's fault.
        absent: no file for the topic was found; ``notes`` say where it was looked for.
    """

    topic: str
    verdicts: list[Verdict]
    notes: tuple[Text, ...] = ()
    sha256: str = ""
    trouble: str = ""
    absent: bool = False


class Store:
    """Finished results, one file each, named by what decides them: the submission's bytes, the spec, the master, the
    code, the seed and the sandbox. An equal submission has an equal result, whoever handed it in."""

    def __init__(self, folder: Path, seed: int, mode: str):
        self.folder = folder
        self._common = [_FORMAT, seed, mode, lock_fingerprint()]
        self._topics: dict[str, str] = {}
        self._lock = threading.Lock()
        #: names of the results that were made here, and not found
        self.made: set[str] = set()

    def key(self, exercise: Exercise, entry: Entry, sha256: str) -> str:
        """The name of a result."""
        with self._lock:
            if exercise.topic not in self._topics:
                modules = {*_DECIDING, *imported_modules(exercise.spec_path.read_text(encoding="utf-8"))}
                code, files = code_fingerprint(sorted(modules)), (exercise.spec_path, exercise.master_path)
                self._topics[exercise.topic] = fingerprint(self._common, exercise.topic, *files, code)
        return fingerprint(self._topics[exercise.topic], entry.suffix, sha256)

    def load(self, key: str, exercise: Exercise, sha256: str) -> Graded | None:
        """A result that is there and whole; None otherwise."""
        try:
            data = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            verdicts = [Verdict.from_dict(one) for one in data["verdicts"]]
            if [one.question for one in verdicts] != [exercise.full_id(one) for one in exercise.questions]:
                return None
            return Graded(exercise.topic, verdicts, tuple(Text(**one) for one in data["notes"]), sha256)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def save(self, key: str, graded: Graded) -> None:
        """Keep a result; atomic."""
        data = {"verdicts": [one.to_dict() for one in graded.verdicts], "notes": [asdict(one) for one in graded.notes]}
        self.made.add(key)  # first, so that whoever finds the file knows
        with atomic_file(self.folder / f"{key}.json") as file:
            json.dump(data, file)


@dataclass
class Batch:
    """A class's results; only where they stand is in memory, not the results.

    Attributes:
        exercises: topic -> exercise, for each topic that anybody handed in.
        kept: (learner, topic) -> name in the store and the file's sha256.
        loose: (learner, topic) -> a result that is not kept.
        faults: (learner, topic, traceback) of the grader's own failures.
        unused: learner -> his files that are not graded.
        resumed: results kept from an earlier run.
        shared: results that an equal submission got in this run.
    """

    store: Store
    exercises: dict[str, Exercise]
    kept: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    loose: dict[tuple[str, str], Graded] = field(default_factory=dict)
    entry_notes: dict[tuple[str, str], tuple[Text, ...]] = field(default_factory=dict)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    unused: Mapping[str, list[str]] = field(default_factory=dict)
    resumed: int = 0
    shared: int = 0

    def results(self, learner: str) -> list[Graded]:
        """A learner's results in every topic of the batch, in order; NOT ATTEMPTED where he handed in nothing."""
        return [self._result(learner, exercise) for exercise in self.exercises.values()]

    def _result(self, learner: str, exercise: Exercise) -> Graded:
        place = (learner, exercise.topic)
        graded = self.loose.get(place)
        if graded is None and place in self.kept:
            key, sha256 = self.kept[place]
            graded = self.store.load(key, exercise, sha256)
            if graded is None:
                where = str(self.store.folder / f"{key}.json")
                raise CourseError("a result has gone meanwhile", where=where, remedy="Run the command again")
        if graded is None:
            notes = _absence(exercise.topic, self.unused.get(learner, ()))
            return Graded(exercise.topic, _all(exercise, Outcome.NOT_ATTEMPTED, NO_FILE), notes, absent=True)
        return Graded(graded.topic, graded.verdicts, self.entry_notes.get(place, ()) + graded.notes, graded.sha256,
                      graded.trouble)  # fmt: skip


def grade_batch(
    taken: Intake,
    exercises: Mapping[str, Exercise],
    store: Store,
    confine: Callable[[int], Confinement],
    jobs: int,
    seed: int,
    on_done: Callable[[Entry, Graded], None] = lambda entry, graded: None,
    on_stop: Callable[[], None] = lambda: None,
) -> Batch:
    """Grade every entry that has no result yet.

    Args:
        exercises: topic -> exercise, at least for the entries' topics.
        confine: gives the place where worker number ``slot`` runs learners' code.
        jobs: how many at a time.
        on_done: called in this thread after each entry.
        on_stop: called once when the batch is interrupted, before it waits for the entries that are being graded.

    Raises:
        CourseError: a spec or its solution is faulty, or results can't be written.
    """
    batch = Batch(store, {topic: exercises[topic] for topic in sorted({entry.topic for entry in taken.entries})})
    batch.unused = taken.unused
    batch.entry_notes = {(entry.learner, entry.topic): entry.notes for entry in taken.entries if entry.notes}
    prepared = _Once(lambda topic: prepare(exercises[topic], seed))
    slots: queue.SimpleQueue[int] = queue.SimpleQueue()
    for slot in range(jobs):
        slots.put(slot)

    def work(entry: Entry) -> tuple[Entry, Graded, str, str]:
        slot = slots.get()
        try:
            return (entry, *_grade_entry(entry, exercises[entry.topic], store, prepared, confine(slot)))
        finally:
            slots.put(slot)

    def keep(result: tuple[Entry, Graded, str, str]) -> None:
        entry, graded, key, source = result
        place = (entry.learner, entry.topic)
        if key:
            batch.kept[place] = (key, graded.sha256)
        else:
            batch.loose[place] = graded
        if graded.trouble:
            batch.faults.append((*place, graded.trouble))
        batch.resumed += source == "earlier"
        batch.shared += source == "equal"
        on_done(entry, graded)

    _in_threads(work, taken.entries, jobs, keep, on_stop)
    batch.faults.sort()
    return batch


def _grade_entry(
    entry: Entry, exercise: Exercise, store: Store, prepared: _Once, confinement: Confinement
) -> tuple[Graded, str, str]:
    """The result, its name in the store ("" when it is not kept), and where it comes from: ``made`` now, ``earlier``
    (another run), or ``equal`` (another submission of this run)."""
    try:
        content = entry.read()
    except SubmissionError as error:
        return Graded(exercise.topic, _all(exercise, Outcome.ERROR, error.text)), "", "made"
    sha256 = hashlib.sha256(content).hexdigest()
    key = store.key(exercise, entry, sha256)
    graded = store.load(key, exercise, sha256)
    if graded is not None:
        return graded, key, "equal" if key in store.made else "earlier"
    ready = prepared(exercise.topic)  # a faulty spec is everybody's trouble, so it is not caught
    try:
        graded = _judge(content, sha256, entry, exercise, ready, confinement)
    except Exception:  # whatever one learner's file does to the grader stays with that learner
        graded = _fault(exercise, sha256, traceback.format_exc())
    if graded.trouble:
        return graded, "", "made"
    store.save(key, graded)
    return graded, key, "made"


def _judge(
    content: bytes, sha256: str, entry: Entry, exercise: Exercise, ready: Prepared, confinement: Confinement
) -> Graded:
    try:
        sources = parse_sources(content, entry.suffix, exercise.master)
    except SubmissionError as error:
        return Graded(exercise.topic, _all(exercise, Outcome.ERROR, error.text), (), sha256)
    verdicts = grade(ready, sources.cells, confinement)
    return Graded(exercise.topic, verdicts, sources.notes, sha256)


def _absence(topic: str, unused: Sequence[str]) -> tuple[Text, ...]:
    """Notes of one who handed in no file for a topic: where it was looked for, and what he handed in instead."""
    looked = _PLACE.format(place=topic.replace(".", "/"))
    if not unused:
        return (looked,)
    named = ", ".join(f"`{visible(path)[:_NAME]}`" for path in unused[:_NAMED])
    files = _MORE.format(files=named, n=len(unused) - _NAMED) if len(unused) > _NAMED else named
    return looked, _UNUSED.format(files=files)


def _fault(exercise: Exercise, sha256: str, why: str) -> Graded:
    return Graded(exercise.topic, _all(exercise, Outcome.ERROR, FAULT), (), sha256, trouble=why)


def _all(exercise: Exercise, outcome: Outcome, message: Text) -> list[Verdict]:
    stated = exercise.master.questions
    return [Verdict(exercise.full_id(one), outcome, 0.0, stated[one.name].points, message)
            for one in exercise.questions]  # fmt: skip


class _Once:
    """A function of one argument that is called once per argument, also when several threads ask at once."""

    def __init__(self, make: Callable[[str], Any]):
        self._make, self._made, self._lock = make, {}, threading.Lock()

    def __call__(self, argument: str) -> Any:
        with self._lock:
            if argument not in self._made:
                self._made[argument] = self._make(argument)
            return self._made[argument]


def _in_threads(
    work: Callable[[Any], Any],
    tasks: Iterable[Any],
    jobs: int,
    keep: Callable[[Any], None],
    on_stop: Callable[[], None],
) -> None:
    """``keep(work(task))`` for all tasks: the work in threads, the keeping here.

    The threads are daemons, so that a second Ctrl-C ends the program at once.
    """
    waiting, lock = iter(tasks), threading.Lock()
    done: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=4 * jobs)  # bounded: results must not pile up
    stop = threading.Event()

    def loop() -> None:
        try:
            while not stop.is_set():
                with lock:
                    task = next(waiting, stop)
                if task is stop:
                    break
                done.put(("result", work(task)))
        except BaseException as error:
            done.put(("error", error))
        finally:
            done.put(("end", None))

    running, failure = jobs, None
    for _ in range(jobs):
        threading.Thread(target=loop, daemon=True).start()
    try:
        while running:
            kind, value = done.get()
            if kind == "end":
                running -= 1
            elif kind == "error":
                failure = failure or value
                stop.set()
            elif failure is None:
                keep(value)
    except BaseException as error:
        stop.set()
        interrupted = isinstance(error, KeyboardInterrupt)
        if interrupted:
            on_stop()
        while running:  # what is being graded is finished and kept
            kind, value = done.get()
            running -= kind == "end"
            if interrupted and kind == "result":
                keep(value)
        raise
    if failure is not None:
        raise failure


@contextmanager
def report_folder(folder: Path) -> Iterator[None]:
    """Hold a report folder: a second grader on it is refused, and so is a folder that holds something else.

    Raises:
        CourseError: another grader is at work here; the folder can't be written or is no report.
    """
    mark = folder / ".course-grade"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not mark.exists() and any(folder.iterdir()):
            raise CourseError("this folder holds something else than a grading report", where=str(folder),
                              remedy="Name a new folder")  # fmt: skip
    except (NotADirectoryError, FileExistsError) as error:
        raise CourseError("this is a file, not a folder", where=str(folder), remedy="Choose another name") from error
    except OSError as error:
        raise unwritable(folder, error) from error
    with locked(mark, patience=0.0):
        yield
