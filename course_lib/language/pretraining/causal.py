"""Causal language modelling: say the next token from those before it, and write by saying it again and again.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", eq. 1; sampling from the nucleus
(top-p): Holtzman et al. 2020, https://arxiv.org/abs/1904.09751, §3.1.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerBase

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.encoder import load_transformer, pad, save_transformer
from course_lib.language.pretraining.corpus import prepare, step_random
from course_lib.language.pretraining.ngram import Bigram
from course_lib.language.training import History, autocast_to, device_of, fit, pick_precision, shuffled_batches

RECORD = "course_causal.json"


@dataclass
class CausalModel:
    """A pretrained causal language model: a small GPT.

    Attributes:
        max_length: the longest sequence it was trained on, in tokens.
        history: of the training. evaluation: on held-out texts, see ``evaluate_causal``.
    """

    model: GPT2LMHeadModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    history: History
    evaluation: dict[str, float] = field(default_factory=dict)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights (safetensors), configuration, tokenizer, history and evaluation: whole or not at all."""
        with atomic_folder(folder) as temporary:
            save_transformer(temporary, self.model, self.tokenizer)
            record = {"max_length": self.max_length, "history": self.history.to_dict(), "evaluation": self.evaluation}
            write_json(temporary / RECORD, record)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> CausalModel:
        """Read what ``save`` wrote; raises DataError where a file is missing or broken."""
        folder = Path(folder)
        model, tokenizer = load_transformer(folder, GPT2LMHeadModel)
        record = read_json(folder / RECORD)
        try:
            return cls(model, tokenizer, record["max_length"], History(**record["history"]), record["evaluation"])
        except (KeyError, TypeError) as error:
            raise DataError(f"not a record of a causal model ({error})", where=str(folder / RECORD)) from error


def causal_loss(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Mean −log p(token | tokens before it), in nats: the logits at a place are held against the *next* token.

    Args:
        logits: float [b, l, v]. ids: int64 [b, l]. mask: [b, l], 1 at tokens and 0 at padding.
    """
    real = mask[:, 1:].bool()
    return cross_entropy(logits[:, :-1][real].float(), ids[:, 1:][real])


def small_gpt(
    vocab_size: int, *, layers: int = 2, hidden: int = 128, heads: int = 4, max_length: int = 64, seed: int = 0
) -> GPT2LMHeadModel:
    """A GPT-2 of this size with random weights (no dropout: a short training underfits).

    Raises:
        ContractError: heads that don't divide the width.
    """
    if hidden % heads:
        raise ContractError(f"hidden is {hidden}, which {heads} heads do not divide")
    config = GPT2Config(
        vocab_size=vocab_size, n_positions=max_length, n_embd=hidden, n_layer=layers, n_head=heads, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.06, bos_token_id=None, eos_token_id=None, use_cache=True,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)


def pretrain_causal(
    texts: Sequence[str],
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    steps: int = 600,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    layers: int = 2,
    hidden: int = 128,
    heads: int = 4,
    vocab_size: int = 4096,
    max_length: int = 64,
    held_out: float = 0.1,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    **options: Any,
) -> CausalModel:
    """Train a small GPT from random weights; arguments as ``pretrain``. [CLS] begins a text and [SEP] ends it.

    Raises:
        ContractError: not a list of strings, fewer than two distinct texts with words, settings out of range.
    """
    tokenizer, train_pieces, test_pieces = prepare(
        texts, tokenizer, vocab_size=vocab_size, max_length=max_length, held_out=held_out, seed=seed
    )
    model = small_gpt(len(tokenizer), layers=layers, hidden=hidden, heads=heads, max_length=max_length, seed=seed)

    def loss(model: GPT2LMHeadModel, rows: Sequence[int]) -> Tensor:
        batch = pad([train_pieces[row] for row in rows], tokenizer.pad_token_id)
        batch = {key: value.to(device_of(model)) for key, value in batch.items()}
        return causal_loss(model(**batch).logits, batch["input_ids"], batch["attention_mask"])

    rows = shuffled_batches(len(train_pieces), batch_size, seed, lengths=[len(p) for p in train_pieces])
    history = fit(
        model, rows, loss, steps=steps, learning_rate=learning_rate, seed=seed, autocast=autocast, device=device,
        log_dir=log_dir, tag="causal", progress=progress, **options,
    )  # fmt: skip
    result = CausalModel(model, tokenizer, max_length, history)
    result.evaluation = evaluate_causal(result, test_pieces, train_pieces, autocast=autocast)
    return result


def evaluate_causal(
    causal: CausalModel,
    pieces: Sequence[Sequence[int]],
    train_pieces: Sequence[Sequence[int]],
    *,
    batch_size: int = 64,
    autocast: bool = True,
) -> dict[str, float]:
    """How well each next token of held-out pieces is foreseen.

    Returns:
        ``cross_entropy`` in nats per token and ``perplexity``, its exponential; ``bigram_…``: of a model that counts
        pairs in the training pieces; ``n_tokens`` and ``n_texts``, counts.
    """
    model, tokenizer = causal.model.eval(), causal.tokenizer
    where = device_of(model)
    precision, _ = pick_precision(where.type, autocast)
    total, n, by_length = 0.0, 0, sorted(pieces, key=len)
    with torch.inference_mode(), autocast_to(where.type, precision):
        for start in range(0, len(by_length), batch_size):
            batch = pad(by_length[start : start + batch_size], tokenizer.pad_token_id)
            batch = {key: value.to(where) for key, value in batch.items()}
            tokens = int(batch["attention_mask"][:, 1:].sum())
            total += tokens * float(causal_loss(model(**batch).logits, batch["input_ids"], batch["attention_mask"]))
            n += tokens
    counted = Bigram(len(tokenizer)).fit(train_pieces).cross_entropy(pieces)
    return {
        "cross_entropy": total / n,
        "perplexity": math.exp(total / n),
        "bigram_cross_entropy": counted,
        "bigram_perplexity": math.exp(counted),
        "n_tokens": n,
        "n_texts": len(pieces),
    }


def top_p(logits: Tensor, p: float) -> Tensor:
    """Logits [b, v] with everything outside the nucleus at −∞.

    The nucleus is the smallest set of most probable tokens whose probabilities add up to at least p.
    """
    if p >= 1:
        return logits  # rounded sums may reach 1 before the last token
    ordered, places = logits.sort(dim=-1, descending=True)
    share = ordered.softmax(dim=-1)
    before = share.cumsum(dim=-1) - share  # what the more probable tokens hold already
    return torch.full_like(logits, -math.inf).scatter(-1, places, ordered.masked_fill(before >= p, -math.inf))


def sample(
    causal: CausalModel,
    prompt: str = "",
    *,
    n: int = 4,
    temperature: float = 1.0,
    p: float = 0.9,
    max_tokens: int = 40,
    seed: int = 0,
) -> list[str]:
    """n continuations of the prompt, each with the prompt in front, until [SEP] or ``max_tokens``.

    Args:
        temperature: divides the logits: below 1 the likely becomes likelier; 0 always takes the likeliest token.
        p: of the nucleus, see ``top_p``; 1 samples from all tokens.

    Raises:
        ContractError: settings out of range, or a prompt as long as the model's longest sequence.
    """
    if n < 1 or temperature < 0 or not 0 < p <= 1 or max_tokens < 1:
        raise ContractError("sample needs n ≥ 1, temperature ≥ 0, 0 < p ≤ 1 and max_tokens ≥ 1")
    tokenizer, model = causal.tokenizer, causal.model.eval()
    start = [tokenizer.cls_token_id, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]
    if len(start) >= causal.max_length:
        raise ContractError(f"the prompt has {len(start)} tokens; the model takes {causal.max_length}")
    ids = torch.tensor([start] * n, device=device_of(model))
    done = torch.zeros(n, dtype=torch.bool, device=ids.device)
    never = [i for i in tokenizer.all_special_ids if i != tokenizer.sep_token_id]
    with torch.inference_mode():
        for step in range(min(max_tokens, causal.max_length - len(start))):
            logits = model(input_ids=ids).logits[:, -1].float()
            logits[:, never] = -math.inf
            if temperature == 0:
                following = logits.argmax(dim=-1)
            else:
                chances = top_p(logits / temperature, p).softmax(dim=-1).cpu()
                following = torch.multinomial(chances, 1, generator=step_random(seed, step, "sample"))[:, 0]
            following = following.to(ids.device).masked_fill(done, tokenizer.sep_token_id)
            ids = torch.cat([ids, following[:, None]], dim=1)
            done |= following == tokenizer.sep_token_id
            if bool(done.all()):
                break
    return tokenizer.batch_decode(ids, skip_special_tokens=True)
