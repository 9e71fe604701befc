"""Losses of ranking: gradients by finite differences, properties, and LightGBM's lambdarank as an oracle."""

from __future__ import annotations

from functools import partial

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from course_lib.core.errors import ContractError
from course_lib.search.ranking import (
    LOSSES,
    delta_ndcg,
    discounts,
    gains,
    ideal_dcg,
    lambdarank_loss,
    listnet_loss,
    ndcg,
    pairs_of,
    places,
    ranknet_loss,
)


def drawn(seed: int, n: int = 4, k: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, grades and mask: the last list is empty but for one product, the one before has no grade above 0."""
    random = np.random.default_rng(seed)
    mask = np.arange(k) < random.integers(2, k + 1, n)[:, None]
    mask[-1] = np.arange(k) < 1
    grades = np.where(mask, random.integers(0, 4, (n, k)), 0)
    grades[-2] = 0
    return random.normal(0, 2, (n, k)), grades, mask


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_those_of_finite_differences(name, seed):
    scores, grades, mask = drawn(seed)
    loss, step = LOSSES[name], 1e-6
    value, slope = loss(scores, grades, mask)
    assert np.isfinite(value) and slope.shape == scores.shape and not slope[~mask].any()
    for at in zip(*np.nonzero(mask)):
        up, down = scores.copy(), scores.copy()
        up[at] += step
        down[at] -= step
        assert np.array_equal(places(up, mask), places(down, mask))  # else the weights of LambdaRank jump
        numeric = (loss(up, grades, mask)[0] - loss(down, grades, mask)[0]) / (2 * step)
        assert slope[at] == pytest.approx(numeric, abs=1e-6)


@pytest.mark.parametrize("name", ["ranknet", "listnet", "softmax", "lambdarank"])
def test_only_differences_of_scores_count(name):
    scores, grades, mask = drawn(5)
    shift = np.random.default_rng(0).normal(0, 3, (len(scores), 1))
    value, slope = LOSSES[name](scores, grades, mask)
    moved, same = LOSSES[name](scores + shift, grades, mask)
    assert moved == pytest.approx(value)
    np.testing.assert_allclose(same, slope, atol=1e-12)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_stands_under_the_pads_changes_nothing(name):
    scores, grades, mask = drawn(6)
    other = np.where(mask, scores, np.nan)
    value, slope = LOSSES[name](scores, grades, mask)
    again, same = LOSSES[name](other, np.where(mask, grades, 99), mask)
    assert again == value
    np.testing.assert_array_equal(same, slope)


def test_ranknet_by_hand():
    value, slope = ranknet_loss([[0.0, 0.0]], [[1, 0]], np.ones((1, 2), dtype=bool))
    assert value == pytest.approx(np.log(2))
    np.testing.assert_allclose(slope, [[-0.5, 0.5]])


def test_listnet_by_hand_and_where_its_mass_goes():
    mask = np.ones((1, 3), dtype=bool)
    value, _ = listnet_loss([[0.0, 0.0, 0.0]], [[2, 0, 1]], mask)
    assert value == pytest.approx(np.log(3))  # whatever the target, p is uniform
    _, slope = listnet_loss([[0.0, 0.0, 0.0]], [[2, 0, 1]], mask, target="gain")
    np.testing.assert_allclose(slope, [[1 / 3 - 3 / 4, 1 / 3, 1 / 3 - 1 / 4]])
    with pytest.raises(ContractError, match="target"):
        listnet_loss([[0.0]], [[1]], np.ones((1, 1), dtype=bool), target="x")


@given(st.integers(0, 10_000), st.sampled_from([None, 1, 3]), st.sampled_from(["exponential", "linear"]))
@settings(max_examples=40, deadline=None)
def test_delta_is_the_change_when_two_really_swap(seed, at, gain):
    scores, grades, mask = drawn(seed, n=3, k=6)
    found, before = delta_ndcg(scores, grades, mask, at, gain), ndcg(scores, grades, mask, at, gain)
    np.testing.assert_allclose(found, found.transpose(0, 2, 1))
    for row in range(len(scores)):
        there = np.flatnonzero(mask[row])
        for i in there:
            for j in there:
                swapped = scores.copy()
                swapped[row, [i, j]] = swapped[row, [j, i]]
                change = ndcg(swapped, grades, mask, at, gain)[row] - before[row]
                assert found[row, i, j] == pytest.approx(0 if np.isnan(change) else abs(change), abs=1e-12)


def test_ndcg_and_its_ideal_agree_with_scikit_learn():
    random = np.random.default_rng(0)
    scores, grades = random.normal(size=(5, 9)), random.integers(0, 4, (5, 9))
    grades[:, 0] = 1
    mask = np.ones(scores.shape, dtype=bool)
    for k in (3, 9):
        ours = ndcg(scores, grades, mask, k)
        theirs = [ndcg_score([gains(g)], [s], k=k) for g, s in zip(grades, scores)]
        np.testing.assert_allclose(ours, theirs)
    assert ideal_dcg(np.array([[0, 3, 1]]), np.ones((1, 3), bool))[0] == pytest.approx(7 + 1 / np.log2(3))
    assert discounts(3, 2).tolist() == [1.0, 1 / np.log2(3), 0.0]


def our_newton_step(scores: np.ndarray, label: np.ndarray, gain: str, at: int, leaf: np.ndarray) -> np.ndarray:
    """−Σ λ / Σ λ' over the products of each leaf: what LightGBM says of them after one tree."""
    mask = np.ones((1, len(scores)), dtype=bool)
    weight = np.where(pairs_of(label[None], mask), delta_ndcg(scores[None], label[None], mask, at, gain), 0)[0]
    _, slope = lambdarank_loss(scores[None], label[None], mask, at=at, gain=gain)
    p = 1 / (1 + np.exp(scores[:, None] - scores[None, :]))
    curvature = weight * p * (1 - p)
    curvature = curvature.sum(axis=0) + curvature.sum(axis=1)
    return (-np.bincount(leaf, slope[0]) / np.maximum(np.bincount(leaf, curvature), 1e-12))[leaf]


@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("seed", range(2))
def test_the_lambdas_are_lightgbm_s(gain, seed):
    random = np.random.default_rng(seed)
    scores, label = random.normal(size=8), np.array([3, 0, 1, 2, 0, 1, 3, 2])
    data = lightgbm.Dataset(np.arange(8.0)[:, None], label, group=[8], init_score=scores)
    tree = lightgbm.train({
        "objective": "lambdarank", "lambdarank_norm": False, "sigmoid": 1.0, "lambdarank_truncation_level": 8,
        "label_gain": gains(np.arange(4), gain).tolist(), "num_leaves": 8, "min_data_in_leaf": 1, "learning_rate": 1.0,
        "min_sum_hessian_in_leaf": 0, "min_data_in_bin": 1, "max_bin": 255, "verbose": -1, "num_threads": 1,
    }, data, 1)  # fmt: skip
    theirs = tree.predict(np.arange(8.0)[:, None])
    leaf = tree.predict(np.arange(8.0)[:, None], pred_leaf=True).astype(int).ravel()
    assert len(set(leaf)) >= 6
    np.testing.assert_allclose(our_newton_step(scores, label, gain, 8, leaf), theirs, rtol=2e-3)


def test_a_wide_range_of_labels_leaves_one_product_with_all_the_weight():
    random = np.random.default_rng(0)
    grades, mask = random.integers(0, 4, (20, 12)), np.ones((20, 12), dtype=bool)

    def share(label, gain):
        weight = np.where(pairs_of(label, mask), delta_ndcg(np.zeros(label.shape), label, mask, None, gain), 0)
        return float((weight.sum(axis=2).max(axis=1) / weight.sum(axis=(1, 2))).mean())

    wide = 8 * grades + random.integers(0, 8, grades.shape)
    assert share(wide, "exponential") > 0.6 > 0.5 > share(wide, "linear")
    # A linear gain doesn't see the unit that grades are written in; an exponential one does.
    for gain, same in (("linear", True), ("exponential", False)):
        one, ten = (lambdarank_loss(np.zeros(grades.shape), f * grades, mask, gain=gain)[1] for f in (1, 10))
        assert np.allclose(one, ten) is same


@pytest.mark.parametrize(("change", "words"), [
    ({"scores": np.zeros((2, 2))}, "shape"), ({"mask": np.ones((1, 3))}, "bool mask"),
    ({"scores": [["a", 0, 0]]}, "numbers"),
    ({"mask": np.zeros((1, 3), dtype=bool)}, "no product"), ({"grades": [[np.nan, 0, 1]]}, "not finite"),
])  # fmt: skip
@pytest.mark.parametrize("loss", [ranknet_loss, partial(listnet_loss, target="gain"), lambdarank_loss])
def test_wrong_arrays_are_refused(loss, change, words):
    given_ = {"scores": np.zeros((1, 3)), "grades": np.array([[0, 1, 2]]), "mask": np.ones((1, 3), dtype=bool)} | change
    with pytest.raises(ContractError, match=words):
        loss(**given_)


@pytest.mark.parametrize("grades", [[-1], [2_000], [np.nan]])
def test_gains_have_a_range(grades):
    with pytest.raises(ContractError, match="grades"):
        gains(np.array(grades))
    with pytest.raises(ContractError, match="gain"):
        gains(np.array([1]), "cubic")
