"""The exercise on sequences: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.classroom.grading import grade, prepare
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


_TOLD = """def live_votes(votes, items, hours, decay, half_life):
    votes = np.array(votes)
    scores, result, last = np.zeros(len(votes)), [], None
    for item, hour in zip(items, hours):
{body}
        last = hour
    return {result}
"""
_FADE = """        if last is not None:
            scores = scores * decay * 0.5 ** ((hour - last) / half_life)
"""
_ADD = "        scores = scores + votes[item]\n"
_KEEP = "        result.append(scores.tolist())"
SLIPS = {
    "one_array_overwritten": _TOLD.format(
        body="        if last is not None:\n            scores *= decay * 0.5 ** ((hour - last) / half_life)\n"
        "        scores += votes[item]\n        result.append(scores)", result="result",
    ),
    "one_list_overwritten": """def live_votes(votes, items, hours, decay, half_life):
    n = len(votes)
    scores, result = [0.0] * n, []
    for t, item in enumerate(items):
        left = decay * 0.5 ** ((hours[t] - hours[t - 1]) / half_life) if t > 0 else 1
        for i in range(n):
            scores[i] = scores[i] * left + votes[item][i]
        result.append(scores)
    return result
""",
    "new_vote_faded": _TOLD.format(body=_ADD + _FADE + _KEEP, result="result"),
    "first_vote_faded_too": _TOLD.format(
        body=_ADD + "        last = hour if last is None else last\n" + _FADE + _KEEP, result="result"
    ),
    "one_event_too_many": """def live_votes(votes, items, hours, decay, half_life):
    result = []
    for t in range(1, len(items) + 1):
        scores = [0.0] * len(votes)
        for r in range(t):
            for i, vote in enumerate(votes[items[r]]):
                scores[i] += vote * decay ** (t - r) * 0.5 ** ((hours[t - 1] - hours[r]) / half_life)
        result.append(scores)
    return result
""",
    "last_state_alone": _TOLD.format(body=_FADE + _ADD + _KEEP, result="scores.tolist()"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", SLIPS)
def test_a_slip_is_named_however_it_is_written(mistake):
    """Cells as learners write them, none of which is the spec's own code."""
    ready = prepare(EXERCISE, only=["live_votes"])
    (found,) = grade(ready, {"live_votes": SLIPS[mistake]})
    assert (found.outcome, found.mistake) == ("FAIL", mistake)


@pytest.mark.parametrize("end", ["result[-1]", "result[-1] if result else []"])
def test_the_last_state_is_named_also_where_no_event_ends_otherwise(end):
    source = _TOLD.format(body=_FADE + _ADD + _KEEP, result=end)
    (found,) = grade(prepare(EXERCISE, only=["live_votes"]), {"live_votes": source})
    assert found.mistake == "last_state_alone"
