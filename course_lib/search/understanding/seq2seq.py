"""A small encoder-decoder that rewrites: it reads a query that failed and writes the query that was clicked.

Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks" (https://arxiv.org/abs/1409.3215),
with the transformer of the course in place of their recurrent network. Trained on reformulations as by He et al. 2016,
"Learning to Rewrite Queries" (CIKM). What it writes is a candidate; guardrails and reward decide, see ``rewriting``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.encoder import pad, tokenize
from course_lib.language.tokenization import train_tokenizer
from course_lib.language.training import History, device_of, fit
from course_lib.language.transformers import EncoderDecoder
from course_lib.search.understanding.endpoint import asked_query
from course_lib.search.understanding.normalise import HAN, LANGUAGES, normalise, words
from course_lib.search.understanding.rewriting import Rewriter

if TYPE_CHECKING:
    from datasets import Dataset

Pairs = Mapping[tuple[str, str], float]  #: (query that failed, query that was clicked) -> how often
_GAPS = re.compile(rf"(?<=[{HAN}]) (?=[{HAN}])")  # the tokenizer makes each Han character a word


class SmallRewriter:
    """A trained model as a source of candidates for ``Rewriter``, and as a model for ``ModelSource``.

    Attributes:
        model, tokenizer: [CLS] begins what is written, [SEP] ends it. history: of the training. name: what it is.
        most: candidates per query.
    """

    name = "the course's own small rewriter"

    def __init__(
        self, model: EncoderDecoder, tokenizer: PreTrainedTokenizerBase, history: History, *, language: str, most: int
    ):
        self.model, self.tokenizer, self.history = model, tokenizer, history
        self.language, self.most = language, most

    def __call__(self, query: str) -> dict[str, float]:
        """Candidate -> its probability per token (the geometric mean), at most ``most``, best first."""
        query = plain(query, self.language)
        if not query:
            return {}
        ids = tokenize(self.tokenizer, [query], self.tokenizer.model_max_length)[0]
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        limit, found = self.tokenizer.model_max_length, {}
        for written, weight in beam(self.model, ids, first, last, width=self.most + 1, limit=limit):
            text = self.tokenizer.decode(written, skip_special_tokens=True)
            text = plain(_GAPS.sub("", text), self.language)
            if text and text != query:
                found.setdefault(text, weight)
        return dict(list(found.items())[: self.most])

    def complete(self, prompt: str) -> str:
        """The answer to a ``rewrite_prompt``, in the form that it asks for: a JSON list of candidates.

        Raises:
            DataError: the prompt asks nothing that this model could answer.
        """
        return json.dumps(list(self(asked_query(prompt))), ensure_ascii=False)


def train_rewriter(
    pairs: Pairs,
    texts: Sequence[str] = (),
    *,
    noise: float = 0.5,
    steps: int = 500,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
    vocab_size: int = 600,
    max_length: int = 24,
    most: int = 5,
    language: str = "en",
    seed: int = 0,
    progress: bool = False,
    **options: Any,
) -> SmallRewriter:
    """Train from random weights: half of a batch are pairs, drawn by weight, half are ``texts`` with a slip to undo.

    Few pairs can't teach a model to copy the words that are right; texts with one slip of the finger teach that, and
    spelling besides.

    Args:
        pairs: see ``Pairs``. texts: queries and titles of the shop, right as they are.
        noise: share of the batch that comes from ``texts`` (0 where there are none).
        steps … seed: of the training. max_length: tokens read and written. most: candidates per query.
        options: of ``language.training.fit``; so small a model gains nothing from bf16, which is off.

    Raises:
        ContractError: no pairs, weights of 0 or less, an unknown language, a noise outside 0–1.
    """
    if not pairs or min(pairs.values()) <= 0 or not 0 <= noise < 1 or language not in LANGUAGES:
        raise ContractError("a rewriter learns from pairs with weights above 0; noise lies in [0, 1)",
                            remedy="Pass reformulations(texts, chains(log), clicks)")  # fmt: skip
    whole = [(plain(a, language), plain(b, language)) for a, b in pairs]
    clean = [text for text in (plain(t, language) for t in texts) if len(text) > 3]
    everything = [*dict.fromkeys([text for pair in whole for text in pair] + clean)]
    tokenizer = train_tokenizer(everything, vocab_size, max_length=max_length)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EncoderDecoder(len(tokenizer), width, layers, heads, 4 * width, head_size=width // heads)
        model.tokens.weight.data.mul_(0.3)  # a tied head with torch's 1.0 would start too sure
    weights = np.array(list(pairs.values()), dtype=np.float64)
    batches = _batches(whole, weights / weights.sum(), clean, noise if clean else 0.0, batch_size, seed, tokenizer)
    history = fit(model, batches, rewrite_loss, steps=steps, learning_rate=learning_rate, seed=seed,
                  tag="rewriter", progress=progress, **{"autocast": False} | options)  # fmt: skip
    return SmallRewriter(model, tokenizer, history, language=language, most=most)


def rewrite_loss(model: EncoderDecoder, batch: tuple[dict[str, Tensor], dict[str, Tensor]]) -> Tensor:
    """Mean −log p(token of the rewrite | the query, the tokens before it), in nats, over all tokens but the first."""
    read, written = ({key: part.to(device_of(model)) for key, part in side.items()} for side in batch)
    ids, real = written["input_ids"], written["attention_mask"][:, 1:].bool()
    logits = model(read["input_ids"], ids[:, :-1], read["attention_mask"]).logits
    return cross_entropy(logits[real].float(), ids[:, 1:][real])


@torch.no_grad()
def beam(
    model: EncoderDecoder, read: Sequence[int], first: int, last: int, *, width: int = 5, limit: int = 24
) -> list[tuple[list[int], float]]:
    """The likeliest texts that a model writes after reading ids: each step keeps the ``width`` best beginnings.

    Source: Sutskever et al. 2014, §3.2; finished texts compete by their probability per token (Wu et al. 2016,
    https://arxiv.org/abs/1609.08144, §7, with α = 1), so that length costs nothing.

    Args:
        first, last: ids that begin and end a text. limit: tokens written at most.

    Returns:
        (ids without first and last, probability per token), best first.

    Raises:
        ContractError: width or limit below 1.
    """
    if width < 1 or limit < 1:
        raise ContractError(f"a beam of width {width} and {limit} tokens; both must be at least 1")
    model.eval()
    source = torch.tensor([list(read)], device=device_of(model))
    open_, scores, done = torch.full((1, 1), first, device=source.device), torch.zeros(1), []
    for length in range(1, limit + 1):
        logits = model(source.expand(len(open_), -1), open_).logits[:, -1].float().cpu()
        total = scores[:, None] + logits.log_softmax(dim=-1)
        best = total.flatten().topk(min(2 * width, total.numel()))
        rows, tokens = best.indices // total.shape[1], best.indices % total.shape[1]
        ended = tokens == last
        done += [(open_[r, 1:].tolist(), float(np.exp(s / length)))
                 for r, s in zip(rows[ended].tolist(), best.values[ended].tolist())]  # fmt: skip
        rows, tokens, scores = (part[~ended][:width] for part in (rows, tokens, best.values))
        open_ = torch.cat([open_[rows.to(open_.device)], tokens[:, None].to(open_.device)], dim=1)
        if len(done) >= 2 * width:
            break
    return sorted(done, key=lambda pair: (-pair[1], pair[0]))[:width]


def catalogue_queries(items: Dataset, *, per_item: int = 2, language: str = "en", seed: int = 0) -> list[str]:
    """Queries in the words of the catalogue: a product's leaf category with its brand or with one of its attributes.

    Raises:
        ContractError: no items table.
    """
    if not hasattr(items, "column_names"):
        raise ContractError("the catalogue is the items table of a shop", remedy="Pass shop.items")
    random, glue, found = generator(seed, "catalogue queries"), " " if language == "en" else "", []
    for category, brand, attributes in zip(*(items[name][:] for name in ("category", "brand", "attributes"))):
        leaf, named = category.split(" > ")[-1], [brand, *(entry["value"] for entry in attributes or ())]
        for value in random.choice(named, size=per_item):
            found.append(glue.join([str(value), leaf] if random.random() < 0.5 else [leaf, str(value)]))
    return found


def rewarded(rewriter: Rewriter, queries: Sequence[str]) -> dict[tuple[str, str], float]:
    """What a rewriter makes of queries where that gains, by how much: pairs for another round of training.

    Training again on the best of one's own candidates is the simplest way to let a reward shape a model (Dong et al.
    2023, "RAFT", https://arxiv.org/abs/2304.06767).
    """
    made = [rewriter.rewrite(query) for query in queries]
    return {(one.query, one.text): one.reward[1] - one.reward[0] for one in made if one.source}


def plain(text: str, language: str = "en") -> str:
    """The words of a text, without what stands between them: the tokenizer would not give it back as it was."""
    return " ".join(words(normalise(text, language)))


def slipped(text: str, random: np.random.Generator) -> str:
    """The text with one letter of it dropped, doubled, or swapped with the next."""
    at, how = int(random.integers(max(len(text) - 1, 1))), int(random.integers(3))
    a, b, rest = text[at : at + 1], text[at + 1 : at + 2], text[at + 2 :]
    return text[:at] + (b, a + a + b, b + a)[how] + rest


def _batches(
    pairs: list[tuple[str, str]], odds: np.ndarray, texts: list[str], noise: float, size: int, seed: int,
    tokenizer: PreTrainedTokenizerBase,
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:  # fmt: skip
    random, limit = generator(seed, "rewriter"), tokenizer.model_max_length
    while True:
        chosen = [pairs[row] for row in random.choice(len(pairs), size - round(noise * size), p=odds)]
        right = [texts[row] for row in random.integers(len(texts), size=round(noise * size))] if noise else []
        chosen += [(slipped(text, random), text) for text in right]
        yield tuple(pad(tokenize(tokenizer, side, limit), tokenizer.pad_token_id) for side in zip(*chosen))
