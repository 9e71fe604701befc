"""The losses against torch, scikit-learn and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from course_lib.core.errors import ContractError
from course_lib.language.finetuning import class_weights, pairwise_loss, robust_cross_entropy, soft_cross_entropy
from course_lib.language.finetuning.losses import objective


def drawn(n: int = 40, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    targets = torch.cat([torch.arange(classes), torch.randint(classes, (n - classes,), generator=random)])
    return torch.randn(n, classes, generator=random), targets


def test_class_weights_are_scikit_learns():
    targets = np.array([0] * 70 + [1] * 20 + [2] * 9 + [3])
    ours = class_weights(targets, 4)
    assert ours.numpy() == pytest.approx(compute_class_weight("balanced", classes=np.arange(4), y=targets), rel=1e-6)
    assert float(ours[targets].mean()) == pytest.approx(1, abs=1e-6)
    assert class_weights(np.array([0, 2, 2]), 3).tolist() == [1.5, 0, 0.75]  # a class that doesn't occur


@pytest.mark.parametrize("targets, n", [([], 3), ([0, 3], 3), ([-1, 0], 3), ([0], 0)])
def test_bad_classes(targets, n):
    with pytest.raises(ContractError, match="at least one example"):
        class_weights(np.array(targets, dtype=np.int64), n)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_cross_entropy_is_torchs(smoothing):
    logits, targets = drawn()
    ours = soft_cross_entropy(logits, targets, smoothing=smoothing)
    assert float(ours) == pytest.approx(float(cross_entropy(logits, targets, label_smoothing=smoothing)), abs=1e-6)
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0])
    ours = soft_cross_entropy(logits, targets, weights=weights)
    assert float(ours) == pytest.approx(float(cross_entropy(logits, targets, weight=weights)), abs=1e-6)


def test_robust_cross_entropy_lies_between_cross_entropy_and_absolute_error():
    logits, targets = drawn()
    p = logits.softmax(-1).gather(1, targets[:, None])[:, 0]
    assert float(robust_cross_entropy(logits, targets, q=1.0)) == pytest.approx(float((1 - p).mean()), abs=1e-6)
    near = robust_cross_entropy(logits, targets, q=1e-3)
    assert float(near) == pytest.approx(float(cross_entropy(logits, targets)), rel=5e-3)


def test_a_label_that_the_model_finds_absurd_pulls_little():
    logits = torch.tensor([[8.0, 0.0]], requires_grad=True)
    wrong = torch.tensor([1])
    (plain,) = torch.autograd.grad(cross_entropy(logits, wrong), logits)
    (robust,) = torch.autograd.grad(robust_cross_entropy(logits, wrong, q=0.7), logits)
    assert plain.abs().max() > 0.99 and robust.abs().max() < 0.01
    far = torch.tensor([[200.0, 0.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(robust_cross_entropy(far, wrong), far)
    assert torch.isfinite(gradient).all()


def test_pairwise_loss_is_its_definition():
    scores, grades = torch.tensor([0.3, -1.0, 2.0, 0.1, 0.4]), torch.tensor([2, 0, 1, 1, 1])
    queries = torch.tensor([0, 0, 0, 1, 1])
    pairs = [(0, 1), (0, 2), (2, 1)]  # query 1 has two products of one grade: no order
    expected = [binary_cross_entropy_with_logits(scores[a] - scores[b], torch.tensor(1.0)) for a, b in pairs]
    assert float(pairwise_loss(scores, grades, queries)) == pytest.approx(float(torch.stack(expected).mean()), abs=1e-6)
    nothing = torch.zeros(3, requires_grad=True)
    loss = pairwise_loss(nothing, torch.ones(3), torch.tensor([0, 0, 1]))
    loss.backward()
    assert float(loss.detach()) == 0 and torch.equal(nothing.grad, torch.zeros(3))


def test_the_objective_without_wishes_is_cross_entropy():
    logits, targets = drawn()
    assert torch.equal(objective(targets, 4)(logits, targets), cross_entropy(logits, targets))
    weights = class_weights(targets, 4)
    balanced = objective(targets, 4, balanced=True)(logits, targets)
    assert float(balanced) == pytest.approx(float(cross_entropy(logits, targets, weight=weights)), abs=1e-6)


@pytest.mark.parametrize("wishes", [dict(smoothing=1.0), dict(robustness=1.1), dict(smoothing=0.1, robustness=0.5)])
def test_impossible_objectives(wishes):
    with pytest.raises(ContractError, match="not both"):
        objective([0, 1], 2, **wishes)
    with pytest.raises(ContractError):
        soft_cross_entropy(*drawn(), smoothing=1.0)
    with pytest.raises(ContractError):
        robust_cross_entropy(*drawn(), q=0.0)
