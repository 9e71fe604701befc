"""One batch of twenty honest learners and every attack, through ``course grade``: each honest score is exact."""

from __future__ import annotations

import json
import os
import time
from typing import Any

WRONG = {
    "weighted": ("def weighted(values):\n    return float(sum(values))\n", 0.5),  # right for no values, gated away: 0
    "unseen": ("def unseen(number):\n    return 2 * number\n", 0.0),
    "third": ("def third(text):\n    return 0\n", 0.0),
    "pick": ('pick = "a"\n', 0.0),
}
FULL = {"weighted": 5.0, "unseen": 5.0, "third": 1.0, "pick": 1.0}
#: right for lists of at most three values, which the visible cases are
SHORT = """\
def weighted(values):
    return float(sum((n + 1) * v for n, v in enumerate(values))) if len(values) <= 3 else -1.0
"""


def honest_learners(right: dict[str, str]) -> dict[str, tuple[dict[str, str], dict[str, float]]]:
    """Twenty learners: their cells, and the points that they must get."""
    learners = {}
    for number in range(20):
        cells, points = dict(right), dict(FULL)
        for bit, name in enumerate(FULL):
            if number >> bit & 1:
                cells[name], points[name] = WRONG[name][0], 0.0
        if number == 16:
            cells["weighted"], points["weighted"] = SHORT, 2.5
        elif number == 17:
            del cells["unseen"]
            points["unseen"] = 0.0
        learners[f"honest-{number:02}"] = cells, points
    return learners


def test_every_honest_score_is_exact(
    host: Any,
    instructor: Any,
    every_attack: list[Any],
    honest: dict[str, str],
    best_constant: dict[str, float],
    secret: str,
) -> None:
    learners = honest_learners(honest)
    for name, (cells, _) in learners.items():
        instructor.hand_in(name, cells)
    for attack in every_attack:
        # Half of them try it a second time in the next question, where a worker is perhaps started anew.
        source = host.source(attack)
        cells = {"weighted": source, "pick": 'pick = "a"'}
        if len(attack.name) % 4 == 0:
            cells["third"] = source.replace("def weighted(values)", "def third(values)")
        instructor.hand_in(f"hostile-{attack.name}", cells)
    before = time.monotonic()
    done = instructor.grade()
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (instructor.report / "faults.txt").exists()
    assert time.monotonic() - before < 10.0 * len(every_attack)
    points = instructor.points()
    for name, (_, expected) in learners.items():
        assert {question: points[name, question] for question in FULL} == expected, name
    for attack in every_attack:
        for question in ("weighted", "third"):
            most = best_constant[question] * FULL[question] + 1e-9
            assert points[f"hostile-{attack.name}", question] <= most, attack.name
    results = json.loads((instructor.report / "results.json").read_text(encoding="utf-8"))
    assert "bubblewrap" in json.dumps(results)
    assert host.untouched() and host.listeners.hits == 0
    assert not host.processes()
    assert not instructor.says(secret)


def test_the_honest_scores_alone_are_the_same(instructor: Any, honest: dict[str, str]) -> None:
    """The control of the batch: without attacks, the points that were worked out by hand."""
    learners = honest_learners(honest)
    for name, (cells, _) in learners.items():
        instructor.hand_in(name, cells)
    assert instructor.grade().returncode == 0
    points = instructor.points()
    assert {name: {question: points[name, question] for question in FULL} for name in learners} == {
        name: expected for name, (_, expected) in learners.items()
    }
    assert len({json.dumps(expected) for _, expected in learners.values()}) >= 16
    assert os.listdir(instructor.report / "learners")
