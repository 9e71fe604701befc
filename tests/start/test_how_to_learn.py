"""start.how_to_learn: what the chapter (and the pages around it) tell learners is so."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import pytest

from course_lib import cli
from course_lib.classroom.grading import prepare
from course_lib.classroom.loading import graded_topics, load_exercise
from course_lib.classroom.spec import Code
from course_lib.classroom.wire import encode
from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mindmap import load_map

CHAPTER = ROOT / "book" / "start" / "how_to_learn.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "book" / "start").glob("*.md"))]
_PLACEHOLDERS = {"TOPIC", "QUESTION", "FILE", "DIR", "SUBMISSIONS", "REPORT"}


def sources() -> list[str]:
    return [cell.source for cell in jupytext.read(CHAPTER).cells if cell.cell_type == "code"]


def commands(page: Path) -> list[list[str]]:
    """Arguments of every ``course …`` that a page shows, in a code block or between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = []
    for shown in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
        called = re.fullmatch(r"(?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?course( .*)?", shown.strip())
        if called and called[1]:
            found.append(shlex.split(called[1], comments=True))
    return found


# --- commands ---------------------------------------------------------------------------------------------------------


def test_pages_show_commands():
    assert sum(len(commands(page)) for page in PAGES) > 25 and commands(CHAPTER) and commands(PAGES[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_shown_can_be_called(page):
    for arguments in commands(page):
        try:
            options = cli.build_parser().parse_args(arguments)
        except SystemExit as ended:  # --help
            assert ended.code == 0, arguments
            continue
        except CourseError:
            # A command may be mentioned by its name alone (`course grade`); then the name must be one.
            assert not any(one.startswith("-") for one in arguments), arguments
            with pytest.raises(SystemExit) as ended:
                cli.build_parser().parse_args([*arguments, "--help"])
            assert ended.value.code == 0, arguments
            continue
        if arguments[0] == "check" and options.topic not in _PLACEHOLDERS:
            topic, _, name = options.topic.partition("/")
            exercise = load_exercise(topic)
            for one in filter(None, (name, options.question)):
                exercise.question(one)  # raises where there is no such question


def test_a_wrong_command_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`course check shop.measurement --no-such-flag`\n\n```bash\n.venv/bin/course chekc x\n```\n")
    wrong = commands(page)
    assert wrong == [["chekc", "x"], ["check", "shop.measurement", "--no-such-flag"]]
    for arguments in wrong:
        with pytest.raises(CourseError):
            cli.build_parser().parse_args(arguments)


def test_the_readme_counts_the_questions():
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
             "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")  # fmt: skip
    ready = {topic.id for topic in load_map(ROOT / "book" / "mindmap.yml").order() if topic.ready}
    topics = [topic for topic in graded_topics() if topic in ready]  # those of a planned topic are on no page yet
    questions = sum(len(load_exercise(topic).questions) for topic in topics)
    text = " ".join(PAGES[0].read_text(encoding="utf-8").split())
    number = words[questions] if questions < len(words) else str(questions)
    assert f"{number} graded questions in {words[len(topics)]} topics" in text


def test_the_first_hour_lists_its_questions():
    text = (ROOT / "book" / "start" / "first_hour.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:a letter|letters|a number|code): .*\| (\d+) \|$", text, re.MULTILINE)
    questions = load_exercise("start.first_hour").master.questions
    assert [(name, float(points)) for name, points in rows] == [(one.name, one.points) for one in questions.values()]


# --- the routes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def routes() -> tuple[Any, list[tuple[set[str], list[str]]]]:
    """The chapter's ``route``, and what its two plans ask it for."""
    asked: list[tuple[set[str], list[str]]] = []
    names: dict[str, Any] = {"ROOT": ROOT, "plan": lambda who, roles, goals: asked.append((roles, goals))}
    for source in sources():
        if "def route(" in source:
            exec(source.replace("\nplan(", "\n_ = plan("), names)
        elif source.startswith("plan("):
            exec(source, names)
        elif "def plan(" in source:
            exec(source[source.index("\nplan(") :], names)
    assert len(asked) == 2
    return names["route"], asked


@pytest.mark.parametrize("hours", [0, 1, 2, 5, 10, 40])
def test_routes_fit_into_their_hours_and_hold_what_they_need(routes, hours):
    route, asked = routes
    course = load_map(ROOT / "book" / "mindmap.yml")
    for roles, goals in asked:
        topics = route(hours, roles, goals)
        assert sum(topic.minutes for topic in topics) <= 60 * hours
        for topic in topics:
            needed = course.prerequisites_closure(topic.id)
            assert {one.id for one in needed if one.role in roles} <= {one.id for one in topics}, topic.id
            assert topic.role in roles


def test_a_larger_budget_holds_the_smaller_one(routes):
    route, asked = routes
    for roles, goals in asked:
        two, ten, forty = ({topic.id for topic in route(hours, roles, goals)} for hours in (2, 10, 40))
        assert two and two < ten < forty


# --- what the maths claims of every question --------------------------------------------------------------------------


@pytest.mark.parametrize("topic", graded_topics())
def test_the_basic_case_has_different_answers(topic):
    prepared = prepare(load_exercise(topic))
    for question in prepared.questions:
        if isinstance(question, Code):
            events = prepared.expected[question.name].results[question.cases[0].name]
            assert len({json.dumps(encode(event.value)) for event in events}) > 1, question.name


def test_the_drawn_inputs_are_as_many_as_the_page_says():
    prepared = prepare(load_exercise("shop.measurement"), only=("recall_at_k",))
    [question] = prepared.questions
    drawn = [case for case in question.cases if case.draw]
    assert sum(case.n for case in drawn) == sum(len(prepared.inputs["recall_at_k"][case.name]) for case in drawn) > 0


# --- the page, executed -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> list[tuple[str, str]]:
    """Each code cell and the text of its outputs; the learner's own progress file must stay untouched."""
    own = tmp_path_factory.mktemp("home") / "progress.json"
    before = os.environ.get("COURSE_PROGRESS")
    os.environ["COURSE_PROGRESS"] = str(own)
    try:
        notebook = jupytext.read(CHAPTER)
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(CHAPTER.parent)}}).execute()
    finally:
        os.environ.pop("COURSE_PROGRESS")
        if before is not None:
            os.environ["COURSE_PROGRESS"] = before
    assert not own.exists(), "the page wrote into the reader's progress"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(cell.source, "".join(one.get("text") or one.get("data", {}).get("text/plain", "") for one in cell.outputs))
            for cell in cells]  # fmt: skip


def output(outputs: list[tuple[str, str]], part: str, number: int = 0) -> str:
    return [text for source, text in outputs if part in source][number]


def test_the_places_exist(outputs):
    text = output(outputs, "places = [")
    assert "yes" in text and not re.search(r"\bno\b", text)


def test_the_first_answer_gets_the_message_of_its_mistake(outputs):
    question = load_exercise("shop.measurement").question("recall_at_k")
    messages = [wrong.message.en for wrong in question.wrong]
    text = " ".join(output(outputs, ").check()").split())
    assert "FAIL 0/2" in text and any(message in text for message in messages)
    assert question.hints[0].en in " ".join(output(outputs, ".hint()").split())


def test_the_endless_loop_ends_and_the_notebook_lives(outputs):
    assert "stopped after" in output(outputs, ").check()\nchecked")
    assert output(outputs, "This notebook is alive").startswith("'This notebook is alive")


def test_the_constant_earns_nothing(outputs):
    assert output(outputs, "print(f\"{checked.verdict.outcome}").strip() == "FAIL, 0 points"


def test_a_wrong_form_is_no_wrong_answer(outputs):
    assert "ERROR 0/1" in output(outputs, "start.first_hour/mean_recall")


def test_progress_shows_what_was_tried(outputs):
    text = output(outputs, '["progress"]')
    assert re.search(r"✗ recall_at_k .*attempts: 3 +hints: 1", text) and "– ndcg_at_k" in text
