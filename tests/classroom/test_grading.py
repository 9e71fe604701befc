"""From sources to verdicts, through real workers: outcomes, points, gates, mistakes, and what a learner is not told."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from course_lib.classroom import messages
from course_lib.classroom.grading import grade, prepare
from course_lib.classroom.process import Plain, Stopped, Worker
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.errors import CourseError, DataError

RIGHT = "def share(hits, n):\n    return sum(hits[:n]) / n if n else 0.0"


@pytest.fixture
def prepared(demo):
    return prepare(demo.exercise())


def verdict(prepared, source, name="share", **settings) -> Verdict:
    return next(v for v in grade(prepared, {name: source}, **settings) if v.question == f"demo.sums/{name}")


def test_the_four_outcomes(prepared):
    found = grade(prepared, {"share": RIGHT, "stage": 'stage = "a"', "stayed": "stayed = x"})
    assert [v.outcome for v in found] == [Outcome.PASS, Outcome.FAIL, Outcome.ERROR]
    assert [v.points for v in found] == [2.0, 0.0, 0.0] and [v.max_points for v in found] == [2.0, 1.0, 1.5]
    assert [v.outcome for v in grade(prepared, {})] == [Outcome.NOT_ATTEMPTED] * 3
    assert Verdict.from_dict(found[0].to_dict()) == found[0]


@pytest.mark.parametrize(
    ("name", "source", "outcome"),
    [("stage", 'stage = "C"', "PASS"), ("stage", "stage = 'c '", "PASS"), ("stage", 'stage = "ac"', "ERROR"),
     ("stage", 'stage = "z"', "ERROR"), ("stage", "stage = 3", "ERROR"), ("stage", "stage = ...", "NOT ATTEMPTED"),
     ("stage", 'stage = ""', "NOT ATTEMPTED"), ("stayed", "stayed = 28/40*100", "PASS"), ("stayed", "stayed = 70.005", "PASS"),
     ("stayed", "stayed = 70.02", "FAIL"), ("stayed", 'stayed = "70"', "ERROR"), ("stayed", "stayed = 0.7", "FAIL")],
)  # fmt: skip
def test_choices_and_numbers(prepared, name, source, outcome):
    assert verdict(prepared, source, name).outcome == outcome


def test_a_known_mistake_is_named_whatever_the_code_looks_like(prepared):
    found = verdict(
        prepared,
        "def share(hits, n):\n    total = 0\n    for h in hits:\n        total += h\n    return total / n if n else 0.0",
    )
    assert (found.outcome, found.mistake) == (Outcome.FAIL, "whole_list")
    assert found.message.zh == "你数到了 n 之外"


def test_a_known_mistake_is_named_beside_another_one(prepared):
    """Division by the length, and an exception where the list is empty of places: follows no wrong answer everywhere."""
    found = verdict(prepared, "def share(hits, n):\n    return sum(hits[:n]) / len(hits) if n else -1.0")
    assert (found.mistake, found.message.en) == ("by_length", "you divide by the length of the list")
    assert verdict(prepared, "def share(hits, n):\n    return 7.0").mistake == ""


def test_edge_cases_earn_nothing_while_the_basic_case_fails(prepared):
    found = verdict(prepared, "def share(hits, n):\n    return 0.0")
    assert found.points == 0.0
    assert {case.name: (case.passed, case.gated) for case in found.cases}["nothing"] == (True, True)


def test_a_failure_shows_input_expectation_and_what_came(prepared):
    found = verdict(prepared, "def share(hits, n):\n    return 0.25")
    assert [label.en for label, _ in found.shown] == ["input", "expected", "came"]
    assert (
        found.shown[0][1].en == "hits = [1, 0, 1, 1], n = 2"
        and found.shown[1][1].en == "hits among the first n, over n"
    )
    assert found.shown[2][1].en.startswith("0.25 (") and found.advice.en == "count by hand"


@pytest.mark.parametrize(
    ("body", "words"),
    [("return foo", "NameError in line 2 of your cell (`return foo`)"), ("return 1 /", "SyntaxError in line 2"),
     ("hits.clear(); return 0.5", None), ("return object()", "can't be compared"), ("import os; os._exit(7)", "exit code 7"),
     ("return [0.0] * 10**9", "1,024 MB"), ("return sum(range(10**18))", "stopped after 2 s"), ("return 'x' * 2**21", "bytes"),
     ("raise SystemExit('bye')", "SystemExit"), ("import course_lib", "can't be imported in a graded answer"),
     ("return share(hits, n)", "RecursionError"), ("return 10**5000", "bits")],
)  # fmt: skip
def test_whatever_happens_ends_in_words(prepared, body, words):
    found = verdict(prepared, f"def share(hits, n):\n    {body}")
    assert found.outcome in (Outcome.ERROR, Outcome.FAIL) and found.points == 0.0
    if words:
        assert words in found.message.en
    else:
        assert found.message.en.startswith("Not right yet: your function changed its argument number 1")
        assert found.shown[-1][1].en == "0.5" and "x.copy()" in found.advice.en
    assert "Traceback" not in found.message.en and found.message.zh and found.advice.en


def test_another_form_is_said_first_and_with_a_step_of_its_own(demo):
    demo.change(demo.master, "return float(np.sum(hits[:n])) / n", "return [float(h) for h in hits[:n]]")
    demo.change(demo.master, "        return 0.0\n", "        return []\n")
    prepared = prepare(demo.exercise())

    def told(result):
        found = verdict(prepared, f"import numpy as np\ndef share(hits, n):\n    right = [float(h) for h in hits[:n]]\n    {result}")
        assert Verdict.from_dict(found.to_dict()) == found
        return found.message.en, found.shown[-1][1].en, found.advice.en

    message, came, advice = told("return np.array(right)")
    assert message == "The type is another one: a list was expected, a NumPy array came."
    assert came == "array([1.0, 0.0])" and ".tolist()" in advice and "count by hand" not in advice
    message, _, advice = told("return right, right, right")
    assert message == "The type is another one: a list was expected, a tuple came." and "list(…)" in advice
    message, _, advice = told("return [*right, 9.0]")
    assert message == "Not right yet: the length is another one (3 came)." and "how many values" in advice
    message, _, advice = told("right if n else None")
    assert "returns nothing" in message and "every way through" in advice
    message, _, advice = told("return (one for one in right)")
    assert "generator" in message and "list(…)" in advice
    message, came, advice = told("return [one + 1 for one in right]")
    assert message == "Not right yet: a short list." and "place 0" in came and advice == "count by hand"
    # In a later case the length may be what the case is about, so its own title and advice stand.
    message, _, advice = told("return right or [0.0]")
    assert "the length is another one" in message and advice == messages.NEXT_STEP.en


def test_nan_is_called_by_its_name(prepared):
    found = verdict(prepared, "def share(hits, n):\n    return float('nan')")
    assert found.shown[-1][1].en == "nan (nan came: was something divided by 0?)"


@pytest.mark.parametrize(("source", "words"), [("x = 1", "doesn't define share"), ("share = 3", "is not a function")])
def test_a_missing_function_is_told(prepared, source, words):
    assert words in verdict(prepared, source).message.en


def test_a_hidden_case_tells_its_title_and_python_s_own_exception_only(prepared):
    sly = """
class LeakedInput(Exception): pass
def share(hits, n):
    if len(hits) > 4 and n != 5:
        raise {kind}(f"hidden: {{hits}} {{n}}")
    return sum(hits[:n]) / n if n else 0.0
"""
    mine, builtin = (verdict(prepared, sly.format(kind=kind)) for kind in ("LeakedInput", "KeyError"))
    assert mine.message.en == "A hidden case ends with an exception: longer lists."
    assert builtin.message.en == "A hidden case ends with KeyError: longer lists."
    assert mine.shown == builtin.shown == () and mine.points == 1.25 and "hidden: [" not in str(mine)


def test_nothing_shown_can_carry_a_hidden_input(prepared):
    """All visible calls come before the first hidden one: a learner's memory is empty while he is listened to."""
    source = """
kept = []
def share(hits, n):
    kept.append(len(hits))
    return float(len(kept))
"""
    found = verdict(prepared, source)
    assert found.shown[2][1].en.startswith("1.0")
    spy = "import sys\nsys.kept = getattr(sys, 'kept', 0)\ndef share(hits, n):\n    sys.kept += 1\n    raise ValueError(sys.kept)"
    assert "ValueError" in verdict(prepared, spy).message.en


def test_printing_is_kept_for_the_learner_and_for_nobody_else(prepared):
    source = RIGHT.replace("\n", "\n    print('here')\n", 1)
    assert verdict(prepared, source, reveal=True).printed.startswith("here\n")
    assert verdict(prepared, source).printed == ""
    flood = verdict(prepared, RIGHT.replace("\n", "\n    print('x' * 10**6)\n", 1), reveal=True)
    assert flood.outcome == Outcome.PASS and len(flood.printed) <= 4_100


def test_one_lost_worker_does_not_cost_the_next_question_its_points(demo):
    demo.change(demo.spec, '    Code(\n        name="share",', '    Code(\n        name="share", seconds=0.4,')
    text = demo.spec.read_text()
    start, end = text.index("    Code("), text.index("    Choice(")
    demo.spec.write_text(
        text[:end] + text[start:end].replace('"share"', '"again"').replace("def share", "def again") + text[end:]
    )
    master = demo.master.read_text()
    cell = master[master.index('# %% question="share"') : master.index("# %% [markdown]\n# ## Which stage")]
    demo.master.write_text(master + cell.replace('"share"', '"again"').replace("def share", "def again"))
    prepared = prepare(demo.exercise())
    loop = "def share(hits, n):\n    while True: pass"
    for bad in (loop, "import os\nos._exit(0)", "import os\nos.close(int(__import__('sys').argv[2]))"):
        start_time = time.monotonic()
        found = {v.question: v for v in grade(prepared, {"share": bad, "again": RIGHT.replace("share", "again")})}
        assert found["demo.sums/share"].outcome == Outcome.ERROR and found["demo.sums/again"].outcome == Outcome.PASS
        assert time.monotonic() - start_time < 8


def test_another_seed_draws_other_hidden_inputs_and_the_same_seed_the_same(demo):
    one, two, other = (prepare(demo.exercise(), seed).inputs["share"] for seed in (0, 0, 1))
    assert one == two and one["drawn"] != other["drawn"] and one["basic"] == other["basic"]


def test_only_prepares_what_is_asked_for(demo):
    prepared = prepare(demo.exercise(), only=["stage"])
    assert [v.question for v in grade(prepared, {"stage": 'stage = "c"'})] == [
        "demo.sums/stage"
    ] and not prepared.expected


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("return float(np.sum(hits[:n])) / n", "return undefined", r"in case 'basic' on \(\[1, 0, 1, 1\], 2\): NameError in line 5"),
     ("return float(np.sum(hits[:n])) / n", "return object()", "it gives object, which can't be sent"),
     ("    if n == 0:\n        return 0.0\n", "    n / n\n", r"case 'nothing' on \(\[1, 0\], 0\): ZeroDivisionError"),
     ("return float(np.sum(hits[:n])) / n", "return (", "SyntaxError in line"),
     ("return float(np.sum(hits[:n])) / n", "while True: pass", "longer than the question's seconds"),
     ("def share(hits: list[int], n: int) -> float:", "def other(hits, n):", "the cell doesn't define the function")],
)  # fmt: skip
def test_a_broken_solution_is_the_author_s_error(demo, old, new, words):
    demo.change(demo.master, old, new)
    with pytest.raises(DataError, match=words):
        prepare(demo.exercise())


def test_a_case_may_ask_for_an_exception(demo):
    demo.change(
        demo.master, "    if n == 0:\n        return 0.0\n", "    if n == 0:\n        raise ValueError('no places')\n"
    )
    with pytest.raises(DataError, match="write raises= into the case"):
        prepare(demo.exercise())
    demo.change(demo.spec, "inputs=(([1, 0], 0),)", 'raises="ValueError", inputs=(([1, 0], 0),)')
    prepared = prepare(demo.exercise())
    raising = RIGHT.replace("if n else 0.0", "if n else int('no')")
    assert verdict(prepared, raising).outcome == Outcome.PASS and verdict(prepared, RIGHT).outcome == Outcome.FAIL
    demo.change(demo.spec, 'raises="ValueError", ', 'raises="KeyError", ')
    with pytest.raises(DataError, match="ValueError in line 4.*where the case says raises='KeyError'"):
        prepare(demo.exercise())


def test_inputs_that_cannot_be_drawn_or_sent_are_the_author_s_error(demo):
    demo.change(demo.spec, "n = int(generator.integers(5, 30))", "n = 1 / 0")
    with pytest.raises(DataError, match="can't be drawn"):
        prepare(demo.exercise())
    demo.change(demo.spec, "n = 1 / 0", "return object(), 1")
    with pytest.raises(DataError, match="can't be sent"):
        prepare(demo.exercise())


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [("master", "points=2", "points=3", "add up to 2 points"), ("spec", 'name="stage"', 'name="other"', "different questions"),
     ("spec", "QUESTIONS = (", "QUESTIONS = [", "can't be run"), ("spec", "import Case,", "import Nothing,", "grade_sums.py, line 1: the spec can't be run"),
     ("spec", "inputs=(([1, 0], 0),), ", "", r"grade_sums.py, line \d+: case 'nothing' needs either inputs or draw"),
     ("master", "### BEGIN SOLUTION\nstage", "stage", "solution region"), ("master", 'question="stage" points=1', 'question="stage"', "points is None"),
     ("spec", "QUESTIONS = (", "LIST = (", "must be a tuple"), ("master", 'question="stage"', "question=stage", "not JSON")],
)  # fmt: skip
def test_spec_and_master_must_fit(demo, file, old, new, words):
    demo.change(getattr(demo, file), old, new)
    with pytest.raises(CourseError, match=words):
        demo.exercise()


def test_a_topic_without_exercise_names_those_there_are(demo, tmp_path):
    from course_lib.classroom.loading import graded_topics, load_exercise

    assert graded_topics(demo.root) == ["demo.sums"]
    with pytest.raises(CourseError, match=r"Choose one of demo\.sums"):
        load_exercise("demo.other", demo.root)
    with pytest.raises(CourseError, match="clone of the course"):
        load_exercise("demo.sums", tmp_path / "empty")


def test_private_specs_take_the_place_of_public_ones(demo, tmp_path):
    from course_lib.classroom.loading import load_exercise

    private = tmp_path / "private"
    (private / "demo").mkdir(parents=True)
    (private / "demo" / "grade_sums.py").write_text(demo.spec.read_text().replace("n is 0", "private title"))
    exercise = load_exercise("demo.sums", demo.root, private)
    assert exercise.questions[0].cases[1].title.en == "private title" and exercise.master_path == demo.master


def test_the_grader_imports_neither_torch_nor_notebook_software(demo):
    """Memory and start of `course grade` and `course check` depend on it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom course_lib.classroom.grading import grade, prepare\n"
        "from course_lib.classroom.loading import load_exercise\n"
        f"p = prepare(load_exercise('demo.sums', Path({str(demo.root)!r})))\n"
        f"assert grade(p, {{'share': {RIGHT!r}}})[0].outcome == 'PASS'\n"
        "heavy = {'torch', 'datasets', 'IPython', 'nbformat', 'jupytext', 'nbgrader', 'scipy', 'pandas', 'yaml'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_worker_that_cannot_start_says_why():
    class Nowhere(Plain):
        def command(self, requests, replies, memory_mb, seconds):
            return ["/nonexistent/python"], ()

    with pytest.raises(Stopped) as caught:
        Worker(Nowhere(), (), 512, 1)
    assert caught.value.reason == "start" and "No such file" in caught.value.detail
    with pytest.raises(Stopped, match="no_such_module"):
        Worker(Plain(), ("no_such_module",), 512, 1)


def test_no_descriptor_and_no_process_is_left():
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    worker = Worker(Plain(), (), 512, 1)
    pid = worker.process.pid
    worker.close()
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    if before:
        assert set(os.listdir("/proc/self/fd")) <= before


def test_torch_answers(demo):
    pytest.importorskip("torch")
    demo.change(
        demo.spec, '        name="share",', '        name="share", uses=("torch",), memory_mb=8_000, seconds=10.0,'
    )
    answer = "import torch\ndef share(hits, n):\n    return float(torch.tensor(hits[:n]).float().mean()) if n else 0.0"
    from course_lib.classroom.compare import close

    exercise = demo.exercise()
    object.__setattr__(exercise.questions[0], "agree", close(1e-6, 1e-6))
    assert verdict(prepare(exercise), answer).outcome == Outcome.PASS
