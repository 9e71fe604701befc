"""Pretraining a small BERT from random weights, and continued pretraining of a finished encoder on shop text."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerBase

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.language.encoder import TextEncoder, load_transformer, pad, save_transformer
from course_lib.language.pretraining.corpus import prepare, step_random
from course_lib.language.pretraining.evaluate import evaluate_masked, log_frequencies
from course_lib.language.pretraining.masked import Policy, is_special, mask_tokens, masked_logits, word_ids
from course_lib.language.training import History, device_of, fit, shuffled_batches

RECORD = "course_pretraining.json"


@dataclass
class Pretrained:
    """A pretrained masked language model.

    Attributes:
        max_length: the longest sequence it was trained on, in tokens.
        history: of the training. evaluation: on held-out texts, see ``evaluate_masked``.
    """

    model: BertForMaskedLM
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    history: History
    evaluation: dict[str, float] = field(default_factory=dict)

    def encoder(self, name: str = "pretrained", *, autocast: bool = True, device: str = "auto") -> TextEncoder:
        """A ``TextEncoder`` with a copy of the transformer; the vocabulary's projection is left behind."""
        bert = copy.deepcopy(self.model.bert)
        return TextEncoder(
            bert, self.tokenizer, max_length=self.max_length, name=name, autocast=autocast, device=device
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights (safetensors), configuration, tokenizer, history and evaluation: whole or not at all."""
        with atomic_folder(folder) as temporary:
            save_transformer(temporary, self.model, self.tokenizer)
            record = {"max_length": self.max_length, "history": self.history.to_dict(), "evaluation": self.evaluation}
            write_json(temporary / RECORD, record)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Pretrained:
        """Read what ``save`` wrote; raises DataError where a file is missing or broken."""
        folder = Path(folder)
        model, tokenizer = load_transformer(folder, BertForMaskedLM)
        record = read_json(folder / RECORD)
        try:
            return cls(model, tokenizer, record["max_length"], History(**record["history"]), record["evaluation"])
        except (KeyError, TypeError) as error:
            raise DataError(f"not a record of a pretraining ({error})", where=str(folder / RECORD)) from error


def pretrain(
    texts: Sequence[str],
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    steps: int = 600,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    layers: int = 2,
    hidden: int = 128,
    heads: int = 4,
    dropout: float = 0.0,
    initial_std: float = 0.06,
    vocab_size: int = 4096,
    max_length: int = 64,
    mask_share: float = 0.4,
    held_out: float = 0.1,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    policy: Policy | None = None,
    **options: Any,
) -> Pretrained:
    """Train a BERT from random weights on texts; a share of the *distinct* texts is held out for the evaluation.

    The tokenizer, where none is given, is learned from the training texts alone. A text longer than ``max_length``
    tokens is cut into pieces. The same arguments give the same model on a CPU with the same number of threads.

    Args:
        texts: products and queries, mixed.
        layers, hidden, heads: of the transformer; its inner layer is 4 × hidden wide.
        initial_std: standard deviation of the random weights.
        dropout: 0 by default, since a few hundred steps on thousands of texts underfit.
        steps, batch_size: many small batches; a short training profits more from steps than from large batches.
        mask_share: of the tokens hidden in training; the evaluation always hides 15 %. More than the 15 % of the paper
            gives a short training more to learn from (Wettig et al. 2023, https://arxiv.org/abs/2202.08005).
        held_out: share of the distinct texts, at least one text and at most 500.
        policy: chooses the tokens to hide in training; by default each by its own draw. Where it needs the tokenizer
            (``whole_words``, ``favour``), pass the tokenizer too.
        options: further keyword arguments of ``training.fit``.

    Raises:
        ContractError: not a list of strings, fewer than two distinct texts with words, settings out of range.
    """
    if not 0 < mask_share < 1:
        raise ContractError(f"mask_share is {mask_share}; it must lie between 0 and 1")
    tokenizer, train_pieces, test_pieces = prepare(
        texts, tokenizer, vocab_size=vocab_size, max_length=max_length, held_out=held_out, seed=seed
    )
    if hidden % heads:
        raise ContractError(f"hidden is {hidden}, which {heads} heads do not divide")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=max_length,
        # BERT's own .02 suits a width of 768; a narrow model with it sits at word frequencies for hundreds of steps.
        initializer_range=initial_std,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)

    # One generator hides the tokens of all steps. It is drawn from where batches are made, not in the loss, so that
    # a resumed run, which draws its batches again, finds it in the state that it had.
    masking = torch.Generator().manual_seed(seed)
    rows = shuffled_batches(len(train_pieces), batch_size, seed, lengths=[len(p) for p in train_pieces])
    batches = hidden_batches(
        ([train_pieces[row] for row in batch] for batch in rows), tokenizer, lambda step: masking, mask_share, policy
    )
    history = fit(
        model,
        batches,
        masked_loss,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        autocast=autocast,
        device=device,
        log_dir=log_dir,
        tag="pretraining",
        progress=progress,
        **options,
    )
    result = Pretrained(model, tokenizer, max_length, history)
    result.evaluation = evaluate_masked(result, test_pieces, train_pieces, autocast=autocast)
    return result


def hidden_batches(
    batches: Iterable[Sequence[Sequence[int]]],
    tokenizer: PreTrainedTokenizerBase,
    random_of: Callable[[int], torch.Generator],
    share: float,
    policy: Policy | None,
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Batches of pieces as ``masked_loss`` takes them: ids as seen, attention mask, chosen [b, l]; the truth [n].

    Args:
        random_of: the generator that hides the tokens of a step (counted from 0).
    """
    words = word_ids(tokenizer)
    for step, pieces in enumerate(batches):
        batch = pad(pieces, tokenizer.pad_token_id)
        ids, special = batch["input_ids"], is_special(batch["input_ids"], tokenizer)
        seen, chosen = mask_tokens(ids, special, tokenizer.mask_token_id, words, random_of(step), share, policy)
        yield seen, batch["attention_mask"], chosen, ids[chosen]


def masked_loss(model: BertForMaskedLM, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Mean cross-entropy, in nats, of the hidden tokens of a batch made by ``hidden_batches``."""
    seen, mask, chosen, truth = (part.to(device_of(model)) for part in batch)
    return cross_entropy(masked_logits(model, seen, mask, chosen).float(), truth)


def masked_model(encoder: TextEncoder, seed: int = 0) -> BertForMaskedLM:
    """A copy of the encoder's transformer under a fresh masked-LM head, whose output matrix is the word embeddings.

    A sentence encoder is published without the head it was pretrained with. The new one has a random d × d layer and a
    normalisation to learn; its largest part, the projection onto the vocabulary, is tied to what the encoder knows.

    Raises:
        ContractError: the encoder is no BERT.
    """
    if not isinstance(encoder.model, BertModel):
        raise ContractError(f"the encoder is a {type(encoder.model).__name__}; a masked-LM head is put on a BertModel")
    config = copy.deepcopy(encoder.model.config)
    config.tie_word_embeddings = True
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)
    weights = {k: v for k, v in encoder.model.state_dict().items() if not k.startswith("pooler.")}
    model.bert.load_state_dict(weights)
    model.tie_weights()
    return model.to(encoder.device).eval()


def adapt(
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    steps: int,
    batch_size: int = 16,
    learning_rate: float = 5e-5,
    mask_share: float = 0.15,
    policy: Policy | None = None,
    train: Literal["all", "head"] = "all",
    head_steps: int = 0,
    head_learning_rate: float = 1e-3,
    held_out: float = 0.1,
    seed: int = 0,
    autocast: bool = True,
    log_dir: str | os.PathLike[str] | None = None,
    tag: str = "continued",
    progress: bool = True,
    **options: Any,
) -> Pretrained:
    """Continued pretraining (Gururangan et al. 2020, https://arxiv.org/abs/2004.10964): a finished encoder reads on.

    The encoder itself stays as it is; a copy is trained. Everything random in a batch follows from (seed, step).

    Args:
        texts: of the shop; a share of the distinct ones is held out for the evaluation.
        train: ``"head"`` freezes the encoder and trains the fresh head alone.
        head_steps: steps in which the head alone learns, at ``head_learning_rate``, before the ``steps`` of ``train``;
            a random head would otherwise send its errors into an encoder that was fine.
        options: further keyword arguments of ``training.fit`` for the main ``steps``.

    Returns:
        The model with its head; ``history`` of the main steps; ``evaluation`` as ``evaluate_masked`` gives it, and
        under ``"before_…"`` the same before the main steps.

    Raises:
        ContractError: as ``pretrain``; an encoder that is no BERT; another ``train``.
    """
    if train not in ("all", "head"):
        raise ContractError(f"train is {train!r}; it must be 'all' or 'head'")
    if not 0 < mask_share < 1:
        raise ContractError(f"mask_share is {mask_share}; it must lie between 0 and 1")
    if steps < 1 or head_steps < 0:
        raise ContractError(f"steps is {steps} and head_steps {head_steps}; they must be at least 1 and 0")
    tokenizer, max_length = encoder.tokenizer, encoder.max_length
    _, train_pieces, test_pieces = prepare(texts, tokenizer, max_length=max_length, held_out=held_out, seed=seed)
    model = masked_model(encoder, seed)
    # The head begins at the guess that needs no model, instead of spending its first steps on how frequent words are.
    frequencies = log_frequencies(train_pieces, word_ids(tokenizer), len(tokenizer)).float()
    with torch.no_grad():
        model.cls.predictions.bias.copy_(frequencies.clamp(min=frequencies[frequencies.isfinite()].min()))
    lengths = [len(piece) for piece in train_pieces]

    def run(parts: str, n: int, rate: float, name: str, **more: Any) -> History:
        for parameter in model.bert.parameters():
            parameter.requires_grad_(parts == "all")
        rows = shuffled_batches(len(train_pieces), batch_size, seed, lengths=lengths)
        pieces = ([train_pieces[row] for row in batch] for batch in rows)
        batches = hidden_batches(pieces, tokenizer, lambda step: step_random(seed, step, name), mask_share, policy)
        return fit(
            model, batches, masked_loss, steps=n, learning_rate=rate, seed=seed, autocast=autocast,
            device=encoder.device, log_dir=log_dir, tag=name, progress=progress, **more,
        )  # fmt: skip

    if head_steps:
        run("head", head_steps, head_learning_rate, f"{tag}-head")
    result = Pretrained(model, tokenizer, max_length, History(tag, encoder.device, encoder.precision))
    before = evaluate_masked(result, test_pieces, train_pieces, autocast=autocast)
    result.history = run(train, steps, learning_rate, tag, **options)
    model.requires_grad_(True)
    after = evaluate_masked(result, test_pieces, train_pieces, autocast=autocast)
    kept = ("masked_accuracy", "cross_entropy", "perplexity")
    result.evaluation = {**after, **{f"before_{name}": before[name] for name in kept}}
    return result


def continue_pretraining(
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    steps: int,
    batch_size: int = 16,
    learning_rate: float = 5e-5,
    mask_share: float = 0.15,
    policy: Policy | None = None,
    seed: int = 0,
    **settings: Any,
) -> tuple[TextEncoder, History]:
    """``adapt``, and of its result the encoder alone: the head has done its work and is left behind.

    Args:
        settings: further keyword arguments of ``adapt``.

    Returns:
        A new encoder with the tokenizer, length and device of the one given, which stays as it was; the history.
    """
    found = adapt(
        encoder, texts, steps=steps, batch_size=batch_size, learning_rate=learning_rate, mask_share=mask_share,
        policy=policy, seed=seed, **settings,
    )  # fmt: skip
    twin = found.encoder(f"{encoder.name}, continued", autocast=settings.get("autocast", True), device=encoder.device)
    twin.source = encoder.source
    return twin, found.history
