"""Counts on paper against real models: built on the ``meta`` device, run with torch's counter, trained for a step."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from course_lib.core.errors import ContractError
from course_lib.language.transformers import (
    PUBLISHED,
    Architecture,
    cache_bytes,
    forward_flops,
    parameters,
    price,
    total,
    training_bytes,
    training_flops,
)

LLAMA = dict(max_position_embeddings=4096, tie_word_embeddings=False)
REAL = {
    "MiniLM-L6": (BertModel, BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)),
    "BERT-base": (BertModel, BertConfig()),
    "GPT-2": (GPT2LMHeadModel, GPT2Config()),
    "GPT-2 XL": (GPT2LMHeadModel, GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
    "T5-11B": (T5ForConditionalGeneration,
               T5Config(d_model=1024, d_kv=128, d_ff=65536, num_layers=24, num_heads=128)),
    "Llama 2 7B": (LlamaForCausalLM, LlamaConfig(**LLAMA)),
    "Llama 2 70B": (LlamaForCausalLM, LlamaConfig(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80,
                                                  num_attention_heads=64, num_key_value_heads=8, **LLAMA)),
    "GPT-3": (GPT2LMHeadModel, GPT2Config(n_embd=12288, n_layer=96, n_head=96, n_positions=2048)),
}  # fmt: skip
SMALL = {
    "bert": (BertModel, BertConfig(vocab_size=90, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                   intermediate_size=48)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(vocab_size=90, n_embd=32, n_layer=3, n_head=4, bos_token_id=0,
                                         eos_token_id=0)),
    "t5": (T5ForConditionalGeneration, T5Config(vocab_size=90, d_model=32, d_kv=5, d_ff=48, num_layers=2,
                                                num_heads=3, decoder_start_token_id=0)),
    "t5 v1.1": (T5ForConditionalGeneration, T5Config(vocab_size=90, d_model=32, d_kv=5, d_ff=48, num_layers=2,
                                                     num_heads=3, feed_forward_proj="gated-gelu",
                                                     decoder_start_token_id=0)),
    "llama": (LlamaForCausalLM, LlamaConfig(vocab_size=90, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
                                            num_attention_heads=4, num_key_value_heads=2)),
}  # fmt: skip


def test_every_published_model_is_checked():
    assert set(REAL) == set(PUBLISHED)


@pytest.mark.parametrize("name", REAL)
def test_parameters_of_real_models_up_to_billions(name):
    kind, config = REAL[name]
    with torch.device("meta"):
        real = sum(p.numel() for p in kind(config).parameters())  # a tied matrix is one parameter
    assert total(PUBLISHED[name]) == real
    assert parameters(Architecture.of(config)) == parameters(PUBLISHED[name])


@pytest.mark.parametrize("name", SMALL)
def test_parameters_of_odd_shapes(name):
    kind, config = SMALL[name]
    assert total(Architecture.of(config)) == sum(p.numel() for p in kind(config).parameters())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("tokens", [1, 13])
def test_operations_are_those_that_torch_counts(name, tokens):
    kind, config = SMALL[name]
    config._attn_implementation = "eager"
    model, a, ids = kind(config).eval(), Architecture.of(config), torch.zeros(1, tokens, dtype=torch.int64)
    written = 7 if a.family == "encoder-decoder" else 0
    more = {"decoder_input_ids": torch.zeros(1, written, dtype=torch.int64)} if written else {}
    head = a.family != "encoder"
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(input_ids=ids, **more)
    # BERT's pooler works on one token; llama multiplies angles with places (at most two numbers per column of a head).
    slack = 2 * a.width**2 if a.pooler else 2 * a.size * tokens if name == "llama" else 0
    assert 0 <= counter.get_total_flops() - forward_flops(a, tokens, written, head=head) <= slack


def test_the_rule_of_thumb_is_near_for_a_large_model_and_short_texts():
    a = PUBLISHED["GPT-3"]
    assert 3 * forward_flops(a, 2_048) == pytest.approx(training_flops(total(a), 2_048), rel=0.06)


def test_the_cache_of_a_real_decoder():
    for name in ("gpt2", "llama"):
        kind, config = SMALL[name]
        with torch.no_grad():
            cache = kind(config)(torch.zeros(3, 11, dtype=torch.int64), use_cache=True).past_key_values
        real = sum(x.numel() * x.element_size() for layer in cache.layers for x in (layer.keys, layer.values))
        assert cache_bytes(Architecture.of(config), 11, 3, bytes_per_number=4) == real


def test_memory_of_real_training():
    kind, config = SMALL["gpt2"]
    model = kind(config)
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 4, dtype=torch.int64)).logits.sum().backward()
    optimiser.step()

    def size(tensors):
        return sum(x.numel() * x.element_size() for x in tensors)

    real = {
        "weights": size(model.parameters()),
        "gradients": size(p.grad for p in model.parameters()),
        "two moments of AdamW": size(s[key] for s in optimiser.state.values() for key in ("exp_avg", "exp_avg_sq")),
    }
    paper = training_bytes(total(Architecture.of(config)), "fp32")
    assert {part: paper[part] for part in real} == real
    n = 10**9
    assert sum(training_bytes(n).values()) == sum(training_bytes(n, "fp32").values()) == 16 * n


def test_parts_scale_as_they_should():
    def made(**changes):
        return Architecture(**{**dict(family="decoder", vocabulary=100, width=64, layers=2, heads=4, hidden=256), **changes})

    small, deep, wide = (parameters(made(**c)) for c in ({}, {"layers": 4}, {"width": 128, "hidden": 512}))
    assert deep["attention"] == 2 * small["attention"] and deep["embeddings"] == small["embeddings"]
    assert wide["feed-forward"] / small["feed-forward"] == pytest.approx(4, rel=0.02)
    once, twice = (forward_flops(made(), n, head=False) for n in (1_000, 2_000))
    assert 2 < twice / once < 4  # between linear and quadratic


def test_price():
    paid = price(3.6e15, flops_per_second=1e12, utilisation=0.5, price_per_hour=2.0)
    assert paid == pytest.approx(4.0)
    assert price(0, flops_per_second=1e12, utilisation=1, price_per_hour=2.0) == 0


@pytest.mark.parametrize("bad", [
    lambda: Architecture("cnn", 1, 1, 1, 1, 1), lambda: Architecture("encoder", 10, 0, 1, 1, 1),
    lambda: Architecture("encoder", 10, 10, 1, 3, 1), lambda: Architecture("decoder", 10, 12, 1, 4, 1, key_heads=3),
    lambda: Architecture.of(object()), lambda: forward_flops(PUBLISHED["GPT-2"], 3, 2),
    lambda: forward_flops(PUBLISHED["GPT-2"], -1), lambda: training_flops(-1, 2), lambda: training_bytes(1, "int8"),
    lambda: cache_bytes(PUBLISHED["BERT-base"], 3), lambda: cache_bytes(PUBLISHED["GPT-2"], -3),
    lambda: price(1, flops_per_second=0, utilisation=1, price_per_hour=1),
    lambda: price(1, flops_per_second=1, utilisation=1.1, price_per_hour=1),
])  # fmt: skip
def test_misuse_is_told(bad):
    with pytest.raises(ContractError):
        bad()
