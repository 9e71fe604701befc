from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from course_lib.core.errors import ContractError, DataError
from course_lib.language.finetuning import (
    CategoryClassifier,
    evaluate_classifier,
    info_nce,
    train_bi_encoder,
    train_classifier,
)

QUICK = dict(steps=80, batch_size=16, learning_rate=2e-3, progress=False, device="cpu")


def vectors(n: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(n, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def naive(q, d, temperature, ids, symmetric):
    """InfoNCE by loops, straight from the definition."""
    q, d, total = q.double().numpy(), d.double().numpy(), 0.0
    directions = [(q, d), (d, q)] if symmetric else [(q, d)]
    for a, b in directions:
        for i in range(len(a)):
            def allowed(j):
                return j == i or ids is None or (ids[i][0] != ids[j][0] and ids[i][1] != ids[j][1])

            others = sum(np.exp(a[i] @ b[j] / temperature) for j in range(len(b)) if allowed(j))
            total -= np.log(np.exp(a[i] @ b[i] / temperature) / others)
    return total / len(q) / len(directions)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("ids", [None, [(0, 0), (1, 1), (0, 2), (3, 1), (4, 4), (4, 4)]])
def test_info_nce_is_its_definition(symmetric, ids):
    q, d = vectors(6, 0), vectors(6, 1)
    ours = info_nce(q, d, 0.3, None if ids is None else torch.tensor(ids), symmetric=symmetric)
    assert float(ours) == pytest.approx(naive(q, d, 0.3, ids, symmetric), abs=1e-5)
    if ids is None and not symmetric:
        assert float(ours) == pytest.approx(float(cross_entropy(q @ d.T / 0.3, torch.arange(6))), abs=1e-6)


def test_sentence_transformers_agrees():
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from sentence_transformers.sentence_transformer import losses

    q, d = vectors(6, 2), vectors(6, 3)
    theirs = losses.MultipleNegativesRankingLoss(model=None, scale=20.0).compute_loss_from_embeddings([q, d], None)
    assert float(info_nce(q, d, 0.05, symmetric=False)) == pytest.approx(float(theirs), abs=1e-5)


def test_a_duplicate_is_no_negative():
    q, d = vectors(4, 0), vectors(4, 1)
    d[3] = d[0]  # rows 0 and 3 share their product
    ids = torch.tensor([[0, 0], [1, 1], [2, 2], [3, 0]])
    q.requires_grad_(True)
    with_ids, without = (info_nce(q, d, 0.05, i, symmetric=False) for i in (ids, None))
    scores = (q @ d.T / 0.05).detach()
    rows = [([0, 1, 2], 0), ([0, 1, 2, 3], 1), ([0, 1, 2, 3], 2), ([1, 2, 3], 2)]  # columns that count, the right one
    expected = [cross_entropy(scores[i, columns], torch.tensor(right)) for i, (columns, right) in enumerate(rows)]
    assert float(with_ids.detach()) == pytest.approx(float(torch.stack(expected).mean()), abs=1e-5)
    assert float(without.detach()) > float(with_ids.detach()) + 0.1
    (gradient,) = torch.autograd.grad(with_ids, q)
    assert torch.isfinite(gradient).all()


def test_a_batch_of_one_query_has_no_negatives_and_costs_nothing():
    ids = torch.tensor([[0, 0], [0, 1], [0, 2]])
    assert float(info_nce(vectors(3, 0), vectors(3, 1), 0.05, ids)) == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def pairs(catalogue):
    """Queries that share no word with their products: only training can bring them together."""
    said = {"shoes": "footwear", "kitchen": "cooking", "audio": "listening"}
    return [(f"{said[label]} {text.split()[0].lower()}", text) for text, label in catalogue]


def recall_of_category(encoder, pairs):
    queries = sorted({q for q, _ in pairs})
    texts = [t for _, t in pairs]
    scores = encoder.encode(queries) @ encoder.encode(texts).T
    wanted = [{t for q2, t in pairs if q2 == q} for q in queries]
    return np.mean([np.mean([texts[j] in w for j in np.argsort(-row)[: len(w)]]) for row, w in zip(scores, wanted)])


def test_bi_encoder_brings_pairs_together_and_leaves_its_start_alone(pretrained, pairs):
    start = pretrained.encoder(device="cpu")
    before = start.encode(["red shoes"])
    trained, history = train_bi_encoder(start, pairs, **QUICK)
    assert np.mean(history.loss[-10:]) < 0.7 * np.mean(history.loss[:5])
    assert recall_of_category(trained, pairs) > recall_of_category(start, pairs) + 0.3
    assert np.array_equal(start.encode(["red shoes"]), before) and trained.model is not start.model
    weights = {k: v.clone() for k, v in pretrained.model.state_dict().items()}
    again, same = train_bi_encoder(pretrained, pairs, **QUICK)
    assert same.loss == history.loss and np.array_equal(again.encode(["red shoes"]), trained.encode(["red shoes"]))
    assert all(torch.equal(v, weights[k]) for k, v in pretrained.model.state_dict().items())


def test_ids_decide_what_is_a_duplicate(pretrained, pairs):
    few = [("cooking", "a kettle"), ("cooking", "a frying pan"), ("footwear", "sandals"), ("listening", "a radio")]
    quick = {**QUICK, "steps": 3, "batch_size": 4}
    by_text = train_bi_encoder(pretrained, few, **quick)[1].loss
    by_id = train_bi_encoder(pretrained, few, ids=[("q0", 0), ("q0", 1), ("q2", 2), ("q3", 3)], **quick)[1].loss
    apart = train_bi_encoder(pretrained, few, ids=[("q0", 0), ("q1", 1), ("q2", 2), ("q3", 3)], **quick)[1].loss
    assert by_text == by_id and apart[0] > by_id[0]


@pytest.mark.parametrize(
    "pairs, settings, message",
    [
        ([], {}, "at least two queries"),
        ([("a", "b")], {}, "at least two queries"),
        ([("a", "b"), ("a", "c")], {}, "at least two queries"),
        (["ab", "cd"], {}, "pairs must hold"),
        ([("a", "b", "c")], {}, "pairs must hold"),
        ([("a", 1), ("b", "c")], {}, "text 0 is int"),
        ([("a", "b"), ("c", "d")], dict(temperature=0), "temperature"),
        ([("a", "b"), ("c", "d")], dict(batch_size=1), "at least 2 pairs"),
        ([("a", "b"), ("c", "d")], dict(ids=[(1, 2)]), "1 ids for 2 pairs"),
    ],
)
def test_bad_pairs(pretrained, pairs, settings, message):
    with pytest.raises(ContractError, match=message):
        train_bi_encoder(pretrained, pairs, **{**QUICK, **settings})


@pytest.fixture(scope="module")
def split(catalogue):
    test = catalogue[::4]
    train = [row for i, row in enumerate(catalogue) if i % 4]
    return [list(zip(*part)) for part in (train, test)]


@pytest.fixture(scope="module")
def classifier(pretrained, split):
    return train_classifier(pretrained, *split[0], **QUICK)


def test_classifier_beats_the_majority_on_held_out_products(classifier, split):
    result = evaluate_classifier(classifier, *split[1])
    assert result["accuracy"] > 0.8 > 0.5 > result["majority_accuracy"] and result["n"] == len(split[1][0])
    assert result["macro_f1"] > 0.8 > result["majority_macro_f1"]
    assert classifier.history.loss[-1] < classifier.history.loss[0]


def test_probabilities(classifier, split):
    texts = list(split[1][0])
    p = classifier.predict_proba(texts)
    assert p.shape == (len(texts), 3) and p.sum(1) == pytest.approx(1, abs=1e-5) and (p >= 0).all()
    assert classifier.predict(texts) == [classifier.labels[j] for j in p.argmax(1)]
    assert classifier.predict([]) == [] and classifier.predict_proba([]).shape == (0, 3)


def test_majority_and_unseen_labels(classifier):
    majority = evaluate_classifier(classifier, ["Red sandals"] * 4, [classifier.majority] * 3 + ["never seen"])
    assert majority["majority_accuracy"] == 0.75
    assert majority["majority_macro_f1"] == pytest.approx((2 * 0.75 * 1 / 1.75 + 0) / 2)


def test_saved_classifier_predicts_the_same(classifier, split, tmp_path):
    classifier.save(tmp_path / "c")
    again = CategoryClassifier.load(tmp_path / "c", device="cpu")
    assert (again.labels, again.majority) == (classifier.labels, classifier.majority)
    np.testing.assert_array_equal(again.predict_proba(split[1][0]), classifier.predict_proba(split[1][0]))
    record = json.loads((tmp_path / "c" / "labels.json").read_text())
    (tmp_path / "c" / "labels.json").write_text(json.dumps({**record, "labels": ["one", "two"]}))
    with pytest.raises(DataError, match="not a saved classifier"):
        CategoryClassifier.load(tmp_path / "c")
    (tmp_path / "c" / "labels.json").unlink()
    with pytest.raises(DataError, match="labels.json"):
        CategoryClassifier.load(tmp_path / "c")


def test_classifier_is_deterministic_and_trains_a_copy(pretrained, classifier, split):
    start = pretrained.encoder(device="cpu")
    before = start.encode(["red shoes"])
    again = train_classifier(start, *split[0], **QUICK)
    assert again.history.loss == classifier.history.loss and np.array_equal(start.encode(["red shoes"]), before)
    assert train_classifier(start, *split[0], **{**QUICK, "seed": 1}).history.loss != again.history.loss


@pytest.mark.parametrize(
    "texts, labels, message",
    [
        (["a", "b"], ["x", "x"], r"1 distinct label\(s\)"),
        ([], [], r"0 distinct"),
        (["a", "b"], ["x"], "1 labels for 2 texts"),
        ("ab", ["x", "y"], "one string"),
        (["a", "b"], ["x", 1], "text 1 is int"),
    ],
)
def test_bad_labels(pretrained, texts, labels, message):
    with pytest.raises(ContractError, match=message):
        train_classifier(pretrained, texts, labels, **QUICK)


@pytest.mark.parametrize("texts, labels", [([], []), (["a"], ["x", "y"])])
def test_bad_evaluation(classifier, texts, labels):
    with pytest.raises(ContractError, match="labels for"):
        evaluate_classifier(classifier, texts, labels)


@pytest.mark.parametrize("symmetric", [True, False])
def test_hard_negatives_are_further_columns_unless_they_are_blocked(symmetric):
    q, d, hard = vectors(5, 0), vectors(5, 1), vectors(3, 2)
    blocked = torch.zeros(5, 3, dtype=torch.bool)
    blocked[0, 1] = blocked[4] = True
    ours = info_nce(q, d, 0.3, symmetric=symmetric, negatives=hard, blocked=blocked)
    scores = (torch.cat([q @ d.T, q @ hard.T], dim=1) / 0.3).double()
    keep = torch.cat([torch.ones(5, 5, dtype=torch.bool), ~blocked], dim=1)
    rows = [-scores[i, i] + scores[i][keep[i]].exp().sum().log() for i in range(5)]
    expected = torch.stack(rows).mean()
    if symmetric:
        back = info_nce(d, q, 0.3, symmetric=False)
        expected = (expected + back) / 2
    assert float(ours) == pytest.approx(float(expected), abs=1e-5)
    everywhere = torch.ones(5, 3, dtype=torch.bool)
    nothing = info_nce(q, d, 0.3, symmetric=symmetric, negatives=hard, blocked=everywhere)
    assert float(nothing) == pytest.approx(float(info_nce(q, d, 0.3, symmetric=symmetric)), abs=1e-6)
    empty = info_nce(q, d, 0.3, negatives=torch.empty(0, 8))
    assert float(empty) == float(info_nce(q, d, 0.3))


FEW = [("cooking", "a kettle"), ("cooking", "a frying pan"), ("footwear", "sandals"), ("listening", "a radio")]
ONE_BATCH = {**QUICK, "steps": 1, "batch_size": 4}


def first_loss(pretrained, negatives, **settings) -> float:
    return train_bi_encoder(pretrained, FEW, negatives=negatives, **{**ONE_BATCH, **settings})[1].loss[0]


@pytest.mark.parametrize("ids", [None, [("q0", 7), ("q0", 8), ("q1", 9), ("q2", 10)]])
def test_a_negative_that_is_a_right_answer_is_left_out(pretrained, ids):
    plain = first_loss(pretrained, None, ids=ids)
    hard = first_loss(pretrained, [["a toaster"], ["a grill"], ["boots"], ["a turntable"]], ids=ids)
    assert hard > plain  # more columns, more to get wrong
    # Products of the batch are columns already, and for their own queries no negatives.
    own = first_loss(pretrained, [["a frying pan"], ["a kettle"], ["a radio"], ["sandals"]], ids=ids)
    assert own == pytest.approx(plain, abs=1e-6)


def test_a_right_answer_is_known_from_pairs_outside_the_batch(pretrained):
    from course_lib.language.finetuning.bi_encoder import _HardNegatives

    encoder = pretrained.encoder(device="cpu")
    hard = _HardNegatives(
        encoder,
        ["a kettle", "a frying pan", "sandals"],
        np.array([0, 0, 1]),
        [["a frying pan", "boots"], ["boots", "boots"], ["a kettle", "a frying pan"]],
    )
    texts, blocked = hard.columns(np.array([0, 2]))  # the products of the batch: a kettle, sandals
    assert [encoder.tokenizer.decode(t, skip_special_tokens=True) for t in texts] == ["a frying pan", "boots"]
    assert blocked.tolist() == [[True, False], [False, False]]  # the pan answers the first query, in another pair


def test_training_with_hard_negatives_learns_and_repeats(pretrained, pairs):
    texts = sorted({text for _, text in pairs})
    random = np.random.default_rng(0)
    hard = [[texts[i] for i in random.choice(len(texts), 3, replace=False)] for _ in pairs]
    runs = [train_bi_encoder(pretrained, pairs, negatives=hard, **QUICK) for _ in range(2)]
    assert runs[0][1].loss == runs[1][1].loss
    assert np.mean(runs[0][1].loss[-10:]) < 0.7 * np.mean(runs[0][1].loss[:5])


@pytest.mark.parametrize(
    "negatives, message",
    [
        ([["x"]] * 3, "3 lists of negatives for 4 pairs"),
        ([["x"], ["x"], ["x"], ["x", "y"]], "lists of 1, 2 negatives"),
        ([[]] * 4, "lists of 0 negatives"),
        (["x"] * 4, "a list of product texts"),
        ("abcd", "a list of product texts"),
        ([["x"], ["x"], ["x"], [1]], "is int, not a string"),
    ],
)
def test_bad_negatives(pretrained, negatives, message):
    with pytest.raises(ContractError, match=message):
        first_loss(pretrained, negatives)
