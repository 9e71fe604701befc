"""The exercise on collaborative filtering: its solutions against the course's own code, its examples, its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from course_lib.classroom.grading import grade, prepare
from course_lib.classroom.loading import load_exercise
from course_lib.core.ids import IdMap
from course_lib.recommend.collaborative import ItemCosine, als_step, ease_weights
from course_lib.shop.interactions import Interactions

EXERCISE = load_exercise("recommend.collaborative")
NAMES = [question.name for question in EXERCISE.questions]


def function(name: str, source: str | None = None) -> Callable:
    """The solution of a question, or another answer to it, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def drawn(name: str, case: str, seed: int = 0) -> list[tuple]:
    found = next(one for one in EXERCISE.question(name).cases if one.name == case)
    return found.arguments(np.random.default_rng(seed))


def test_every_question_teaches():
    assert NAMES == ["cosine_scores", "user_step", "ease_matrix"] and EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_answers_are_those_of_the_course():
    for histories, n_items, user in drawn("cosine_scores", "random"):
        pairs = sorted({(u, i) for u, items in enumerate(histories) for i in items})
        data = Interactions.from_ids(
            [f"u{u}" for u, _ in pairs], [str(i) for _, i in pairs], items=IdMap("item", map(str, range(n_items)))
        )
        ours = ItemCosine().fit(data).score([f"u{user}"])[0]
        np.testing.assert_allclose(function("cosine_scores")(histories, n_items, user), ours, rtol=1e-5, atol=1e-6)
    for vectors, had, alpha, lam in drawn("user_step", "random"):
        x = csr_matrix((np.ones(len(had)), (np.zeros(len(had), int), had)), shape=(1, len(vectors)))
        np.testing.assert_allclose(function("user_step")(vectors, had, alpha, lam), als_step(x, vectors, lam, alpha)[0])
    for x, lam in drawn("ease_matrix", "random"):
        np.testing.assert_allclose(function("ease_matrix")(x, lam), ease_weights(np.array(x, float), lam), atol=1e-12)


def test_the_examples_of_the_text_are_right():
    assert function("cosine_scores")([[0, 1], [0, 1], [2, 1], [0, 2]], 3, 3)[1] == pytest.approx(1.0749, abs=5e-5)
    assert function("user_step")([[1], [2]], [0], 3, 1) == pytest.approx([0.375])
    found = function("ease_matrix")([[1, 1], [1, 0]], 1)
    np.testing.assert_allclose(found, [[0, 1 / 3], [0.5, 0]])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(3):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            assert any(question.agree(solution(*given), answer(*given), given) for given in inputs), wrong.name


SLIPS = {
    "nobody_spoils_all": """def cosine_scores(histories, n_items, user):
    had = np.array([[i in items for i in range(n_items)] for items in histories], dtype=float)
    length = np.linalg.norm(had, axis=0)
    cosine = had.T @ had / length / length[:, None]
    np.fill_diagonal(cosine, 0)
    return list(had[user] @ cosine)
""",
    "nobody_is_nan": """def cosine_scores(histories, n_items, user):
    had = np.array([[i in items for i in range(n_items)] for items in histories], dtype=float)
    own = set(histories[user])
    return [
        sum(had[:, j] @ had[:, i] / np.sqrt(had[:, j].sum() * had[:, i].sum()) for j in own if j != i) for i in range(n_items)
    ]
""",
}


@pytest.mark.parametrize("mistake", SLIPS)
def test_a_slip_is_named_however_it_is_written(mistake):
    """Cells as learners write them, none of which is the spec's own code."""
    ready = prepare(EXERCISE, only=["cosine_scores"])
    (found,) = grade(ready, {"cosine_scores": SLIPS[mistake]})
    assert (found.outcome, found.mistake) == ("FAIL", mistake)
