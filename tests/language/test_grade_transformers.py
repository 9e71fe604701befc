"""The exercise on transformers: its solutions against libraries, and its tolerances against right and wrong answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code
from course_lib.language.transformers import Architecture, Decoder, total

EXERCISE = load_exercise("language.transformers")
NAMES = [question.name for question in EXERCISE.questions]
ODD = [None, True, "x", math.nan, math.inf, 10**5_000, [], [1], (1, 2, 3), [None, "x"], {"a": 1}, np.zeros(2),
       np.zeros((2, 2)), np.array(["a", "b"]), np.array(3.0), object(), (np.zeros((1, 1)),) * 3]  # fmt: skip


def function(name: str, source: str | None = None) -> Callable:
    """The solution of a question, or another answer to it, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def drawn(name: str, seed: int = 0) -> list[tuple]:
    """Inputs of all cases of a question that do not raise."""
    random = np.random.default_rng(seed)
    return [a for case in EXERCISE.question(name).cases if not case.raises for a in case.arguments(random)]


def test_every_question_teaches():
    assert NAMES == ["masked_attention", "encoder_parameters", "next_token_batch"] and EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert isinstance(question, Code) and len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))
        assert '"""' in EXERCISE.master.questions[question.name].stub


def test_attention_is_torchs():
    for query, key, value, mask in drawn("masked_attention"):
        sees = mask.any(axis=1)
        out = function("masked_attention")(query, key, value, mask)
        expected = torch.nn.functional.scaled_dot_product_attention(
            *(torch.tensor(x)[None] for x in (query[sees], key, value)), attn_mask=torch.tensor(mask[sees])
        )[0]
        np.testing.assert_allclose(out[sees], expected.numpy(), atol=1e-8)
        assert not out[~sees].any()


def test_parameters_are_those_of_a_real_model():
    for vocabulary, width, layers, heads, hidden, places in drawn("encoder_parameters"):
        config = BertConfig(vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, pad_token_id=0,
                            num_attention_heads=heads, intermediate_size=hidden,
                            max_position_embeddings=places)  # fmt: skip
        with torch.device("meta"):
            real = sum(p.numel() for p in BertModel(config, add_pooling_layer=False).parameters())
        ours = function("encoder_parameters")(vocabulary, width, layers, heads, hidden, places)
        assert ours == real and type(ours) is int
        if layers:
            paper = Architecture("encoder", vocabulary, width, layers, heads, hidden, places=places, segments=2)
            assert ours == total(paper)


def test_the_batch_is_what_our_decoder_is_asked():
    """The loss over the three arrays is that of each text alone, by a model with a mask of its own."""
    torch.manual_seed(0)
    model = Decoder(60, 8, 2, 2, 16, length=10).eval()
    for texts, fill in drawn("next_token_batch"):
        inputs, targets, mask = function("next_token_batch")(texts, fill)
        assert mask.dtype == bool and inputs.shape == targets.shape == mask.shape[:2]
        asked = targets != -100
        for row, text in enumerate(texts):
            n = len(text) - 1
            assert inputs[row, :n].tolist() == text[:-1] and targets[row, :n].tolist() == text[1:]
            assert asked[row].sum() == n and (inputs[row, n:] == fill).all()
            assert np.array_equal(mask[row, :n, :n], np.tril(np.ones((n, n), dtype=bool)))
            assert not mask[row, :, n:].any()
        with torch.no_grad():
            model(torch.as_tensor(inputs))  # such ids, in such a shape, are what a model takes


def test_the_examples_of_the_text_are_right():
    key = np.array([[0.0] * 4, [math.log(3), 0, 0, 0], [9.0] * 4])
    out = function("masked_attention")(np.array([[2.0, 0, 0, 0]]), key, np.array([[4.0], [8.0], [100.0]]),
                                       np.array([[True, True, False]]))  # fmt: skip
    assert out == pytest.approx(7.0)
    assert function("encoder_parameters")(vocabulary=10, width=4, layers=1, heads=2, hidden=8, places=6) == 252
    inputs, targets, mask = function("next_token_batch")([[7, 8, 9], [5, 6]], 0)
    assert inputs.tolist() == [[7, 8], [5, 0]] and targets.tolist() == [[8, 9], [6, -100]]
    assert mask.tolist() == [[[True, False], [True, True]], [[True, False], [True, False]]]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = drawn(name, seed)
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            if any(case.raises for case in question.cases) and wrong.name == "unguarded":
                continue  # right on everything that has an answer
            assert any(question.agree(solution(*a), answer(*a), a) is not None for a in inputs), wrong.name


@pytest.mark.parametrize("name", NAMES)
def test_comparing_takes_whatever_comes(name):
    question, arguments = EXERCISE.question(name), drawn(name)[0]
    expected = function(name)(*arguments)
    for odd in ODD:
        assert question.agree(expected, odd, arguments) is not None, f"{odd!r:.40}"


def test_another_way_to_compute_passes():
    def einsum(query, key, value, mask):
        scores = np.einsum("id,jd->ij", query / query.shape[1] ** 0.5, key)
        out = np.zeros((len(query), value.shape[1]))
        for i, row in enumerate(scores):
            if mask[i].any():
                e = np.exp(row[mask[i]] - row[mask[i]].max())
                out[i] = e / e.sum() @ value[mask[i]]
        return out

    question = EXERCISE.question("masked_attention")
    for arguments in drawn(question.name):
        assert question.agree(function(question.name)(*arguments), einsum(*arguments), arguments) is None
