"""The small rewriter, the hub adapter, the local server and the strict search, each held against something else."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from course_lib import Shop
from course_lib.core.errors import ContractError, DataError
from course_lib.core.seeds import generator
from course_lib.language.encoder import save_transformer, tokenize
from course_lib.language.pretraining import small_gpt
from course_lib.language.tokenization import train_tokenizer
from course_lib.search import analysis
from course_lib.search.understanding import (
    ChatEndpoint,
    ModelSource,
    RecordedModel,
    Rewriter,
    dropped_source,
    edit_distance,
    normalise,
    record,
    reformulations,
    rewrite_prompt,
    words,
)
from course_lib.search.understanding.endpoint import asked_query
from course_lib.search.understanding.hub import HubModel
from course_lib.search.understanding.normalise import HAN
from course_lib.search.understanding.seq2seq import beam, catalogue_queries, plain, rewarded, slipped, train_rewriter
from course_lib.search.understanding.serving import serve
from course_lib.search.understanding.strict import AllWords

PAIRS = {("hoover", "vacuum cleaner"): 3, ("buy lamp", "lamp"): 2, ("brolly", "umbrella"): 1}
TINY = {"steps": 80, "batch_size": 12, "width": 32, "layers": 1, "vocab_size": 120, "max_length": 20}


@pytest.fixture(scope="module")
def model():
    return train_rewriter(PAIRS, ["lamp", "vacuum cleaner", "umbrella"], noise=0.25, **TINY)


# -- the strict search


def naive(texts, query):
    rows = [r for r, text in enumerate(texts) if query.split() and set(query.split()) <= set(text.split())]
    share = {r: sum(texts[r].split().count(w) for w in set(query.split())) / len(texts[r].split()) for r in rows}
    return sorted(rows, key=lambda r: (-round(share[r], 9), r))


def test_the_strict_search_is_that_of_a_full_scan():
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list("abcdef"), size=random.integers(1, 8))) for _ in range(60)]
    queries = [" ".join(random.choice(list("abcdefg"), size=random.integers(0, 4))) for _ in range(60)]
    search = AllWords(texts, str.split)
    assert search.search(queries, k=100) == [naive(texts, query) for query in queries]
    assert search.search(queries, k=2) == [naive(texts, query)[:2] for query in queries]
    assert AllWords(["a b"], str.split, lambda text: text.upper().split()).search(["a"]) == [[]]


@pytest.mark.parametrize(
    "wrong", [lambda: AllWords([], str.split), lambda: AllWords("ab", str.split),
              lambda: AllWords(["a"], str.split).search("a"), lambda: AllWords(["a"], str.split).search(["a"], k=0)],
)  # fmt: skip
def test_a_strict_search_refuses_what_it_cant_search(wrong):
    with pytest.raises(ContractError):
        wrong()


# -- the small model


def test_it_writes_what_it_was_taught(model):
    assert next(iter(model("hoover"))) == "vacuum cleaner" and next(iter(model("Buy  LAMP"))) == "lamp"
    assert model.history.loss[-1] < model.history.loss[0] / 2
    assert all(0 < weight <= 1 for weight in model("hoover").values())
    assert list(model("hoover").values()) == sorted(model("hoover").values(), reverse=True)


def test_the_same_seed_gives_the_same_model(model):
    twin = train_rewriter(PAIRS, ["lamp", "vacuum cleaner", "umbrella"], noise=0.25, **TINY)
    assert twin.history.loss == model.history.loss and twin("brolly") == model("brolly")


def test_a_beam_as_wide_as_all_texts_finds_the_likeliest(model):
    """Oracle: the probability of every text of at most two tokens, by one pass over each."""
    ids = tokenize(model.tokenizer, ["hoover"], 20)[0]
    first, last, v = model.tokenizer.cls_token_id, model.tokenizer.sep_token_id, len(model.tokenizer)
    others = [t for t in range(v) if t != last]
    every = [[], *([t] for t in others)]
    written = [[first, *t, last] for t in every]
    value = {}
    for tokens in written:
        with torch.no_grad():
            logits = model.model(torch.tensor([ids]), torch.tensor([tokens[:-1]])).logits[0].log_softmax(-1)
        value[tuple(tokens[1:-1])] = float(logits[range(len(tokens) - 1), tokens[1:]].sum()) / (len(tokens) - 1)
    found = beam(model.model, ids, first, last, width=v, limit=2)
    best = sorted(value, key=value.get, reverse=True)
    assert [tuple(t) for t, _ in found[:3]] == best[:3]
    assert math.isclose(found[0][1], math.exp(value[best[0]]), rel_tol=1e-4)


def test_a_slip_is_one_edit_at_most():
    random = generator(0, "slips")
    for text in ["shoes", "red shoes", "ab", "a", ""] * 40:
        assert edit_distance(text, slipped(text, random)) <= 1


@pytest.mark.parametrize("text", ["", "\x00", "👟 " * 9, "a" * 100_000, "red " * 20_000, "' OR 1=1 --", "鞋" * 5_000])
def test_hostile_queries_pass(model, text):
    found = model(text)
    assert len(found) <= model.most and all(isinstance(one, str) and one for one in found)


def test_chinese_comes_back_without_gaps():
    own = train_rewriter({("球鞋", "运动鞋"): 1, ("手机套", "手机壳"): 1}, language="zh", noise=0, **TINY)
    assert next(iter(own("球鞋"))) == "运动鞋" and next(iter(own("手机套"))) == "手机壳"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: train_rewriter({}), lambda: train_rewriter({("a", "b"): 0}), lambda: train_rewriter(PAIRS, noise=1),
        lambda: train_rewriter(PAIRS, language="fr"), lambda: catalogue_queries(["a"]),
        lambda: reformulations(["a"], {}, csr_matrix((2, 2))),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_one_line(wrong):
    with pytest.raises(ContractError) as caught:
        wrong()
    assert "\n" not in str(caught.value)


def test_only_reformulations_that_were_clicked_are_learned_from():
    steps = {(0, 1): 2, (0, 2): 5, (1, 0): 1}
    assert reformulations(["a", "b", "c"], steps, csr_matrix([[0, 0], [3, 0], [0, 0]])) == {("a", "b"): 2.0}


def test_queries_of_the_catalogue_name_what_a_product_has():
    shop = Shop.simulate(n_items=60, n_users=20, n_queries=40, events_per_user=10, seed=1)
    made = catalogue_queries(shop.items, per_item=1)
    assert len(made) == 60 and made == catalogue_queries(shop.items, per_item=1)
    for item, query in zip(shop.items, made):
        leaf, values = item["category"].split(" > ")[-1], [item["brand"], *(a["value"] for a in item["attributes"])]
        assert query in [p for value in values for p in (f"{value} {leaf}", f"{leaf} {value}")]


def test_the_reward_chooses_what_is_learned_next(model):
    reward = lambda query, texts: [float(text == "umbrella") for text in texts]  # noqa: E731
    rewriter = Rewriter({"model": model, "drop": dropped_source()}, None, reward)
    assert rewarded(rewriter, ["brolly", "hoover", "umbrella"]) == {("brolly", "umbrella"): 1.0}


# -- prompts, a server on this machine, a record


def test_the_query_of_a_prompt_comes_back_whatever_it_is():
    for query in ("red shoes", 'a "quoted"\nQuery: "trap"', "女士运动鞋", "", "\\"):
        assert asked_query(rewrite_prompt(query)) == query
    for prompt in ("", "Query: red", rewrite_prompt("x") + "]", "\nQuery: 3"):
        with pytest.raises(DataError):
            asked_query(prompt)


def test_the_small_model_is_asked_through_the_same_client_as_any_other(model, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    prompts = [rewrite_prompt("hoover"), rewrite_prompt("brolly")]
    with serve(model) as base:
        endpoint = ChatEndpoint(base, model.name, key_variable="NO_SUCH_KEY", timeout=30, attempts=1)
        kept = record(endpoint, prompts, tmp_path / "replies.json")
        with pytest.raises(DataError, match="422"):
            endpoint.complete("tell me a joke")
        for path, body in (("/chat/completions", b"{"), ("/elsewhere", b'{"messages": [{"content": "x"}]}')):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(urllib.request.Request(base + path, body, method="POST"), timeout=30)
    with pytest.raises(DataError):  # the server is gone
        endpoint.complete(prompts[0])
    assert kept.name == model.name
    source = ModelSource(RecordedModel(tmp_path / "replies.json"))
    assert list(source("hoover")) == list(model("hoover")) and not source.failed
    assert json.loads(kept.complete(prompts[1]))[0] == "umbrella"


# -- a model by hub name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT with random weights and a chat template, saved as the hub's models are."""
    path = tmp_path_factory.mktemp("models") / "tiny-instruct"
    path.mkdir()
    tokenizer = train_tokenizer(["write up to 5 other queries for the same product"], 120)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    save_transformer(path, small_gpt(len(tokenizer), layers=1, hidden=16, heads=2, max_length=256), tokenizer)
    (path / "chat_template.jinja").write_text(tokenizer.chat_template, encoding="utf-8")
    return path


def test_a_saved_model_answers_the_same_each_time(folder):
    model = HubModel(str(folder), max_tokens=8, device="cpu")
    said = model.complete(rewrite_prompt("lamp")[:200])
    assert isinstance(said, str) and said == model.complete(rewrite_prompt("lamp")[:200])
    assert (model.name, repr(model)) == ("tiny-instruct", "HubModel('tiny-instruct')")
    assert not ModelSource(model)("lamp")  # random weights write no list: no candidate, and no error


def test_what_is_not_here_is_told_in_one_line(folder, tmp_path):
    for name in ("nobody/no-such-model", str(tmp_path)):
        with pytest.raises(DataError) as caught:
            HubModel(name)
        assert "\n" not in str(caught.value) and "download=True" in str(caught.value)
    (folder / "chat_template.jinja").rename(tmp_path / "kept")
    try:
        with pytest.raises(DataError, match="chat template"):
            HubModel(str(folder))
    finally:
        (tmp_path / "kept").rename(folder / "chat_template.jinja")
    for wrong in ("", None):
        with pytest.raises(ContractError):
            HubModel(wrong)
    with pytest.raises(ContractError):
        HubModel(str(folder)).complete(3)


# -- the branch


def test_both_lists_of_han_characters_are_the_same():
    """``normalise`` can't import ``analysis``, which loads bm25s: a query must be understood without it."""
    assert HAN == analysis._HAN


def test_words_survive_being_made_plain():
    for text in ("T-shirt, size XL", "2.5 kg", "女士 运动鞋"):
        assert words(plain(text)) == words(normalise(text)) and not re.search(r"[^\w ]", plain(text))


def test_the_package_stays_light_although_its_models_are_not():
    code = "import sys, course_lib.search.understanding as u\n"
    code += "print('torch' in sys.modules, hasattr(u, 'SmallRewriter'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"], done.stderr
