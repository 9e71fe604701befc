"""The exercise on clicks: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.core.ranking import PAD
from course_lib.search.clicks import (
    PairTable,
    PositionBased,
    ResultPages,
    SimplifiedDBN,
    harvest_examination,
    ips_relevance,
    log_likelihood,
    weigh_impressions,
)

EXERCISE = load_exercise("search.clicks")
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


def pages_of(lists: list[list[int]], clicks: list[list[int]]) -> ResultPages:
    item = np.full((len(lists), max(map(len, lists))), PAD)
    click = np.zeros(item.shape, dtype=bool)
    for row, (shown, places) in enumerate(zip(lists, clicks)):
        item[row, : len(shown)] = shown
        click[row, places] = True
    return ResultPages(query=np.zeros(len(lists), dtype=int), item=item, click=click)


def test_every_question_teaches():
    assert NAMES == ["harvest_round", "pbm_em_round", "sdbn_estimate", "clipped_ips"] and EXERCISE.max_points == 13
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_rounds_of_harvesting_end_where_the_course_ends():
    rng = np.random.default_rng(0)
    item = rng.permuted(np.tile(np.arange(6), (400, 1)), axis=1)[:, :4]
    click = rng.random(item.shape) < np.array([1, 0.6, 0.3, 0.2]) * np.linspace(0.2, 0.8, 6)[item]
    pages = ResultPages(query=np.zeros(400, dtype=int), item=item, click=click)
    shown, clicks = np.zeros((6, 4), dtype=int), np.zeros((6, 4), dtype=int)
    place = np.broadcast_to(np.arange(4), item.shape)
    np.add.at(shown, (item, place), 1)
    np.add.at(clicks, (item, place), click)
    theta = [1.0] * 4
    for _ in range(200):
        _, theta = function("harvest_round")(theta, shown.tolist(), clicks.tolist())
    np.testing.assert_allclose(theta, harvest_examination(pages), atol=1e-6)


def test_rounds_of_em_end_where_the_course_ends_and_never_lower_the_likelihood():
    rng = np.random.default_rng(1)
    item = rng.permuted(np.tile(np.arange(5), (300, 1)), axis=1)[:, :3]
    click = rng.random(item.shape) < np.array([1, 0.6, 0.3]) * np.linspace(0.2, 0.8, 5)[item]
    pages = ResultPages(query=np.zeros(300, dtype=int), item=item, click=click)
    place = np.broadcast_to(np.arange(3), item.shape).ravel().tolist()
    theta, alpha, reached = [1.0, 0.5, 0.5], [0.5] * 5, []
    for _ in range(300):
        theta, alpha = function("pbm_em_round")(theta, alpha, place, item.ravel().tolist(), click.ravel().tolist())
        now = PositionBased()
        now.examination, now.attraction = np.array(theta), PairTable(np.arange(5), np.array(alpha), 0.5)
        reached.append(log_likelihood(now, pages))
    assert (np.diff(reached) > -1e-9).all()
    ours = PositionBased(prior=(0, 0), tolerance=1e-10, rounds=20_000).fit(pages)
    np.testing.assert_allclose(theta, ours.examination, atol=1e-4)
    np.testing.assert_allclose(alpha, ours.attraction.value, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_sdbn_is_that_of_the_course(seed):
    for (pages,) in drawn("sdbn_estimate", "random", seed):
        names = sorted({name for shown, _ in pages for name in shown})
        ours = SimplifiedDBN(prior=(0, 0)).fit(
            pages_of([[names.index(name) for name in shown] for shown, _ in pages], [places for _, places in pages])
        )
        for row, name in enumerate(names):
            found = function("sdbn_estimate")(pages)[name]
            for value, table in zip(found, (ours.attraction, ours.satisfaction)):
                if not math.isnan(value):  # what is unknown the course fills with a mean
                    assert value == pytest.approx(table.value[row])


def test_ips_is_that_of_the_course():
    for looks, clicked, most in drawn("clipped_ips", "random") + drawn("clipped_ips", "basic"):
        # One product; each showing stands alone at a place of its own, on a page filled up with others.
        n = len(looks)
        item = np.arange(1, n * n + 1).reshape(n, n)
        np.fill_diagonal(item, 0)
        click = np.diag(np.array(clicked, dtype=bool))
        seen = weigh_impressions(
            ResultPages(query=np.zeros(n, dtype=int), item=item, click=click), np.array(looks), max_weight=most
        )
        found = function("clipped_ips")(looks, clicked, most)
        for value, normalised in zip(found, (False, True)):
            assert value == pytest.approx(ips_relevance(seen, normalised=normalised).value[0])


def test_the_examples_of_the_text_are_right():
    alpha, theta = function("harvest_round")([1.0, 0.5], [[2, 4], [4, 4]], [[1, 1], [2, 0]])
    assert alpha == pytest.approx([0.5, 1 / 3]) and theta == pytest.approx([1, 0.3 * 7 / 9])
    theta, alpha = function("pbm_em_round")([1.0, 0.5], [0.5], [1, 1], [0, 0], [1, 0])
    assert theta == pytest.approx([1, 2 / 3]) and alpha == pytest.approx([2 / 3])
    found = function("sdbn_estimate")([(["a", "b", "c"], [1]), (["b", "a"], [])])
    assert found["a"][0] == 0 and found["b"] == (0.5, 1.0)
    assert math.isnan(found["a"][1]) and all(map(math.isnan, found["c"]))
    assert function("clipped_ips")([1.0, 0.5, 0.1], [0, 1, 1], 5) == pytest.approx((7 / 3, 2 / 1.7))


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer, found = function(name, wrong.code), []
            for given in inputs:
                try:
                    found.append(question.agree(solution(*given), answer(*given), given))
                except ZeroDivisionError as error:
                    found.append(error)
            assert any(found), f"{wrong.name} passes with seed {seed}"
