"""Attention, positions and blocks against ``torch.nn`` and ``transformers``; whole models against real ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaConfig, LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.t5.modeling_t5 import T5Attention, T5LayerNorm

from course_lib.core.errors import ContractError
from course_lib.language.encoder import pad, tokenize
from course_lib.language.features import load_minilm
from course_lib.language.transformers import (
    Block,
    Decoder,
    Encoder,
    EncoderDecoder,
    FeedForward,
    MultiHeadAttention,
    RelativeBias,
    RMSNorm,
    attend,
    causal_mask,
    from_bert,
    from_gpt2,
    from_t5,
    padding_mask,
    reach,
    rotate,
    sinusoidal,
)

TITLES = ["Red running shoes for women, size 38", "Kettle", "Wireless noise cancelling headphones with microphone"]
CLOSE = dict(atol=1e-5, rtol=1e-5)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


# -- attention --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, causal_mask(5), torch.rand(2, 1, 5, 5) > 0.3])
def test_attend_is_torchs(mask):
    q, k, v = noise(2, 3, 5, 8), noise(2, 3, 5, 8), noise(2, 3, 5, 6)
    if mask is not None:
        mask = mask | torch.eye(5, dtype=torch.bool)
    out, weights = attend(q, k, v, mask)
    expected = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(out, expected, **CLOSE)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5))


def test_attend_by_hand():
    """Two keys, scores 0 and ln 3: weights 1/4 and 3/4."""
    key = torch.tensor([[0.0], [torch.log(torch.tensor(3.0))]])
    out, weights = attend(torch.ones(1, 1), key, torch.tensor([[4.0], [8.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(out, torch.tensor([[7.0]]))


def test_a_query_that_may_look_nowhere_gets_zeros_and_no_nan():
    mask = torch.tensor([[True, False], [False, False]])
    out, weights = attend(noise(2, 4), noise(2, 4), noise(2, 4), mask)
    assert torch.equal(out[1], torch.zeros(4)) and torch.equal(weights, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))


def test_attention_keeps_no_order_and_one_token_gets_its_own_value():
    q, k, v, order = noise(3, 4), noise(6, 4), noise(6, 4), torch.randperm(6)
    torch.testing.assert_close(attend(q, k, v)[0], attend(q, k[order], v[order])[0], **CLOSE)
    torch.testing.assert_close(attend(q, k[:1], v[:1])[0], v[:1].expand(3, 4))


def test_huge_scores_stay_finite():
    out, _ = attend(1e4 * noise(3, 4), 1e4 * noise(5, 4), noise(5, 4))
    assert out.isfinite().all()


@pytest.mark.parametrize("bad", [
    lambda: attend(noise(2, 3), noise(2, 4), noise(2, 4)), lambda: attend(noise(2, 3), noise(4, 3), noise(2, 3)),
    lambda: attend(noise(2, 3), noise(2, 3), noise(2, 3), torch.ones(2, 2)), lambda: MultiHeadAttention(10, 3),
    lambda: MultiHeadAttention(0, 1), lambda: causal_mask(-1), lambda: padding_mask(torch.ones(3)),
    lambda: sinusoidal(3, 5), lambda: sinusoidal(-1, 4), lambda: rotate(noise(2, 3)),
    lambda: RelativeBias(2, both_ways=True, buckets=6), lambda: RelativeBias(2, both_ways=True, furthest=8),
    lambda: FeedForward(4, 8, "tanh"), lambda: Block(4, 2, 8, cross=True)(noise(1, 2, 4)),
])  # fmt: skip
def test_misuse_is_told(bad):
    with pytest.raises(ContractError):
        bad()


def torchs_multi_head(ours: MultiHeadAttention, width: int, heads: int) -> nn.MultiheadAttention:
    theirs = nn.MultiheadAttention(width, heads, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight = nn.Parameter(torch.cat([p.weight for p in parts]))
    theirs.in_proj_bias = nn.Parameter(torch.cat([p.bias for p in parts]))
    theirs.out_proj = ours.output
    return theirs


@pytest.mark.parametrize("kind", ["both ways", "causal", "padded", "cross"])
def test_multi_head_is_torchs(kind):
    ours = MultiHeadAttention(12, 3)
    theirs, x = torchs_multi_head(ours, 12, 3), noise(2, 5, 12)
    context = noise(2, 7, 12) if kind == "cross" else None
    mask = {"causal": causal_mask(5), "padded": padding_mask(torch.tensor([[1, 1, 1, 0, 0], [1] * 5]))}.get(kind)
    keys = x if context is None else context
    refused = {"attn_mask": ~mask} if kind == "causal" else {}
    if kind == "padded":
        refused = {"key_padding_mask": ~mask[:, 0, 0]}
    expected, seen = theirs(x, keys, keys, average_attn_weights=False, **refused)
    out, weights = ours(x, context, mask)
    torch.testing.assert_close(out, expected, **CLOSE)
    torch.testing.assert_close(weights, seen, **CLOSE)


# -- positions --------------------------------------------------------------------------------------------------------


def test_sinusoidal_is_the_papers_formula():
    table = sinusoidal(50, 8)
    assert table.shape == (50, 8) and table.dtype == torch.float32 and sinusoidal(0, 8).shape == (0, 8)
    for place in (0, 1, 49):
        for i in range(4):
            angle = torch.tensor(place / 10_000 ** (2 * i / 8))
            assert table[place, 2 * i] == pytest.approx(float(angle.sin()), abs=1e-5)
            assert table[place, 2 * i + 1] == pytest.approx(float(angle.cos()), abs=1e-5)


def test_rotate_is_llamas():
    config = LlamaConfig(hidden_size=32, num_attention_heads=4)
    q, k = noise(2, 4, 9, 8), noise(2, 4, 9, 8)
    cos, sin = LlamaRotaryEmbedding(config)(q, torch.arange(9)[None])
    for ours, theirs in zip((rotate(q), rotate(k)), apply_rotary_pos_emb(q, k, cos, sin)):
        torch.testing.assert_close(ours, theirs, **CLOSE)


def test_rotated_products_depend_on_the_distance_alone():
    q, k = noise(1, 8).expand(20, 8), noise(1, 8).expand(20, 8)
    scores = rotate(q) @ rotate(k).T
    for shift in (-7, 0, 3):
        diagonal = scores.diagonal(shift)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), **CLOSE)
    torch.testing.assert_close(rotate(q).norm(dim=-1), q.norm(dim=-1), **CLOSE)


@pytest.mark.parametrize("both_ways", [True, False])
def test_buckets_are_t5s(both_ways):
    distance = torch.arange(-300, 301)
    ours = RelativeBias(1, both_ways=both_ways).bucket(distance)
    theirs = T5Attention._relative_position_bucket(distance, bidirectional=both_ways)
    assert torch.equal(ours, theirs)


# -- blocks -----------------------------------------------------------------------------------------------------------


def test_rms_norm_is_t5s():
    x, ours, theirs = noise(2, 3, 8), RMSNorm(8), T5LayerNorm(8)
    ours.weight.data = theirs.weight.data = noise(8)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("cross", [True, False])
def test_a_block_is_torchs_layer(norm_first, cross):
    ours = Block(12, 3, 20, norm_first=norm_first, cross=cross)
    kind = nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer
    theirs = kind(12, 3, 20, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first)
    theirs.self_attn = torchs_multi_head(ours.attention, 12, 3)
    theirs.linear1, theirs.linear2 = ours.feed_forward.widen, ours.feed_forward.narrow
    norms = [ours.attention_norm, *([ours.cross_norm] if cross else []), ours.feed_forward_norm]
    for number, norm in enumerate(norms, start=1):
        norm.weight.data, norm.bias.data = noise(12), noise(12)
        setattr(theirs, f"norm{number}", norm)
    x, context, mask = noise(2, 5, 12), noise(2, 4, 12), causal_mask(5)
    if cross:
        theirs.multihead_attn = torchs_multi_head(ours.cross, 12, 3)
        expected = theirs(x, context, tgt_mask=~mask)
    else:
        expected = theirs(x, src_mask=~mask)
    out, weights = ours(x, mask, context=context if cross else None)
    torch.testing.assert_close(out, expected, **CLOSE)
    assert weights.shape == (2, 3, 5, 5)


# -- models -----------------------------------------------------------------------------------------------------------


def test_our_encoder_with_minilms_weights_is_minilm():
    real = load_minilm(device="cpu", autocast=False)
    batch = pad(tokenize(real.tokenizer, TITLES, 64), real.tokenizer.pad_token_id)
    ours, kept = from_bert(real.model), batch["attention_mask"].bool()
    real.model.set_attn_implementation("eager")  # the fast one does not return its weights
    with torch.no_grad():
        expected = real.model(**batch, output_attentions=True)
        out = ours(batch["input_ids"], batch["attention_mask"])
    torch.testing.assert_close(out.hidden[kept], expected.last_hidden_state[kept], **CLOSE)
    for one, other in zip(out.attention, expected.attentions, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def shaken(model: nn.Module) -> nn.Module:
    """Norms and biases start at 1 and 0, which would hide a swapped pair."""
    for p in model.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return model.eval()


def test_our_decoder_with_gpt2s_weights_is_gpt2():
    config = GPT2Config(vocab_size=50, n_embd=24, n_head=3, n_layer=2, n_positions=20, bos_token_id=0, eos_token_id=0)
    theirs = shaken(GPT2LMHeadModel(config))
    ids, mask = torch.randint(50, (3, 11)), torch.ones(3, 11, dtype=torch.int64)
    mask[1, 7:] = 0
    ours = from_gpt2(theirs)
    with torch.no_grad():
        torch.testing.assert_close(ours(ids, mask).logits[mask.bool()],
                                   theirs(ids, attention_mask=mask).logits[mask.bool()], **CLOSE)  # fmt: skip
    longer = theirs.generate(ids[:1], max_new_tokens=6, min_new_tokens=6, do_sample=False, pad_token_id=0,
                             eos_token_id=None)  # fmt: skip
    assert torch.equal(ours.generate(ids[:1], 6), longer)


def test_our_encoder_decoder_with_t5s_weights_is_t5():
    config = T5Config(vocab_size=50, d_model=24, d_kv=5, num_heads=3, d_ff=32, num_layers=2, decoder_start_token_id=0)
    theirs = shaken(T5ForConditionalGeneration(config))
    ids, written = torch.randint(50, (3, 40)), torch.randint(50, (3, 9))
    mask = torch.ones_like(ids)
    mask[2, 30:] = 0
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=written).logits
        out = from_t5(theirs)(ids, written, mask)
    torch.testing.assert_close(out.logits, expected, **CLOSE)


def test_only_models_that_are_known_give_their_weights():
    small = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    for bad in (nn.Linear(2, 2), BertModel(BertConfig(**small, hidden_act="relu"))):
        with pytest.raises(ContractError, match="not a bert model"):
            from_bert(bad)
    with pytest.raises(ContractError):
        from_gpt2(BertModel(BertConfig(**small)))


def test_training_a_copy_leaves_the_original_alone():
    theirs = BertModel(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                  intermediate_size=8))  # fmt: skip
    before = theirs.embeddings.word_embeddings.weight.clone()
    with torch.no_grad():
        from_bert(theirs).tokens.weight.add_(1.0)
    assert torch.equal(theirs.embeddings.word_embeddings.weight, before)


def test_who_sees_whom():
    ids, other = torch.arange(6)[None], torch.arange(10, 16)[None]
    encoder, decoder = Encoder(20, 8, 2, 2, 16).eval(), Decoder(20, 8, 2, 2, 16).eval()
    assert reach(lambda x: encoder(x).hidden, ids, other).all()
    assert torch.equal(reach(lambda x: decoder(x).hidden, ids, other), causal_mask(6))
    decoder.causal = False
    assert reach(lambda x: decoder(x).hidden, ids, other).all()
    both = EncoderDecoder(20, 8, 2, 2, 16, head_size=4).eval()
    written = torch.arange(4)[None]
    assert reach(lambda x: both(x, written).hidden, ids, other).all()
    assert torch.equal(reach(lambda x: both(ids, x).hidden, written, other[:, :4]), causal_mask(4))
    with pytest.raises(ContractError):
        reach(lambda x: x, ids, ids)


def test_neighbours_in_the_batch_change_nothing_where_padding_is_masked():
    encoder, ids = Encoder(20, 8, 2, 2, 16).eval(), torch.randint(1, 20, (1, 4))
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=torch.int64)], dim=1)
    mask = torch.tensor([[1] * 4 + [0] * 5])
    with torch.no_grad():
        alone, among, careless = (encoder(x, m).hidden[:, :4] for x, m in ((ids, None), (padded, mask), (padded, None)))
    torch.testing.assert_close(alone, among, **CLOSE)
    assert (alone - careless).abs().max() > 1e-3


@pytest.mark.parametrize("ids, words", [
    (torch.zeros(1, 0, dtype=torch.int64), "at least one token"), (torch.zeros(3, dtype=torch.int64), "batch"),
    (torch.zeros(1, 3), "float32"), (torch.full((1, 2), 20), "the vocabulary has 20"),
    (torch.full((1, 2), -1), "from -1"), (torch.zeros(1, 9, dtype=torch.int64), "this model has 8 places"),
])  # fmt: skip
def test_ids_that_a_model_can_not_take(ids, words):
    for model in (Encoder(20, 8, 1, 2, 16, length=8), Decoder(20, 8, 1, 2, 16, length=8)):
        with pytest.raises(ContractError, match=words):
            model(ids)


def test_the_library_of_the_same_name_is_not_shadowed():
    code = ("import course_lib.language.transformers, transformers; "
            "assert 'site-packages' in transformers.__file__; import course_lib.language.encoder")  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_the_face_of_the_course_stays_light():
    code = "import course_lib, course_lib.cli, sys; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
