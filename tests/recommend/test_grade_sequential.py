"""The exercise on sequences: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.classroom.loading import load_exercise
from course_lib.core.ids import IdMap
from course_lib.recommend.sequential import RecentCosine, leave_last_out, sampled_softmax_loss
from course_lib.shop.interactions import Interactions

EXERCISE = load_exercise("recommend.sequential")
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
    assert NAMES == ["last_two_out", "live_votes", "sampled_softmax"] and EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


@pytest.mark.parametrize("seed", range(3))
def test_the_split_is_that_of_the_course(seed):
    for (log,) in drawn("last_two_out", "random", seed):
        users, items, times = zip(*log)
        data = Interactions.from_ids(users, items, items=IdMap("item", "abcdef"), timestamps=np.array(times))
        found = function("last_two_out")(log)
        if max(map(len, (train for train, _, _ in found.values()))) == 0:
            continue
        if not any(test for _, _, test in found.values()):
            continue
        split = leave_last_out(data)
        for user, parts in found.items():
            row = data.users.rows([user])[0]
            ours = [p.items.take(p.item_rows[p.user_rows == row]) for p in split]
            assert ours[0] == parts[0] and ours[1:] == [[p] if p else [] for p in parts[1:]]


def test_live_votes_are_a_live_session():
    for votes, items, hours, decay, half_life in drawn("live_votes", "random"):
        n = len(votes)
        data = Interactions.from_ids(["u"] * n, [str(i) for i in range(n)], items=IdMap("item", map(str, range(n))))
        model = RecentCosine(decay, half_life / 24).fit(data)
        model.votes = type(model.votes)(np.array(votes, dtype=np.float32))
        session, found = model.session(), function("live_votes")(votes, items, hours, decay, half_life)
        for t, (item, hour) in enumerate(zip(items, hours)):
            if t and items[t - 1] == item:
                break  # the course takes an item right after itself for one event
            session.add(str(item), round(hour * 3600))
            np.testing.assert_allclose(session.scores(), found[t], rtol=1e-4, atol=1e-6)


def test_sampled_softmax_is_that_of_the_course():
    for scores, target, sample in drawn("sampled_softmax", "random"):
        table = torch.tensor(scores)[:, None]
        ours = sampled_softmax_loss(torch.ones(1, 1), torch.tensor([target]), table, torch.tensor(sample))
        assert function("sampled_softmax")(scores, target, sample) == pytest.approx(float(ours), rel=1e-4, abs=1e-5)


def test_the_examples_of_the_text_are_right():
    found = function("last_two_out")([("u", "c", 5), ("u", "a", 3), ("u", "b", 5), ("v", "a", 1)])
    assert found == {"u": (["a"], "c", "b"), "v": (["a"], None, None)}
    assert function("live_votes")([[0, 4], [2, 0]], [0, 1], [0, 3], 0.5, 3) == [[0, 4], [2, 1]]
    loss = function("sampled_softmax")([1, 0, 0, 0, 0], 0, [1, 0, 2])
    assert loss == pytest.approx(0.9048, abs=5e-5) and loss == pytest.approx(np.log(np.e + 4) - 1)


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
                except (ZeroDivisionError, IndexError) as error:
                    found.append(error)
            assert any(found), f"{wrong.name} passes with seed {seed}"
