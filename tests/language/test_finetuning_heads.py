"""Cross-encoder, grader, calibration, early stopping."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, f1_score
from torch import nn

from course_lib import Shop, evaluate
from course_lib.core.errors import ContractError, DataError
from course_lib.language.finetuning import (
    GAINS,
    LABELS,
    confidence_calibration,
    expected_gain,
    fit_temperature,
    fit_until_best,
    grade_labels,
    judged_pairs,
    label_scores,
    macro_f1_difference,
    mine_negatives,
    project,
    query_families,
    split_groups,
    train_classifier,
    train_cross_encoder,
    train_pair_head,
    train_projection,
)
from course_lib.language.finetuning.calibration import cross_entropy_at
from course_lib.language.finetuning.cross_encoder import _query_batches, pair_tokens

QUICK = dict(steps=250, batch_size=32, learning_rate=2e-3, progress=False, device="cpu")


@pytest.fixture(scope="module")
def graded(catalogue):
    """(query, product) with the right category and colour (0), the right category (1), or neither (2)."""
    random, rows, targets = np.random.default_rng(0), [], []
    for text, label in catalogue:
        colour = text.split()[0].lower()
        other = random.choice([c for c in ("red", "blue", "green", "black") if c != colour])
        wrong = random.choice([name for name in ("shoes", "kitchen", "audio") if name != label])
        for query, target in ((f"{colour} {label}", 0), (f"{other} {label}", 1), (f"{colour} {wrong}", 2)):
            rows.append((query, text))
            targets.append(target)
    return rows, np.array(targets)


@pytest.fixture(scope="module")
def cross(pretrained, graded):
    return train_cross_encoder(pretrained, *graded, ["exact", "partial", "other"], **QUICK)


def test_cross_encoder_learns_and_repeats(pretrained, graded, cross):
    pairs, targets = graded
    right = np.mean(cross.logits(pairs).argmax(1) == targets)
    assert right > 0.6 and np.mean(cross.history.loss[-10:]) < 0.8 * np.mean(cross.history.loss[:5])
    start = pretrained.encoder(device="cpu")
    before = start.encode(["red shoes"])
    again = train_cross_encoder(start, *graded, ["exact", "partial", "other"], **QUICK)
    assert again.history.loss == cross.history.loss and np.array_equal(start.encode(["red shoes"]), before)


def test_probabilities_come_in_the_order_given_whatever_the_batch(cross, graded):
    pairs = graded[0][:50]
    p = cross.predict_proba(pairs)
    assert p.shape == (50, 3) and p.sum(1) == pytest.approx(1, abs=1e-5)
    assert cross.predict_proba(pairs[::-1], batch_size=7)[::-1] == pytest.approx(p, abs=2e-2)  # bf16 where it is fast
    assert cross.predict(pairs) == [cross.labels[j] for j in p.argmax(1)]
    assert cross.logits([]).shape == (0, 3)


def test_a_ranker_orders_the_products_of_a_query(pretrained, graded):
    pairs, targets = graded
    ranker = train_cross_encoder(pretrained, pairs, 2 - targets, task="rank", **QUICK)
    assert ranker.labels == ["score"]
    score = ranker.logits(pairs)[:, 0]
    means = [score[targets == target].mean() for target in range(3)]
    assert means[0] > means[2] and means[1] > means[2]


def test_query_batches_hold_whole_queries():
    queries = np.repeat(np.arange(7), 10)
    batches = _query_batches(queries, 16, 0)
    for _ in range(20):
        rows = next(batches)
        assert len(np.unique(rows)) == len(rows) <= 16 and len(np.unique(queries[rows])) <= 3


def test_a_long_pair_loses_the_end_of_its_product(pretrained):
    tokenizer = pretrained.tokenizer
    ((ids, kinds),) = pair_tokens(tokenizer, [("red shoes", "blue kettle made to last " * 10)], 16)
    assert len(ids) == 16 and sorted(set(kinds)) == [0, 1]
    assert "red shoes" in tokenizer.decode(ids)
    ((ids, _),) = pair_tokens(tokenizer, [("red shoes " * 30, "kettle")], 16)
    assert len(ids) == 16


@pytest.mark.parametrize(
    "pairs, targets, settings, message",
    [
        ([("a", "b")] * 2, [0], {}, "2 pairs need"),
        ([("a", "b")] * 2, [0, 0], {}, "at least two kinds"),
        ([("a", "b")] * 2, [0.0, 1.0], {}, "whole numbers"),
        ([("a", "b")] * 2, [0, 2], {}, "targets reach from 0 to 2"),
        ([("a", "b")] * 2, [0, 1], dict(task="sort"), "task is 'sort'"),
        (["ab", "cd"], [0, 1], {}, "pairs must hold"),
        ([("a", 1), ("a", "b")], [0, 1], {}, "is int"),
        ([], [], {}, "0 pairs"),
    ],
)
def test_bad_pairs(pretrained, pairs, targets, settings, message):
    with pytest.raises(ContractError, match=message):
        train_cross_encoder(pretrained, pairs, targets, ["x", "y"], **{**QUICK, **settings})


# -- labels -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.simulate(n_items=300, n_users=5, n_queries=60, events_per_user=2, seed=0)


def test_labels_follow_the_truth(shop):
    labels, grades = grade_labels(shop), np.array(shop.judgements["grade"][:])
    assert np.array_equal(labels == 0, grades == 3) and np.array_equal(labels == 3, grades == 0)
    assert set(np.unique(labels)) == {0, 1, 2, 3} and (grades[labels == 2] == 1).all()
    leaves = [leaf.split(" > ")[1] for leaf in shop.truth.leaves]
    queries = shop.query_ids.rows(shop.judgements["query_id"][:])
    items = shop.item_ids.rows(shop.judgements["item_id"][:])
    for row in np.flatnonzero(labels == 2):
        pair = {leaves[shop.truth.query_leaf[queries[row]]], leaves[shop.truth.item_leaf[items[row]]]}
        assert len(pair) == 2  # never the category that was asked for


def test_a_phone_case_goes_with_a_smartphone(shop):
    from course_lib.language.finetuning.grader import _complements

    names = [leaf.split(" > ")[1] for leaf in shop.truth.leaves]
    together = _complements()
    assert together[names.index("smartphone"), names.index("phone case")] and np.array_equal(together, together.T)
    assert not together.diagonal().any()


def test_families_ask_for_the_same(shop):
    families = query_families(shop)
    assert len(families) == len(shop.queries)
    relevance = shop.truth.relevance
    for family in np.flatnonzero(np.bincount(families) > 1):
        rows = np.flatnonzero(families == family)
        for row in rows[1:]:
            assert (relevance[rows[0]] != relevance[row]).nnz == 0


def test_only_labelled_shops_have_labels(shop):
    real = Shop("gifts", shop.items, shop.queries, shop.judgements, shop.users, shop.events)
    with pytest.raises(DataError, match="substitutes from complements"):
        grade_labels(real)
    with pytest.raises(DataError, match="what each query means"):
        query_families(real)
    esci = Shop("esci/us", shop.items, shop.queries, shop.judgements, shop.users, shop.events)
    assert np.array_equal(3 - grade_labels(esci), np.array(shop.judgements["grade"][:]))


def test_expected_gain():
    p = np.array([[1, 0, 0, 0], [0.05, 0.95, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    assert expected_gain(p) == pytest.approx([1, 0.145, 0.1, 0])
    assert len(GAINS) == len(LABELS)
    for bad, message in ((p[:, :3], "one column per gain"), (p * 2, "probabilities")):
        with pytest.raises(ContractError, match=message):
            expected_gain(bad)


# -- calibration ------------------------------------------------------------------------------------------------------


def sampled(temperature: float, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``temperature`` times too large, and labels drawn from the right probabilities."""
    random = np.random.default_rng(0)
    right = random.normal(size=(n, 4)) * 1.5
    p = np.exp(right) / np.exp(right).sum(axis=1, keepdims=True)
    targets = (p.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=3)
    return right * temperature, targets


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    logits, targets = sampled(temperature)
    found = fit_temperature(logits, targets)
    assert found == pytest.approx(temperature, rel=0.08)
    around = [cross_entropy_at(logits, targets, found * factor) for factor in (0.98, 1, 1.02)]
    assert min(around) == around[1]
    torch_says = nn.functional.cross_entropy(torch.tensor(logits / found), torch.tensor(targets))
    assert around[1] == pytest.approx(float(torch_says), abs=1e-9)


def test_scaling_mends_calibration_and_changes_no_decision():
    logits, targets = sampled(3.0)
    before = confidence_calibration(logits, targets)
    after = confidence_calibration(logits, targets, temperature=fit_temperature(logits, targets))
    assert before.error > 0.15 and after.error < 0.03
    assert np.array_equal((logits / 3).argmax(1), logits.argmax(1))
    p = np.exp(logits - logits.max(1, keepdims=True))
    p = (p / p.sum(1, keepdims=True)).max(1)
    observed, predicted = calibration_curve(logits.argmax(1) == targets, p, n_bins=10)
    assert [one["observed"] for one in before.bins] == pytest.approx(list(observed))
    assert [one["predicted"] for one in before.bins] == pytest.approx(list(predicted))


@pytest.mark.parametrize(
    "logits, targets, message",
    [
        (np.zeros((0, 3)), np.zeros(0, dtype=int), "at least 1"),
        (np.zeros((2, 3)), np.zeros(3, dtype=int), "must be"),
        (np.full((2, 3), np.nan), np.zeros(2, dtype=int), "not finite"),
        (np.zeros((2, 3)), np.array([0, 3]), "from 0 to 2"),
        (np.zeros((2, 3)), np.array([0.0, 1.0]), "whole numbers"),
    ],
)
def test_nothing_to_calibrate(logits, targets, message):
    for call in (fit_temperature, confidence_calibration):
        with pytest.raises(ContractError, match=message):
            call(logits, targets)
    with pytest.raises(ContractError, match="above 0"):
        confidence_calibration(np.zeros((2, 3)), np.zeros(2, dtype=int), temperature=0)


# -- stopping ---------------------------------------------------------------------------------------------------------


def line(scores: list[float], steps: int = 100, **settings):
    """Train y = 0 · x with made-up validation scores; returns what came out, and the weight at each measurement."""
    model, given, weights = nn.Linear(1, 1), iter(scores), []

    def score(m):
        assert not m.training
        weights.append(float(m.weight.detach()))
        return next(given)

    batches = iter(lambda: torch.ones(4, 1), None)
    settings = dict(every=10, patience=2, learning_rate=0.05, device="cpu", progress=False, **settings)
    history, stopping = fit_until_best(model, batches, lambda m, x: (m(x) ** 2).mean(), score, steps=steps, **settings)
    return history, stopping, weights, float(model.weight.detach())


def test_the_best_weights_are_kept():
    history, stopping, weights, final = line([0.1, 0.5, 0.9, 0.8, 0.9, 0.3])
    assert stopping.steps == (0, 10, 20, 30, 40) and stopping.best == 20 and stopping.stopped
    assert final == weights[2] != weights[-1]
    assert len(history.loss) == 40 and history.seconds == sorted(history.seconds)


def test_training_that_never_helps_returns_the_start():
    _, stopping, weights, final = line([0.9, 0.5, 0.4])
    assert stopping.best == 0 and final == weights[0]


def test_without_a_reason_to_stop_all_steps_are_made():
    history, stopping, _, _ = line([0.1, 0.2, 0.3, 0.4], steps=25)
    assert stopping.steps == (0, 10, 20, 25) and not stopping.stopped and stopping.best == 25
    assert len(history.loss) == 25
    with pytest.raises(ContractError, match="at least 1"):
        line([0.1], steps=0)


def test_a_classifier_stops_by_validation(pretrained, catalogue):
    texts, labels = zip(*catalogue)
    parts = [(texts[i::3], labels[i::3]) for i in range(2)]
    quick = dict(steps=120, every=20, patience=2, batch_size=16, learning_rate=2e-3, progress=False, device="cpu")
    made = train_classifier(pretrained, *parts[0], validation=parts[1], **quick)
    assert max(made.stopping.scores) == made.stopping.scores[made.stopping.steps.index(made.stopping.best)]
    assert len(made.history.loss) == made.stopping.steps[-1]
    from course_lib.language.finetuning import evaluate_classifier

    assert evaluate_classifier(made, *parts[1])["macro_f1"] == max(made.stopping.scores)


@pytest.mark.parametrize("remedy", [dict(balanced=True), dict(smoothing=0.1), dict(robustness=0.7)])
def test_a_classifier_learns_with_every_loss(pretrained, catalogue, remedy):
    texts, labels = zip(*catalogue)
    made = train_classifier(pretrained, texts, labels, steps=60, learning_rate=2e-3, progress=False, **remedy)
    assert np.mean(made.history.loss[-5:]) < np.mean(made.history.loss[:5])
    assert np.mean(np.array(made.predict(texts)) == np.array(labels)) > 0.8


# -- pairs, splits, scores --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs(shop):
    return judged_pairs(shop, shop.items["title"][:])


def test_no_family_stands_in_two_parts(pairs):
    parts = split_groups(pairs.family, (0.5, 0.2, 0.3), seed=1)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(pairs.query)))
    families = [set(pairs.family[rows]) for rows in parts]
    assert not families[0] & families[1] and not families[0] & families[2] and not families[1] & families[2]
    assert len(families[0]) == pytest.approx(0.5 * len(np.unique(pairs.family)), abs=1)
    for bad in ((0.5, 0.2), (1.0, 0.0)):
        with pytest.raises(ContractError, match="can't be split"):
            split_groups(pairs.family, bad)


def test_a_pool_is_what_evaluate_expects(pairs, shop):
    rows = np.flatnonzero(pairs.query < 7)
    ranking = pairs.pool(rows, -pairs.label[rows].astype(float))
    assert evaluate(ranking, shop.judgements.select(rows), "judged@10")["judged@10"] == 1
    for line, key in enumerate(ranking.keys.ids):
        mine = rows[pairs.query[rows] == shop.query_ids.rows([key])[0]]
        shown = ranking.ids[line][ranking.ids[line] >= 0]
        assert sorted(shown) == sorted(pairs.item[mine])
        label = dict(zip(pairs.item[mine], pairs.label[mine]))
        assert [label[item] for item in shown] == sorted(label.values())
    with pytest.raises(ContractError, match="one each"):
        pairs.pool(rows, np.zeros(3))
    with pytest.raises(ContractError, match="texts for"):
        judged_pairs(shop, ["a"])


def test_scores_are_scikit_learns():
    random = np.random.default_rng(0)
    truth = random.choice(4, 300, p=[0.1, 0.4, 0.05, 0.45])
    guess = np.where(random.random(300) < 0.6, truth, random.choice(4, 300))
    groups = np.repeat(np.arange(30), 10)
    found = label_scores(truth, guess, 4, groups=groups)
    assert found.f1 == pytest.approx(f1_score(truth, guess, average=None))
    assert found.macro_f1.mean == pytest.approx(f1_score(truth, guess, average="macro"))
    assert found.accuracy.mean == pytest.approx(f1_score(truth, guess, average="micro"))
    assert found.macro_f1.low < found.macro_f1.mean < found.macro_f1.high
    assert np.array_equal(found.confusion.sum(0), confusion_matrix(truth, guess))
    same = macro_f1_difference(found, found)
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    perfect = label_scores(truth, truth, 4, groups=groups)
    better = macro_f1_difference(perfect, found)
    assert better.low > 0 and better.mean == pytest.approx(1 - found.macro_f1.mean)
    with pytest.raises(ContractError, match="different examples"):
        macro_f1_difference(found, label_scores(truth[:10], guess[:10], 4))


def test_a_label_that_does_not_occur_is_in_no_mean():
    found = label_scores([0, 0, 1], [0, 2, 1], 3)
    assert np.isnan(found.f1[2]) and found.macro_f1.mean == pytest.approx((2 / 3 + 1) / 2)
    for bad in (([], []), ([0], [0, 1]), ([0], [3])):
        with pytest.raises(ContractError):
            label_scores(*bad, 3)


# -- heads over frozen vectors ----------------------------------------------------------------------------------------


def units(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_pair_head_learns_to_compare():
    u = units(600)
    v = np.where(np.arange(600)[:, None] % 2, u, units(600, seed=1))  # every other pair holds the same vector twice
    targets = np.arange(600) % 2
    head = train_pair_head(u[:400], v[:400], targets[:400], ["other", "same"], steps=200, progress=False)
    assert np.mean(head.logits(u[400:], v[400:]).argmax(1) == targets[400:]) > 0.95
    assert head.predict_proba(u[:5], v[:5]).sum(1) == pytest.approx(1)
    again = train_pair_head(u[:400], v[:400], targets[:400], ["other", "same"], steps=200, progress=False)
    assert again.history.loss == head.history.loss
    held = (u[400:], v[400:], targets[400:])
    stopped = train_pair_head(
        u[:400], v[:400], targets[:400], ["other", "same"], steps=200, every=20, validation=held, progress=False
    )
    guess = stopped.logits(*held[:2]).argmax(1)
    assert f1_score(held[2], guess, average="macro") == max(stopped.stopping.scores)


@pytest.mark.parametrize(
    "queries, products, targets, message",
    [
        (units(4), units(3), [0, 1, 0, 1], "one shape"),
        (units(4), units(4), [0, 1], "as many whole numbers"),
        (units(4), units(4), [0, 0, 0, 0], "two kinds"),
        (units(4), units(4), [0, 1, 2, 0], "for 2 labels"),
    ],
)
def test_bad_pair_heads(queries, products, targets, message):
    with pytest.raises(ContractError, match=message):
        train_pair_head(queries, products, targets, ["a", "b"], progress=False)


def test_a_projection_brings_pairs_together():
    queries, products = units(40), units(40, seed=1)
    right = np.column_stack([np.arange(40), np.arange(40)])
    matrix = train_projection(queries, products, right, steps=200, batch_size=40, learning_rate=1e-2, progress=False)
    hits = [(project(queries, m) @ project(products, m).T).argmax(1) == np.arange(40) for m in (np.eye(16), matrix)]
    assert hits[1].mean() > hits[0].mean() + 0.2
    assert np.linalg.norm(project(queries, matrix), axis=1) == pytest.approx(1, abs=1e-5)


def test_negatives_that_are_right_change_nothing_in_a_projection():
    queries, products = units(6), units(8, seed=1)
    right = np.array([[0, 0], [0, 1], [1, 2], [2, 3]])
    settings = dict(steps=2, batch_size=2, progress=False)
    plain = train_projection(queries, products, right, **settings)
    own = train_projection(queries, products, right, negatives=np.array([[0], [0], [2], [3]]), **settings)
    hard = train_projection(queries, products, right, negatives=np.array([[6], [7], [6], [7]]), **settings)
    assert not np.array_equal(hard, plain)
    assert own.shape == plain.shape
    for bad in (right[:0], np.array([[0, 9], [1, 0]]), np.array([[0, 0], [0, 1]])):
        with pytest.raises(ContractError):
            train_projection(queries, products, bad, **settings)
    with pytest.raises(ContractError, match="rows of negatives"):
        train_projection(queries, products, right, negatives=np.zeros((2, 1), dtype=int), **settings)


def test_mined_negatives_are_near_and_wrong():
    products = units(50, seed=1)
    queries = products[:10]
    right = [{row, row + 10} for row in range(10)]
    found = mine_negatives(queries, products, right, 3, depth=5)
    scores = queries @ products.T
    for row in range(10):
        assert not set(found[row]) & right[row] and len(set(found[row])) == 3
        wrong = [j for j in np.argsort(-scores[row]) if j not in right[row]]
        assert set(found[row]) <= set(wrong[:5])
    skipped = mine_negatives(queries, products, right, 2, depth=5, skip=3)
    for row in range(10):
        wrong = [j for j in np.argsort(-scores[row]) if j not in right[row]]
        assert set(skipped[row]) <= set(wrong[3:5])
    with pytest.raises(ContractError, match="wrong products to draw"):
        mine_negatives(queries, products[:3], [{0, 1, 2}] * 10, 2)
    with pytest.raises(ContractError, match="mining needs"):
        mine_negatives(queries, products, right[:2], 2)
