"""Each part of an exercise, bent, is found and named; nothing is found in a sound one."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.classroom import accepted, exercises_command, guessing, stubs
from course_lib.classroom.grading import prepare
from course_lib.classroom.observe import Raised, Returned
from course_lib.classroom.verify import verify
from course_lib.classroom.wire import Tensor
from course_lib.cli import Parser
from course_lib.core.errors import CourseError, DataError, UnknownIdError
from course_lib.core.fingerprint import ROOT


def build(demo) -> None:
    """What ``course exercises build --accept`` does."""
    stubs.build(demo.exercise(), demo.root)
    accepted.accept(prepare(demo.exercise()), demo.root, changed=True)


def test_a_sound_topic_has_no_problem(demo) -> None:
    said: list[str] = []
    build(demo)
    assert verify(demo.root, say=said.append) == []
    assert said == ["demo.sums …"]


# which file, what is replaced by what, and a part of the one problem that must be named
FLIPS = {
    "a solution that is a known mistake": ("master", "(np.sum(hits[:n])) / n", "(np.sum(hits[:n])) / len(hits)",
                                           "demo.sums/share: ", "wrong answer 'by_length' passes"),
    "choice wrong": ("master", 'stage = "c"', 'stage = "a"', "demo.sums/stage: ", "the solution is|'a' passes"),
    "number wrong": ("master", "(40 - 12) / 40 * 100", "(40 - 12) / 40", "demo.sums/stayed: ", "'fraction' passes"),
    "solution that never ends": ("master", "        return 0.0\n", "        while True: pass\n", "demo.sums", "time"),
    "solution that is broken": ("master", "        return 0.0\n", "        return 0.0)\n", "demo.sums", "SyntaxError"),
    "solution under another name": ("master", "def share(hits: list", "def shares(hits: list", "demo.sums", "share"),
    "points of the master": ("master", 'question="share" points=2', 'question="share" points=3', "demo.sums: ",
                             "add up to 2 points, the master says 3"),
    "points of the spec": ("spec", "短列表\"), 1.0,", "短列表\"), 1.5,", "demo.sums: ", "add up to 2.5 points"),
    "wrong answer that passes": ("spec", "return sum(hits[:n]) / len(hits)", "return sum(hits[:n]) / max(n, 1)",
                                 "demo.sums/share: ", "wrong answer 'by_length' passes"),
    "wrong answer with the message of another": (
        "spec", "return float(sum(hits[:n]))", "return sum(hits[:n]) / len(hits)", "demo.sums/share: ",
        "wrong answer 'count' gets the message of 'by_length'"),
    "wrong answer that is the stub": ("spec", "return float(sum(hits[:n]))", "...", "demo.sums/share: ",
                                      "'count' counts as not attempted"),
    "wrong answer that is broken": ("spec", "return float(sum(hits[:n]))", "return float(", "demo.sums/share: ",
                                    "'count' gets no message of its own"),
    "one message twice": ("spec", 'Text("this is a count, not a share", "这是个数，不是比例")',
                          'Text("you count beyond n", "你数到了 n 之外")', "demo.sums/share: ",
                          "'count' has the message of another"),
    "too few wrong answers": (
        "spec", '               Wrong("fraction", "stayed = 0.7", Text("a percentage was asked for", "问的是百分数")),\n', "",
        "demo.sums/stayed: ", "it has 2 wrong answers; at least 3"),
    "an option without a message": ("spec", 'letter in "abde"', 'letter in "abd"', "demo.sums/stage: ",
                                    "no wrong answer for option e"),
    "too few options": ("spec", 'options="abcde"', 'options="abc"', "demo.sums/stage: ", "right 1 times in 3"),
    "no hint": ("spec", '(Text("think of the list", "想想列表"),)', "()", "demo.sums/stage: ", "it has no hint"),
    "a hint without Chinese": ("spec", 'Text("then divide by n", "再除以 n")', 'Text("then divide by n", "")',
                               "demo.sums: ", "share"),
    "a hint in English twice": ("spec", "再除以 n", "then divide by n", "demo.sums/share: ", "hint 2: the Chinese text"),
    "Chinese in the English": ("spec", '"count by hand"', '"手算一遍"', "demo.sums/share: ", "the English text holds"),
    "a title without Chinese": ("spec", '"更长的列表"', '""', "demo.sums/share: ", "title of case 'drawn' lacks zh"),
    "a text in one language": ("spec", 'Text("zero", "零")', '"zero"', "demo.sums/share: ", "expect of case 'nothing'"),
    "a constant that scores": ("spec", "inputs=(([1, 0, 1, 1], 2), ([1, 0, 1, 1], 3), ([0, 0, 1, 0, 1], 5))",
                               "inputs=(([1, 0, 1, 1], 2),)", "demo.sums/share: ", "always returns 0.5 earns 50%"),
    "an argument that scores": ("spec", "inputs=(([1, 0, 1, 1], 2), ([1, 0, 1, 1], 3), ([0, 0, 1, 0, 1], 5))",
                                "inputs=(([1, 1, 0], 1), ([0, 0], 0))", "demo.sums/share: ", "returns its argument 2"),
    "a number of the prompt": ("master", "(40 - 12) / 40 * 100", "40", "demo.sums/stayed: ", "the number 40 of its"),
    "a number anybody guesses": ("master", "(40 - 12) / 40 * 100", "100", "demo.sums/stayed: ", "the number 100, wh"),
    "a hint that holds the answer": ("spec", "what stayed, not what left", "70 % stayed", "demo.sums/stayed: ",
                                     "hint 1 holds the answer"),
    "a wide tolerance": ("spec", "tolerance=0.01", "tolerance=35", "demo.sums/stayed: ", "the number 40 of its own"),
    "a generator that raises": ("spec", "integers(5, 30)", "integers(30, 5)", "demo.sums", "ValueError"),
    "a spec that can't be run": ("spec", "QUESTIONS = (", "QUESTIONS = missing + (", "demo.sums: ", "NameError"),
    "a question missing in the spec": ("spec", 'name="stage"', 'name="stages"', "demo.sums: ", "different questions"),
    "a solution that isn't the same twice": ("master", "    return float(np.sum(hits[:n])) / n\n",
                                             "    return float(np.random.random())\n", "demo.sums/share: ",
                                             "the solution is FAIL with 0 of 2 points"),
    "a choice that isn't a letter": ("master", 'stage = "c"', "stage = chr(99)", "demo.sums", "NotPlain"),
    "options that are no text": ("spec", 'options="abcde"', "options=None", "demo.sums: ", "TypeError"),
    "nested regions": ("master", "    if n == 0:\n", "    ### BEGIN SOLUTION\n    if n == 0:\n", "demo.sums: ", "nested"),
    "a region that isn't closed": ("master", '### END SOLUTION\n\n# %% [markdown]\n# ## How much?',
                                   '# ### END_SOLUTION\n\n# %% [markdown]\n# ## How much?', "demo.sums: ", "region"),
}  # fmt: skip


@pytest.mark.parametrize("flip", FLIPS)
def test_every_part_that_is_bent_is_named(demo, flip: str) -> None:
    build(demo)
    which, old, new, where, said = FLIPS[flip]
    demo.change(demo.master if which == "master" else demo.spec, old, new)
    try:
        build(demo)  # else every flip would be found as drift
    except CourseError:
        pass  # then verify has to name it
    found = verify(demo.root, seeds=(0,))
    assert all("\n" not in line for line in found)
    assert any(part in line for line in found if line.startswith(where) for part in said.split("|")), found


# what only the accepted results can tell: the solution itself says what is right
QUIET = {
    "solution": ("master", "/ n\n", "/ (n + 1)\n", "share"),
    "edge of the solution": ("master", "return 0.0\n", "return 1.0\n", "share"),
    "number": ("master", "(40 - 12) / 40 * 100", "(40 - 11) / 40 * 100", "stayed"),
    "inputs": ("spec", "inputs=(([1, 0], 0),)", "inputs=(([1, 1], 0),)", "share"),
    "points of cases": ("spec", "longer lists\", \"更长的列表\"), 0.75", "", "share"),
    "draws": ("spec", "integers(5, 30)", "integers(5, 31)", "share"),
    "hidden": ("spec", "hidden=True", "hidden=False, expect=Text(\"the share\", \"比例\")", "share"),
    "tolerance": ("spec", "tolerance=0.01", "tolerance=0.02", "stayed"),
    "choice": ("master", 'stage = "c"', 'stage = "a"', "stage"),
    "options": ("spec", 'options="abcde"', 'options="abcdef"', "stage"),
}  # fmt: skip


@pytest.mark.parametrize("flip", QUIET)
def test_quiet_changes_of_what_is_right_need_the_authors_word(demo, flip: str) -> None:
    build(demo)
    which, old, new, name = QUIET[flip]
    if flip == "points of cases":
        demo.change(demo.spec, '更长的列表"), 0.75', '更长的列表"), 0.5')
        demo.change(demo.spec, '"n 为 0"), 0.25', '"n 为 0"), 0.5')
    else:
        demo.change(demo.master if which == "master" else demo.spec, old, new)
    stubs.build(demo.exercise(), demo.root)
    (line,) = accepted.problems(prepare(demo.exercise()), demo.root)
    assert line.startswith(f"demo.sums/{name}: its solution or cases give other results than those accepted")
    with pytest.raises(CourseError, match=f"demo.sums: the results of {name} are not those accepted.*--accept"):
        accepted.accept(prepare(demo.exercise()), demo.root)
    assert accepted.accept(prepare(demo.exercise()), demo.root, changed=True) is True
    assert not list(accepted.problems(prepare(demo.exercise()), demo.root))


class TestAccepted:
    def test_words_and_other_seeds_change_nothing(self, demo) -> None:
        build(demo)
        before = accepted.accepted_path("demo.sums", demo.root).read_bytes()
        demo.change(demo.spec, "cut the list first", "first cut the list")
        assert accepted.accept(prepare(demo.exercise()), demo.root) is False
        assert accepted.accepted_path("demo.sums", demo.root).read_bytes() == before
        assert accepted.digests(prepare(demo.exercise(), seed=1)) != accepted.digests(prepare(demo.exercise()))

    def test_no_file_yet(self, demo) -> None:
        stubs.build(demo.exercise(), demo.root)
        lines = verify(demo.root, seeds=(0,))
        assert len(lines) == 3 and all("not been accepted yet" in line for line in lines)

    def test_a_question_that_is_gone(self, demo) -> None:
        build(demo)
        path = accepted.accepted_path("demo.sums", demo.root)
        path.write_text(path.read_text().replace('"share"', '"shares"'))
        lines = verify(demo.root, seeds=(0,))
        assert [line.split(":")[0] for line in lines] == ["demo.sums/share", "demo.sums/shares"]

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "accepted-results", "questions": {"share": 1}}'])
    def test_a_broken_file(self, demo, content: str) -> None:
        build(demo)
        accepted.accepted_path("demo.sums", demo.root).write_text(content)
        (line,) = verify(demo.root, seeds=(0,))
        assert "sums.accepted.json" in line
        with pytest.raises(DataError):
            accepted.accept(prepare(demo.exercise()), demo.root, changed=True)

    @pytest.mark.parametrize(
        ("one", "other"),
        [([1, 2], [2, 1]), (1, True), ("1", 1), ({1: 2}, {2: 1}), ({1}, {2}), (np.array([1.0, 2.0]), np.array([1, 2])),
         (np.zeros((2, 1)), np.zeros((1, 2))), (0.5, 0.50001), (Tensor(np.ones(2)), np.ones(2)), (None, "None"),
         (Raised("ValueError"), Raised("TypeError")), (Returned([1]), Returned([1], (0,))), (np.nan, 0.0)])  # fmt: skip
    def test_different_values_have_different_digests(self, one, other) -> None:
        assert accepted._digest(accepted._plain(one)) != accepted._digest(accepted._plain(other))

    @pytest.mark.parametrize(
        ("one", "other"),
        [(0.1 + 0.2, 0.3), (-0.0, 0.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({1, 2, 30}, {30, 2, 1}),
         (np.float64(0.5), 0.5), ((1, 2), [1, 2]), (np.array([0.1 + 0.2]), np.array([0.3]))])  # fmt: skip
    def test_the_last_bit_and_the_order_of_sets_do_not_count(self, one, other) -> None:
        assert accepted._digest(accepted._plain(one)) == accepted._digest(accepted._plain(other))


def test_a_wrong_answer_found_out_by_luck_is_seen_with_another_seed(demo) -> None:
    """Wrong only where n is the length of the list, on drawn inputs alone: some seeds draw no such input."""
    demo.change(demo.spec, "return float(sum(hits[:n]))",
                "return sum(hits[:n]) / n if n and len(hits) != 29 else float(n == 5)")  # fmt: skip
    demo.change(demo.spec, '"更长的列表"), 0.75, draw=draw,', '"更长的列表"), 0.75, draw=draw, n=1,')
    build(demo)
    assert any("'count' passes" in line for line in verify(demo.root, seeds=range(4)))


class TestDrift:
    def test_no_stub(self, demo) -> None:
        build(demo)
        demo.stub.unlink()
        (line,) = verify(demo.root, seeds=())
        assert line.startswith("exercises/demo/sums.ipynb: can't be read")
        assert "course exercises build demo.sums" in line

    @pytest.mark.parametrize("place", [0, 500, -2])
    def test_one_byte(self, demo, place: int) -> None:
        build(demo)
        content = bytearray(demo.stub.read_bytes())
        content[place] ^= 1
        demo.stub.write_bytes(content)
        (line,) = verify(demo.root, seeds=())
        assert line.startswith("exercises/demo/sums.ipynb: is not what the master gives")

    def test_prose_of_the_master(self, demo) -> None:
        build(demo)
        demo.change(demo.master, "# One letter.", "# One letter!")
        (line,) = verify(demo.root, seeds=())
        assert "is not what the master gives" in line

    def test_files_without_a_spec(self, demo) -> None:
        build(demo)
        for path in ("solutions/demo/other.py", "exercises/old/gone.ipynb"):
            (demo.root / path).parent.mkdir(exist_ok=True)
            (demo.root / path).write_text("")
        assert verify(demo.root, seeds=()) == [
            "exercises/old/gone.ipynb: there is no tests/old/grade_gone.py",
            "solutions/demo/other.py: there is no tests/demo/grade_other.py",
        ]
        assert verify(demo.root, ["demo.sums"]) == []

    def test_nbgrader_and_the_light_reader_must_agree(self, demo, monkeypatch) -> None:
        build(demo)
        monkeypatch.setattr("course_lib.classroom.masters.YOUR_CODE", "pass")
        assert any("another way than masters.stub_of" in line for line in verify(demo.root, seeds=()))


@pytest.mark.slow
def test_the_course_itself_is_proven() -> None:
    assert verify(ROOT) == []


def test_a_grader_that_takes_a_stub_for_an_answer(demo, monkeypatch) -> None:
    build(demo)
    monkeypatch.setattr("course_lib.classroom.grading.attempted", lambda *_: True)
    assert any("demo.sums/share: the stub is FAIL, not" in line for line in verify(demo.root, seeds=(0,)))


def test_an_unknown_topic(demo) -> None:
    with pytest.raises(UnknownIdError, match=r"'demo\.sum' has no graded exercise\. Did you mean demo\.sums"):
        verify(demo.root, ["demo.sum"])


class TestGuessing:
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [("", []), ("40 orders, 12 back", [40, 12]), ("1,200.50 yuan", [1200.5]), ("12 % of 3", [12, 0.12, 3]),
         ("12\\% a", [12, 0.12]), ("item3 and x2y", []), (".5 and 0.25.", [0.5, 0.25]), ("1, 2 and 3", [1, 2, 3]),
         ("recall@10", [10]), ("version 1.2.3", [])])  # fmt: skip
    def test_numbers_in_a_text(self, text: str, numbers: list[float]) -> None:
        found = guessing.numbers_in(text)
        assert found == numbers or text == "version 1.2.3"  # what stands there is no number; either reading will do

    def test_answers_of_a_choice(self, demo) -> None:
        question = demo.exercise().question("stage")
        assert guessing.answers(question) == list("abcde")
        demo.change(demo.spec, 'options="abcde"', 'options="abcde", several=True')
        every = guessing.answers(demo.exercise().question("stage"))
        assert len(every) == len(set(every)) == 31 and "ace" in every


class TestCommand:
    @pytest.fixture
    def course(self, demo, monkeypatch):
        monkeypatch.setattr("course_lib.core.fingerprint.ROOT", demo.root)
        parser = Parser(prog="course")
        exercises_command.add_parser(parser.add_subparsers(required=True, parser_class=Parser))

        def run(*arguments: str) -> int:
            options = parser.parse_args(["exercises", *arguments])
            return options.command(options)

        return run

    def test_build_then_verify(self, course, demo, capsys) -> None:
        assert course("build") == 0
        said = "solutions/demo/sums.accepted.json: {0}\nexercises/demo/sums.ipynb: {0}\n"
        assert capsys.readouterr().out == said.format("written")
        assert course("build", "demo.sums") == 0
        assert capsys.readouterr().out == said.format("unchanged")
        assert course("verify") == 0
        printed = capsys.readouterr()
        assert printed.out == "OK: 3 questions in 1 topics, 4.5 points\n" and printed.err == "demo.sums …\n"

    def test_problems(self, course, demo, capsys) -> None:
        assert course("verify") == 1
        printed = capsys.readouterr()
        assert not printed.out and printed.err.endswith("4 problems\n") and "sums.ipynb" in printed.err

    def test_a_quiet_change(self, course, demo, capsys) -> None:
        assert course("build") == 0
        demo.change(demo.master, "/ n\n", "/ (n + 1)\n")
        before = demo.stub.read_bytes()
        assert course("build") == 2
        assert "the results of share are not those accepted" in capsys.readouterr().err
        assert demo.stub.read_bytes() == before
        assert course("build", "--accept") == 0
        assert course("verify") == 0

    def test_an_edited_notebook(self, course, demo, capsys) -> None:
        demo.stub.parent.mkdir(parents=True)
        demo.stub.write_text("mine")
        assert course("build") == 2
        printed = capsys.readouterr()
        assert "exercises" not in printed.out and printed.err.count("\n") == 1 and "--force" in printed.err
        assert course("build", "--force") == 0
        assert demo.stub.with_name("sums.ipynb.bak").read_text() == "mine"

    def test_help_names_both_actions(self, course, capsys) -> None:
        with pytest.raises(SystemExit):
            course("--help")
        assert "build" in (printed := capsys.readouterr().out) and "verify" in printed
