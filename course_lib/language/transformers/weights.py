"""Our models with the weights of real ones: ``transformers``' names on the right, ours on the left.

That the outputs then agree to 1e-5 is the proof that nothing of the architecture was left out.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.transformers.models import Decoder, Encoder, EncoderDecoder


def from_bert(model: nn.Module) -> Encoder:
    """Our ``Encoder`` with the weights of a ``transformers`` BertModel (its pooler, if any, is left out).

    Raises:
        ContractError: another kind of model, or another activation than gelu.
    """
    config = _config(model, "bert", "hidden_act", ("gelu",))
    ours = Encoder(config.vocab_size, config.hidden_size, config.num_hidden_layers, config.num_attention_heads,
                   config.intermediate_size, length=config.max_position_embeddings, segments=config.type_vocab_size,
                   eps=config.layer_norm_eps)  # fmt: skip
    names = {"tokens": "embeddings.word_embeddings", "places": "embeddings.position_embeddings",
             "segments": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm"}  # fmt: skip
    for i in range(config.num_hidden_layers):
        theirs = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            names[f"blocks.{i}.attention.{part}"] = f"{theirs}attention.self.{part}"
        names[f"blocks.{i}.attention.output"] = f"{theirs}attention.output.dense"
        names[f"blocks.{i}.attention_norm"] = f"{theirs}attention.output.LayerNorm"
        names[f"blocks.{i}.feed_forward.widen"] = f"{theirs}intermediate.dense"
        names[f"blocks.{i}.feed_forward.narrow"] = f"{theirs}output.dense"
        names[f"blocks.{i}.feed_forward_norm"] = f"{theirs}output.LayerNorm"
    return _filled(ours, model.state_dict(), names)


def from_gpt2(model: nn.Module) -> Decoder:
    """Our ``Decoder`` with the weights of a ``transformers`` GPT2LMHeadModel.

    GPT-2 keeps query, key and value in one matrix, and every matrix transposed; both are undone here.
    """
    config = _config(model, "gpt2", "activation_function", ("gelu_new", "gelu_pytorch_tanh"))
    ours = Decoder(config.vocab_size, config.n_embd, config.n_layer, config.n_head, config.n_inner or 4 * config.n_embd,
                   length=config.n_positions)  # fmt: skip
    weights: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        weights[name] = value.T if value.ndim == 2 and ".h." in name else value
    for name in [name for name in weights if ".c_attn." in name]:
        for part, piece in zip(("query", "key", "value"), weights.pop(name).chunk(3)):
            weights[name.replace("c_attn", part)] = piece
    names = {"tokens": "transformer.wte", "places": "transformer.wpe", "norm": "transformer.ln_f"}
    parts = {"attention.query": "attn.query", "attention.key": "attn.key", "attention.value": "attn.value",
             "attention.output": "attn.c_proj", "attention_norm": "ln_1", "feed_forward.widen": "mlp.c_fc",
             "feed_forward.narrow": "mlp.c_proj", "feed_forward_norm": "ln_2"}  # fmt: skip
    for i in range(config.n_layer):
        names |= {f"blocks.{i}.{own}": f"transformer.h.{i}.{other}" for own, other in parts.items()}
    return _filled(ours, weights, names)


def from_t5(model: nn.Module) -> EncoderDecoder:
    """Our ``EncoderDecoder`` with the weights of a ``transformers`` T5ForConditionalGeneration of the 2020 kind."""
    config = _config(model, "t5", "feed_forward_proj", ("relu",))
    if config.num_decoder_layers != config.num_layers:
        raise ContractError("the two sides have different numbers of layers", where="from_t5")
    ours = EncoderDecoder(config.vocab_size, config.d_model, config.num_layers, config.num_heads, config.d_ff,
                          head_size=config.d_kv, buckets=config.relative_attention_num_buckets,
                          furthest=config.relative_attention_max_distance, eps=config.layer_norm_epsilon)  # fmt: skip
    names = {"tokens": "shared"}
    for side in ("encoder", "decoder"):
        names[f"{side}_norm"] = f"{side}.final_layer_norm"
        names[f"{side}_bias.table"] = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias"
        parts = {"attention": "SelfAttention", **({"cross": "EncDecAttention"} if side == "decoder" else {})}
        for i in range(config.num_layers):
            for number, (own, other) in enumerate(parts.items()):
                theirs = f"{side}.block.{i}.layer.{number}."
                for part in ("query", "key", "value", "output"):
                    names[f"{side}.{i}.{own}.{part}"] = f"{theirs}{other}.{part[0]}"
                names[f"{side}.{i}.{own}_norm"] = f"{theirs}layer_norm"
            last = f"{side}.block.{i}.layer.{len(parts)}."
            names[f"{side}.{i}.feed_forward.widen"] = f"{last}DenseReluDense.wi"
            names[f"{side}.{i}.feed_forward.narrow"] = f"{last}DenseReluDense.wo"
            names[f"{side}.{i}.feed_forward_norm"] = f"{last}layer_norm"
    return _filled(ours, model.state_dict(), names)


def _config(model: nn.Module, kind: str, key: str, known: tuple[str, ...]) -> Any:
    config = getattr(model, "config", None)
    if getattr(config, "model_type", None) != kind or getattr(config, key) not in known:
        raise ContractError(f"not a {kind} model with {' or '.join(known)}", where=f"from_{kind}",
                            remedy="Pass a model of transformers")  # fmt: skip
    return config


def _filled(ours: Any, theirs: dict[str, Tensor], names: dict[str, str]) -> Any:
    """Every tensor of ours, read from its counterpart: a name that has none is an error."""
    found = {}
    for name in ours.state_dict():
        module, _, kind = name.rpartition(".")
        found[name] = theirs[f"{names[module]}.{kind}"]
    ours.load_state_dict(found)  # copies, so that training ours leaves theirs alone
    return ours.eval()
