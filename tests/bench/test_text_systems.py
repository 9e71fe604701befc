"""The systems: TF-IDF, the published encoder, the fine-tuned one; matching's thresholds and folds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from course_lib.bench import text_matching as matching
from course_lib.bench.text_data import read
from course_lib.bench.text_intents import FinetunedIntents, PublishedIntents, TfidfIntents, nearest
from course_lib.bench.text_scope import choose_rule
from course_lib.core.errors import CourseError

TEXTS = ["my card is lost", "lost card", "card gone", "send money", "money sent", "transfer money", "pin", "new pin"]
LABELS = np.array([0, 0, 0, 1, 1, 1, 3, 3])  # label 2 has no question


def systems(encoder):
    quick = {"epochs": 3.0, "learning_rate": 1e-3, "batch_size": 4, "progress": False}
    return [TfidfIntents(), PublishedIntents(encoder), FinetunedIntents(encoder, **quick)]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_scores_fit_the_labels(small_encoder, which):
    system = systems(small_encoder)[which].fit(TEXTS, LABELS, 4)
    scores = system.scores(["card lost", "", "the pin"])
    assert tuple(scores) == system.rules
    for rule, values in scores.items():
        assert values.shape == (3, 4) and np.isfinite(values).all(), rule
        assert (values.argmax(axis=1) != 2).all(), rule
    again = systems(small_encoder)[which].fit(TEXTS, LABELS, 4).scores(["card lost", "", "the pin"])
    for rule in scores:
        np.testing.assert_array_equal(scores[rule], again[rule])


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_question_an_intent_is_enough(small_encoder, which):
    system = systems(small_encoder)[which].fit(["card", "money"], np.array([0, 1]), 2)
    assert all(scores.shape == (1, 2) for scores in system.scores(["card"]).values())
    if system.quick:
        assert choose_rule(lambda: system, ["card", "money"], np.array([0, 1]), 2) == system.rules[0]


def test_two_labels_start_from_the_regression(small_encoder):
    texts, labels = TEXTS[:6], LABELS[:6]
    barely = FinetunedIntents(small_encoder, epochs=1.0, learning_rate=1e-9, batch_size=6, progress=False)
    head = barely.fit(texts, labels, 2).scores(texts)["head"]
    from sklearn.linear_model import LogisticRegression

    vectors = small_encoder.encode(texts)
    expected = LogisticRegression(C=10, max_iter=300).fit(vectors, labels).predict_proba(vectors)
    np.testing.assert_allclose(head, expected, atol=0.02)


def test_fine_tuning_leaves_the_start_and_the_word_vectors_alone(small_encoder):
    before = {k: v.clone() for k, v in small_encoder.model.state_dict().items()}
    tuned = FinetunedIntents(small_encoder, epochs=2.0, learning_rate=1e-2, batch_size=4, progress=False)
    after = tuned.fit(TEXTS, LABELS, 4).encoder.model.state_dict()
    assert all((before[k] == v).all() for k, v in small_encoder.model.state_dict().items())
    changed = {k for k in before if not (before[k] == after[k]).all()}
    assert changed and not any(k.startswith("embeddings") for k in changed)
    assert all(p.requires_grad for p in small_encoder.model.parameters())


def test_nearest_is_the_largest_cosine():
    known = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    found = nearest(np.array([[0, 1]], dtype=np.float32), known, np.array([0, 2, 0]), 3)
    np.testing.assert_allclose(found, [[0.8, -1, 1]], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=25))
def test_the_threshold_of_f1_is_the_best_there_is(rows):
    truth, score = (np.array(column) for column in zip(*rows))
    if not truth.any():
        return
    threshold, reached = matching.best_f1(truth, score / 6)
    assert reached == pytest.approx(f1_score(truth, score / 6 >= threshold))
    assert reached == pytest.approx(max(f1_score(truth, score >= t, zero_division=0) for t in range(7)))


def test_a_train_pair_is_never_described_by_an_encoder_that_saw_it(small_encoder, makers, tmp_path, monkeypatch):
    data = read(makers["matching"](tmp_path))
    seen = []

    def remember(encoder, left, right, pairs, *rest):
        seen.append(set(pairs[:, 0].tolist()))
        return encoder

    described = []
    monkeypatch.setattr(matching, "_tune", remember)
    real = matching.competition
    monkeypatch.setattr(matching, "competition", lambda a, b, rows: (described.append(rows), real(a, b, rows))[1])
    matching.encoder_features(data, small_encoder, epochs=1, learning_rate=1e-3)
    assert len(seen) == 3
    for fold, products in enumerate(seen):
        train = described[3 * fold]  # then valid and test
        assert not products & set(train[:, 0].tolist())
        np.testing.assert_array_equal(described[3 * fold + 2], data.splits["test"])
    assert sum(len(described[3 * fold]) for fold in range(3)) == len(data.splits["train"])


def test_too_few_matches_to_fine_tune_on(small_encoder, makers, tmp_path):
    data = read(makers["matching"](tmp_path))
    rows = data.splits["train"]
    data.splits["train"] = np.concatenate([rows[rows[:, 2] == 1][:1], rows[rows[:, 2] == 0]])
    with pytest.raises(CourseError, match="too few matches"):
        matching.encoder_features(data, small_encoder, epochs=1, learning_rate=1e-3, progress=False)
