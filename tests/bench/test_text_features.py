"""What two descriptions have in common."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sparse

from course_lib.bench import text_features as features
from course_lib.bench.text_data import Product, read


def by_hand(left: np.ndarray, right: np.ndarray, rows: np.ndarray) -> np.ndarray:
    scores = left @ right.T
    result = []
    for a, b in rows[:, :2]:
        rivals = [np.delete(scores[a], b), np.delete(scores[:, b], a)]
        result.append([scores[a, b], *(scores[a, b] - (max(r) if len(r) else 0) for r in rivals)])
    return np.array(result)


@pytest.mark.parametrize(("n_left", "n_right"), [(7, 5), (1, 4), (4, 1), (1, 1)])
@pytest.mark.parametrize("block", [1, 12, 4_000_000])
def test_competition_is_its_definition_in_blocks_of_any_size(n_left, n_right, block, monkeypatch):
    monkeypatch.setattr(features, "_BLOCK", block)
    random = np.random.default_rng(0)
    left, right = random.normal(size=(n_left, 3)), random.normal(size=(n_right, 3))
    rows = np.array([[a, b, 0] for a in range(n_left) for b in range(n_right)])
    expected = by_hand(left, right, rows)
    np.testing.assert_allclose(features.competition(left, right, rows), expected, atol=1e-9)
    sparsely = features.competition(sparse.csr_matrix(left), sparse.csr_matrix(right), rows)
    np.testing.assert_allclose(sparsely, expected, atol=1e-9)


def test_a_twin_leaves_no_lead():
    left, right = np.eye(2), np.array([[1.0, 0], [1.0, 0], [0, 1.0]])
    found = features.competition(left, right, np.array([[0, 0, 1], [0, 1, 0], [1, 2, 1]]))
    np.testing.assert_allclose(found, [[1, 0, 1], [1, 0, 1], [1, 1, 1]])


def test_model_numbers_are_one_whatever_stands_between():
    assert features.codes("belkin case f8n044-slv ( 2.0 ) usb2 a1") == {"f8n044slv", "usb2"}
    assert features.squeeze("F8N044-slv x".lower()) == "f8n044slvx"


def test_details_know_prices_and_model_numbers():
    a = Product("Sony DSC-W120", "pink camera", "", 99.0)
    b = Product("sony camera dscw120", "", "sony", math.nan)

    class Data:
        left, right = [a, a], [b, a]

    same, other = features.details(Data, np.array([[0, 1, 1], [0, 0, 0]]))
    assert same.shape == (15,) and np.isfinite([same, other]).all()
    assert same[11] == 0 and other[11] == -1  # equal prices; an unknown one
    assert other[1] == 1 and other[2] == len("dscw120")


def test_views_are_cosines(makers, tmp_path):
    data = read(makers["matching"](tmp_path))
    views = features.Views.of(data)
    rows = data.splits["test"]
    likeness = views.likeness(rows)
    assert likeness.shape == (len(rows), 5) and (likeness >= 0).all() and (likeness <= 1 + 1e-6).all()
    np.testing.assert_allclose(views.competition(rows)[:, ::3], likeness, atol=1e-6)
    assert features.serialised([data.left[0]]) == ["sony camera m000 a camera by sony"]
