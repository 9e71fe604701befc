"""The exercise on graphs: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from course_lib.classroom.grading import grade, prepare
from course_lib.classroom.loading import load_exercise
from course_lib.core.ids import IdMap
from course_lib.recommend.graph import GraphFilter, UserItemGraph, propagate
from course_lib.shop.interactions import Interactions

EXERCISE = load_exercise("recommend.graph")
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


def matrix_of(edges: list, n_users: int, n_items: int) -> csr_matrix:
    user, item = np.array(edges).T
    return csr_matrix((np.ones(len(edges), np.float32), (user, item)), shape=(n_users, n_items))


def test_every_question_teaches():
    assert NAMES == ["lightgcn_forward", "two_step_scores", "swap_edges"] and EXERCISE.max_points == 10
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_forward_pass_is_that_of_the_course():
    for edges, users, items, layers in drawn("lightgcn_forward", "random"):
        graph = UserItemGraph(matrix_of(edges, len(users), len(items)))
        ours = propagate(graph.adjacency, torch.tensor(users + items, dtype=torch.float32), layers).numpy()
        found = function("lightgcn_forward")(edges, users, items, layers)
        np.testing.assert_allclose(np.concatenate(found), ours, atol=1e-5)


def test_two_steps_are_the_filter_of_the_course():
    for edges, n_items, history in drawn("two_step_scores", "random"):
        # The history is that of a user of the graph here, for the course's filter knows no others.
        edges = [pair for pair in edges if pair[0] != 0] + [[0, item] for item in history]
        seen = Interactions.from_ids(
            [f"u{u}" for u, _ in edges], [f"i{i}" for _, i in edges],
            items=IdMap("item", [f"i{i}" for i in range(n_items)]),
        )  # fmt: skip
        ours = GraphFilter(rank=1, alpha=0).fit(seen).score(["u0"])[0]
        found = np.array(function("two_step_scores")(edges, n_items, history))
        others = np.setdiff1d(np.arange(n_items), history)
        np.testing.assert_allclose(found[others], ours[others], atol=1e-5)
        assert np.isneginf(found[history]).all()


@pytest.mark.parametrize("seed", range(3))
def test_swaps_keep_every_degree(seed):
    for edges, swaps in drawn("swap_edges", "random", seed):
        before = [pair[:] for pair in edges]
        found = function("swap_edges")(edges, swaps)
        assert edges == before and len({tuple(pair) for pair in found}) == len(found)
        assert [u for u, _ in found] == [u for u, _ in edges]
        assert sorted(i for _, i in found) == sorted(i for _, i in edges)


def test_the_examples_of_the_text_are_right():
    users, items = function("lightgcn_forward")([[0, 0], [0, 1]], [[2.0]], [[1.0], [3.0]], 1)
    assert users[0][0] == pytest.approx(2.414, abs=1e-3)
    assert [one[0] for one in items] == pytest.approx([1.207, 2.207], abs=1e-3)
    scores = function("two_step_scores")([[0, 0], [0, 1], [1, 1], [1, 2]], 3, [0])
    assert scores == pytest.approx([-math.inf, 1 / math.sqrt(8), 0])
    swap = function("swap_edges")
    assert swap([[0, 0], [1, 1], [2, 0]], [[0, 1]]) == [[0, 1], [1, 0], [2, 0]]
    assert swap([[0, 0], [1, 1], [2, 0]], [[0, 1], [1, 2]]) == [[0, 1], [1, 0], [2, 0]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer, found = function(name, wrong.code), []
            for given in inputs:
                try:
                    found.append(question.agree(solution(*given), answer(*given), given))
                except (ZeroDivisionError, IndexError) as error:
                    found.append(error)
            assert any(found), f"{wrong.name} passes with seed {seed}"


_WALKED = """def two_step_scores(edges, n_items, history):
    by_user, by_item = {{}}, {{i: [] for i in range(n_items)}}
    for u, i in edges:
        by_user.setdefault(u, []).append(i)
        by_item[i].append(u)
    scores = [0.0] * n_items
    for i in history:
        for v in by_item[i]:
            for j in by_user[v]:
                d_v, d_i, d_j = len(by_user[v]), len(by_item[i]), len(by_item[j])
                scores[j] += {weight}
    for i in history:
        scores[i] = -math.inf
    return scores
"""
_LAYERS = """def lightgcn_forward(edges, users, items, layers):
    nodes = np.array(users + items, dtype=float)
    joined = np.zeros((len(nodes), len(nodes)))
    for u, i in edges:
        joined[u, len(users) + i] = joined[len(users) + i, u] = 1
    degree = np.maximum(joined.sum(axis=1), 1)
    joined /= np.sqrt(degree[:, None] * degree)
    total = nodes.copy()
    for _ in range(layers):
        nodes = joined @ nodes
        total += nodes
    total = total / {by}
    return total[:len(users)].tolist(), total[len(users):].tolist()
"""
SLIPS = {
    ("two_step_scores", "user_divided_once"): _WALKED.format(weight="1 / math.sqrt(d_v * d_i) / math.sqrt(d_j)"),
    ("two_step_scores", "first_weight_alone"): _WALKED.format(weight="1 / math.sqrt(d_v * d_i)"),
    ("two_step_scores", "second_weight_alone"): _WALKED.format(weight="1 / math.sqrt(d_v * d_j)"),
    ("lightgcn_forward", "one_layer_too_few_counted"): _LAYERS.format(by="layers"),
    ("lightgcn_forward", ""): _LAYERS.format(by="(layers + 1)"),
    ("two_step_scores", ""): _WALKED.format(weight="1 / (d_v * math.sqrt(d_i * d_j))"),
}


@pytest.mark.parametrize(("name", "mistake"), SLIPS)
def test_a_slip_is_named_however_it_is_written(name, mistake):
    """Cells as learners write them, none of which is the spec's own code; those without a slip are right."""
    (found,) = grade(prepare(EXERCISE, only=[name]), {name: SLIPS[name, mistake]})
    assert (found.outcome, found.mistake) == ("FAIL" if mistake else "PASS", mistake)
