from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.core.errors import ContractError, CourseError
from course_lib.language import training
from course_lib.language.training import History, fit, pick_device, pick_precision, schedule, shuffled_batches


def square_loss(model, batch):
    x, y = batch
    return ((model(x).float() - y) ** 2).mean()


def line(n: int = 40):
    x = torch.linspace(-1, 1, 16)[:, None]
    return [(x, 3 * x - 1)] * n


def make(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.1), nn.Linear(8, 1))


def test_learns_a_line_and_records_every_step():
    model = make()
    history = fit(model, line(300), square_loss, steps=300, learning_rate=0.05, progress=False, autocast=False)
    assert np.mean(history.loss[-20:]) < 0.1 * history.loss[0]
    assert history.step == list(range(1, 301)) and len(history.learning_rate) == len(history.seconds) == 300
    assert history.precision == "fp32" and history.note == "" and not model.training
    assert history.steps_per_second > 0 and History(**history.to_dict()) == history


def test_same_seed_same_losses_and_the_callers_random_state_is_untouched():
    runs = []
    for seed in (0, 0, 1):
        model = make()
        before = torch.get_rng_state()
        runs.append(fit(model, line(), square_loss, steps=40, learning_rate=0.01, seed=seed, progress=False).loss)
        assert torch.equal(before, torch.get_rng_state())
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_schedule_rises_then_falls(decay):
    rates = [schedule(s, 100, 0.1, decay) for s in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert all(a >= b for a, b in zip(rates[9:], rates[10:])) and 0 < rates[-1] < 0.02
    assert max(rates) == 1 and schedule(0, 1, 0.0, decay) == 1
    half = schedule(55, 100, 0.1, decay)
    assert half == pytest.approx(0.5)


def test_history_holds_the_schedule():
    history = fit(make(), line(), square_loss, steps=20, learning_rate=0.3, decay="cosine", progress=False)
    assert history.learning_rate == pytest.approx([0.3 * schedule(s, 20, 0.1, "cosine") for s in range(20)])


def test_clipping_bounds_the_gradient_and_decay_spares_the_biases():
    norms = []

    def loss(model, batch):
        for p in model.parameters():
            if p.grad is not None:
                norms.append(float(torch.linalg.vector_norm(torch.stack([q.grad.norm() for q in model.parameters()]))))
                break
        return 1e6 * square_loss(model, batch)

    model = make()
    fit(model, line(), loss, steps=5, learning_rate=1e-3, clip=0.5, progress=False, autocast=False)
    assert norms and max(norms) <= 0.5 + 1e-4

    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.fill_(1.0), model.bias.fill_(1.0)
    flat = dict(steps=3, learning_rate=0.1, weight_decay=0.5, progress=False, autocast=False)
    fit(model, [None] * 3, lambda m, b: 0 * m.weight.sum() + 0 * m.bias.sum(), **flat)
    assert (model.weight < 1).all() and (model.bias == 1).all()


def test_progress_goes_to_stderr_and_scalars_to_tensorboard(tmp_path, capsys):
    fit(make(), line(), square_loss, steps=4, learning_rate=0.01, log_dir=tmp_path, tag="a-run")
    out, err = capsys.readouterr()
    assert out == "" and "a-run" in err
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "a-run")).Reload()
    assert [e.step for e in events.Scalars("loss")] == [1, 2, 3, 4]
    assert set(events.Tags()["scalars"]) == {"loss", "learning_rate"}


@pytest.mark.parametrize("bad", [dict(steps=0), dict(learning_rate=0), dict(warmup=2), dict(decay="never")])
def test_bad_settings(bad):
    with pytest.raises(ContractError):
        fit(make(), line(), square_loss, **{**dict(steps=2, learning_rate=0.1, progress=False), **bad})


def test_too_few_batches_and_a_loss_that_is_not_finite():
    with pytest.raises(ContractError, match="2 batches for 3 steps"):
        fit(make(), line(2), square_loss, steps=3, learning_rate=0.1, progress=False)
    with pytest.raises(CourseError, match="nan at step 1.*learning rate"):
        fit(make(), line(), lambda m, b: square_loss(m, b) * math.nan, steps=3, learning_rate=0.1, progress=False)


def test_batches_are_whole_epochs():
    stream = shuffled_batches(10, 4, seed=3)
    epochs = [[next(stream) for _ in range(3)] for _ in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch)) == list(range(10))
    assert [b.tolist() for b in epochs[0]] != [b.tolist() for b in epochs[1]]
    again = shuffled_batches(10, 4, seed=3)
    assert [next(again).tolist() for _ in range(6)] == [b.tolist() for e in epochs for b in e]


def test_length_buckets_hold_similar_lengths():
    lengths = np.random.default_rng(0).integers(1, 100, 640)
    stream = shuffled_batches(640, 8, seed=0, lengths=lengths)
    batches = [next(stream) for _ in range(80)]
    assert sorted(np.concatenate(batches)) == list(range(640))
    spread = np.mean([np.ptp(lengths[b]) for b in batches])
    plain = shuffled_batches(640, 8, seed=0)
    assert spread < 0.2 * np.mean([np.ptp(lengths[next(plain)]) for _ in range(80)])


@pytest.mark.parametrize("n, size", [(0, 4), (4, 0)])
def test_no_rows_no_batches(n, size):
    with pytest.raises(ContractError):
        shuffled_batches(n, size, 0)


def test_device_and_precision(monkeypatch):
    assert pick_device("cpu") == "cpu"
    with pytest.raises(ContractError, match="auto, cpu, cuda"):
        pick_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == "cpu"
    with pytest.raises(ContractError, match="no CUDA"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device() == "cuda" and pick_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert pick_precision("cuda", True) == ("bf16", "")


@pytest.mark.parametrize("supported", [True, False])
def test_precision_follows_the_machine_and_says_so(monkeypatch, supported):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    seen = []

    def loss(model, batch):
        seen.append(model(batch[0]).dtype)
        return square_loss(model, batch)

    history = fit(make(), line(), loss, steps=1, learning_rate=0.1, progress=False, device="cpu")
    assert history.precision == ("bf16" if supported else "fp32")
    assert seen == [torch.bfloat16 if supported else torch.float32]
    assert bool(history.note) is not supported
    assert training.pick_precision("cpu", False) == ("fp32", "")


def test_in_bf16_attention_is_written_out_while_training_and_then_as_before():
    from transformers import BertConfig, BertModel

    from course_lib.language.precision import trainable_attention

    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    inner = BertModel(config, add_pooling_layer=False)
    model = torch.nn.Sequential(inner)
    before = inner.config._attn_implementation
    assert before != "eager"
    for precision, expected in (("bf16", "eager"), ("fp32", before)):
        with trainable_attention(model, precision):
            assert inner.config._attn_implementation == expected
        assert inner.config._attn_implementation == before
    with pytest.raises(ZeroDivisionError), trainable_attention(model, "bf16"):
        raise ZeroDivisionError
    assert inner.config._attn_implementation == before
