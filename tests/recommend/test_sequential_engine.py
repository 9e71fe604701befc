"""The fast training learns what the taught one learns."""

import itertools

import numpy as np
import pytest
import torch

from course_lib.core.ids import IdMap
from course_lib.recommend.sequential import Examples, Histories, SASRec, padded, softmax_loss
from course_lib.recommend.sequential import engine
from course_lib.shop.interactions import Interactions


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def some_histories(n_users=150, n_items=30, seed=0):
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), rng.geometric(0.2, n_users) + 1)
    ids = IdMap("item", [f"p{i}" for i in range(n_items)])
    return Interactions.from_ids(
        [f"u{u:03}" for u in users], [f"p{i}" for i in rng.integers(n_items, size=len(users))],
        items=ids, timestamps=np.arange(len(users)),
    )  # fmt: skip


def epoch_of(network, batches, loss):
    """Loss and gradients of all places of some batches together."""
    network.zero_grad()
    total, places = 0.0, sum(int(batch.real.sum()) for batch in batches)
    for batch in batches:
        hidden, _ = network(batch.items, batch.times)
        value = loss(hidden[batch.real], batch.target[batch.real], network.item.weight) * int(batch.real.sum()) / places
        value.backward()
        total += float(value.detach())
    return total, torch.cat([weight.grad.flatten() for weight in network.parameters()])


def test_buckets_hold_every_example_once_and_little_padding():
    examples = Examples(Histories(some_histories()), 12)
    n = engine.batches_per_epoch(examples, 64)
    batches = list(itertools.islice(engine.bucketed(examples, 64, seed=0), 2 * n))
    for part in (batches[:n], batches[n:]):
        targets = sorted(tuple(row[row >= 0].tolist()) for batch in part for row in batch.target)
        assert targets == sorted(tuple(row[row >= 0].tolist()) for row in examples.batch(np.arange(len(examples))).target)
        assert all(batch.target.numel() <= 64 for batch in part if len(batch.target) > 1)
    assert [b.target.tolist() for b in batches[:n]] != [b.target.tolist() for b in batches[n:]]
    def waste(some):
        return 1 - sum(int(b.real.sum()) for b in some) / sum(b.target.numel() for b in some)
    taught = list(itertools.islice(padded(examples, 10, seed=0), 8))
    assert waste(batches[:n]) < 0.1 < waste(taught)


def test_one_epoch_has_the_same_loss_and_gradients():
    examples = Examples(Histories(some_histories()), 12)
    network = SASRec(width=16, length=12, dropout=0.0).build(30).train()
    taught = list(itertools.islice(padded(examples, 10, seed=0), -(-len(examples) // 10)))
    quick = list(itertools.islice(engine.bucketed(examples, 64, seed=0), engine.batches_per_epoch(examples, 64)))
    loss, gradient = epoch_of(network, taught, softmax_loss)
    same, exact = epoch_of(network, quick, softmax_loss)  # the batches alone
    assert same == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(exact, gradient, rtol=1e-3, atol=1e-6)
    near, rounded = epoch_of(network, quick, engine._RoundedSoftmax.apply)  # and the rounded scores
    assert near == pytest.approx(loss, rel=5e-3)
    assert float(torch.nn.functional.cosine_similarity(rounded, gradient, dim=0)) > 0.999


def test_without_bf16_in_hardware_the_fast_loss_is_the_taught_one(monkeypatch):
    torch.manual_seed(0)
    hidden, target, table = torch.randn(5, 4), torch.randint(9, (5,)), torch.randn(9, 4)
    monkeypatch.setattr(engine, "pick_precision", lambda *_: ("fp32", ""))
    assert torch.equal(engine.fast_softmax_loss(hidden, target, table), softmax_loss(hidden, target, table))
    monkeypatch.setattr(engine, "pick_precision", lambda *_: ("bf16", ""))
    assert float(engine.fast_softmax_loss(hidden, target, table)) == pytest.approx(
        float(softmax_loss(hidden, target, table)), rel=1e-2
    )


def test_both_trainings_end_alike():
    data = some_histories(seed=1)
    fast, taught = (
        SASRec(width=16, length=12, epochs=4, tokens=128, dropout=0.0, fast=fast).fit(data) for fast in (True, False)
    )
    assert np.mean(fast.history.loss[-5:]) == pytest.approx(np.mean(taught.history.loss[-5:]), rel=0.1)
