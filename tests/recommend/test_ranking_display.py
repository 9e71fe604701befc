"""The display list: diversity by brute force, rules that are never broken."""

import itertools

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking import DisplayList, dpp, mmr
from course_lib.shop.world.display import DisplayRules


def candidates(seed, n=12, d=5):
    rng = np.random.default_rng(seed)
    return rng.random(n), rng.normal(size=(n, d))


def test_mmr_is_its_definition():
    for seed, trade in itertools.product(range(3), (0.2, 0.7, 1.0)):
        score, vectors = candidates(seed)
        s = (score - score.min()) / (score.max() - score.min())
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        chosen = []
        for _ in range(6):
            left = [i for i in range(12) if i not in chosen]
            value = [trade * s[i] - (1 - trade) * max((unit[i] @ unit[j] for j in chosen), default=0) for i in left]
            chosen.append(left[int(np.argmax(value))])
        assert mmr(score, vectors, 6, trade).tolist() == chosen
    assert mmr(score, vectors, 6, 1.0).tolist() == np.argsort(-score)[:6].tolist()


def test_dpp_takes_the_largest_determinant_each_time():
    for seed, strength in itertools.product(range(3), (0.0, 1.0, 3.0)):
        score, vectors = candidates(seed, d=8)
        s = (score - score.min()) / (score.max() - score.min())
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        q = np.exp(strength * s / 2)
        kernel = q[:, None] * (unit @ unit.T) * q
        chosen = []
        for _ in range(6):
            left = [i for i in range(12) if i not in chosen]
            volume = [np.linalg.det(kernel[np.ix_(chosen + [i], chosen + [i])]) for i in left]
            chosen.append(left[int(np.argmax(np.round(volume, 9)))])
        assert dpp(score, vectors, 6, strength).tolist() == chosen
    assert dpp(score, vectors, 6, 1e5).tolist() == np.argsort(-score)[:6].tolist()


def test_a_copy_is_put_off_and_a_full_space_is_filled_by_score():
    vectors, score = np.array([[1.0, 0], [2, 0], [0, 1], [1, 1]]), np.array([1, 0.9, 0.1, 0.2])
    assert mmr(score, vectors, 2, 0.5)[1] == 2 and dpp(score, vectors, 2)[1] in (2, 3)
    order = dpp(score, vectors, 4)
    assert sorted(order.tolist()) == [0, 1, 2, 3] and order[2] == 1  # two dimensions: the rest goes by score
    assert mmr(score, vectors, 9).tolist() == mmr(score, vectors, 4).tolist()
    assert len(mmr([], np.zeros((0, 2)), 3)) == len(dpp([], np.zeros((0, 2)), 3)) == 0


@pytest.mark.parametrize("choose", [mmr, dpp])
def test_rerankers_refuse(choose):
    for arguments in (([1, 2], [[1.0]], 1), ([np.nan], [[1.0]], 1), ([1.0], [[0.0]], 1), ([1.0], [[1.0]], 0),
                      ([1.0], [[np.inf]], 1), ([1.0], [[1.0]], 1, -0.1)):  # fmt: skip
        with pytest.raises(ContractError):
            choose(*arguments)


def test_a_hundred_of_a_thousand_are_chosen_quickly():
    rng = np.random.default_rng(0)
    score, vectors = rng.random(1_000), rng.normal(size=(1_000, 128))
    for choose in (mmr, dpp):
        assert len(set(choose(score, vectors, 100).tolist())) == 100


BRANDS = ["north", "north", "south", "", "north", "", "east", "south"]


def test_rules_by_hand():
    stock = np.array([1, 1, 1, 1, 1, 0, 1, 1], dtype=bool)
    page = DisplayList(BRANDS, k=5, per_brand=1, in_stock=stock, pinned={0: 6, 3: 4}).compose([0, 2, 5, 7, 3, 1])
    # north is taken by the pin at place 3, south by row 2; row 5 is sold out; row 3 has no brand, and no cap.
    assert page.tolist() == [6, 2, 3, 4]
    assert DisplayList(BRANDS, k=3).compose([1, 1, 0, 2]).tolist() == [1, 0, 2]  # nothing twice
    sold_out = DisplayList(BRANDS, k=2, in_stock=stock, pinned={0: 5}).compose([0, 1])
    assert sold_out.tolist() == [0, 1]
    assert DisplayList(BRANDS, k=2).compose([]).tolist() == []


@pytest.mark.parametrize("seed", range(20))
def test_no_page_breaks_a_rule_and_none_leaves_out_what_it_could_show(seed):
    rng = np.random.default_rng(seed)
    brands = rng.choice(["a", "b", "c", ""], 30).tolist()
    stock, cap, k = rng.random(30) < 0.8, int(rng.integers(1, 4)), int(rng.integers(1, 12))
    pins = {int(rng.integers(k)): int(rng.integers(30))}
    rules, order = DisplayList(brands, k, cap, stock, pins), rng.permutation(30)[: rng.integers(1, 31)]
    page = rules.compose(order).tolist()
    count = {name: sum(brands[r] == name for r in page) for name in "abc"}
    assert len(page) == len(set(page)) <= k and stock[page].all() and max(count.values()) <= cap
    ((place, row),) = pins.items()
    assert (row in page) == stock[row]
    if len(page) == k and stock[row]:
        assert page[place] == row
    free = [r for r in page if r != row or not stock[row]]
    assert free == [r for r in order.tolist() if r in set(free)]  # the ranker's order stands
    if len(page) < k:
        assert all(r in page or not stock[r] or (brands[r] and count[brands[r]] == cap) for r in order.tolist())


def test_without_pins_it_is_the_stage_of_the_cascade():
    rng = np.random.default_rng(1)
    brands, order = rng.choice(["a", "b", "c", ""], 40).tolist(), rng.permutation(40)
    stock = rng.random(40) < 0.7
    stage = DisplayRules(brands, stock, per_brand=2)(None, order)
    np.testing.assert_array_equal(DisplayList(brands, 10, 2, stock).compose(order), stage[:10])


@pytest.mark.parametrize(
    "settings",
    [{"k": 0}, {"per_brand": 0}, {"in_stock": np.ones(3)}, {"pinned": {9: 0}, "k": 3}, {"pinned": {0: 99}},
     {"pinned": {0: 1, 1: 1}}, {"pinned": {0: 0, 1: 1}, "per_brand": 1}],
)  # fmt: skip
def test_rules_that_contradict_themselves_are_refused(settings):
    with pytest.raises(ContractError):
        DisplayList(BRANDS, **settings)


def test_candidates_outside_the_catalogue_are_refused():
    with pytest.raises(ContractError):
        DisplayList(BRANDS).compose([8])
