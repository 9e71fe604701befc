"""Every training of a head, cut off in the middle and started again, ends with the weights of an uninterrupted one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.language.finetuning import (
    train_bi_encoder,
    train_classifier,
    train_cross_encoder,
    train_pair_head,
    train_projection,
)


class Killed(Exception):
    pass


def killed_at_14(step, model):
    if step == 14:
        raise Killed


def vectors(n: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def weights(made) -> dict[str, torch.Tensor]:
    """All that was trained, by name."""
    if isinstance(made, np.ndarray):
        return {"matrix": torch.from_numpy(made)}
    if hasattr(made, "head"):
        return {**made.encoder.model.state_dict(), **made.head.state_dict()}
    return made.model.state_dict()


@pytest.fixture
def trainings(pretrained, catalogue):
    texts, labels = map(list, zip(*catalogue))
    pairs = [(label, text) for text, label in catalogue]
    hard = [[texts[(row + 54) % len(texts)]] for row in range(len(texts))]
    grades = np.arange(len(pairs)) % 3
    q, p = vectors(30, 0), vectors(30, 1)
    rows = np.column_stack([np.arange(30), np.arange(30)])
    short = dict(steps=20, batch_size=8, seed=2, progress=False, device="cpu")
    small = dict(**short, autocast=False)
    stop = dict(every=8, patience=5)
    held = (q[:9], p[:9], grades[:9])
    return {
        "bi-encoder": lambda **o: train_bi_encoder(pretrained, pairs, negatives=hard, **small, **o)[0],
        "classifier": lambda **o: train_classifier(pretrained, texts, labels, **small, **o),
        "classifier, stopping": lambda **o: train_classifier(
            pretrained, texts, labels, validation=(texts[:20], labels[:20]), **stop, **small, **o
        ),
        "cross-encoder": lambda **o: train_cross_encoder(pretrained, pairs, grades, list("abc"), **small, **o),
        "cross-encoder, ranking": lambda **o: train_cross_encoder(pretrained, pairs, grades, task="rank", **small, **o),
        "pair head, stopping": lambda **o: train_pair_head(
            q, p, grades[:30], list("abc"), validation=held, **stop, **short, **o
        ),
        "projection": lambda **o: train_projection(q, p, rows, **short, **o),
    }


@pytest.mark.parametrize(
    "name",
    [
        "bi-encoder",
        "classifier",
        "classifier, stopping",
        "cross-encoder",
        "cross-encoder, ranking",
        "pair head, stopping",
        "projection",
    ],
)
def test_a_cut_off_training_ends_with_the_same_weights_to_the_bit(trainings, tmp_path, name):
    train, kept = trainings[name], dict(checkpoint=tmp_path, checkpoint_every=3)
    whole = train()
    with pytest.raises(Killed):
        train(after_step=killed_at_14, **kept)
    again: list[int] = []
    resumed = train(after_step=lambda step, model: again.append(step), **kept)
    # The last checkpoint is of step 12; with rounds of 8 steps, of the third step of the second round.
    assert again[0] == (12 if "stopping" in name else 13) and again[-1] == 20
    assert getattr(resumed, "stopping", None) == getattr(whole, "stopping", None)
    found = weights(resumed)
    for key, value in weights(whole).items():
        assert torch.equal(value, found[key]), key


def test_after_step_ends_the_rounds_of_early_stopping_too(trainings):
    made = trainings["pair head, stopping"](after_step=lambda step, model: step == 11)
    assert made.stopping.steps == (0, 8, 11) and made.stopping.stopped and len(made.history.loss) == 11
