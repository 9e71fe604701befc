"""Type your own query: the page's tokens, vectors, scores and lists are those of ``course_lib``."""

import json
import subprocess
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.language.encoder import TextEncoder
from course_lib.language.tokenization import train_tokenizer
from course_lib.publishing.demos import assemble
from course_lib.publishing.demos.packing import dequantise, pack, quantise, unpack
from course_lib.publishing.demos.query import Engine, query_demo
from course_lib.publishing.demos.query_frame import frame
from course_lib.publishing.demos.query_index import index_parts
from course_lib.publishing.offline import find_node
from course_lib.search.analysis import analyser
from course_lib.shop.measurement import evaluate

ODD = [
    "", " ", "a", "Red  Running-Shoes!", "café CRÈME brûlée", "女士红色运动鞋", "XL-200/b, 12.5cm", "x" * 150, "red " * 200,
    "unknownium qqqq", "tab\tnew\nline\u200bzero\x00", "ΑΣ ΣΑΣ İstanbul ß", "[MASK] shoes [SEP]", "shoes £9 ½ ² ™ …", "the of and",
    "👟 shoes", "un\u0378assigned", "e\u0301te", "constructor __proto__ toString", "<b>bold</b> & \"quoted\"",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.simulate(n_items=200, n_users=60, n_queries=60, seed=0)


@pytest.fixture(scope="module")
def encoder(shop) -> TextEncoder:
    import torch

    tokenizer = train_tokenizer([*shop.item_texts, *shop.queries["text"][:]], 900, max_length=48)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                        intermediate_size=64, max_position_embeddings=48, initializer_range=0.3)  # fmt: skip
    torch.manual_seed(0)
    return TextEncoder(BertModel(config, add_pooling_layer=False), tokenizer, max_length=48, autocast=False)


@pytest.fixture(scope="module")
def engine(shop, encoder) -> Engine:
    return Engine.of(shop, encoder)


@pytest.fixture(scope="module")
def demo(shop, encoder, engine):
    return query_demo(shop, encoder, judged=range(0, 60, 2), engine=engine)


@pytest.fixture(scope="module")
def ask(demo, tmp_path_factory):
    """The page's answers to a list of texts."""
    folder = tmp_path_factory.mktemp("demo")
    names = ("openPayload", "openEncoder", "answer", "tokenize", "queryTerms")
    (folder / "query.mjs").write_text(assemble.as_module("query", exports=names), encoding="utf-8")
    (folder / "payload.bin").write_bytes(demo.payload)
    code = """import(process.argv[1]).then((m) => {
      const bytes = require("fs").readFileSync(process.argv[2]);
      const data = m.openPayload(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)), encoder = m.openEncoder(data);
      const asked = JSON.parse(require("fs").readFileSync(0));
      console.log(JSON.stringify(asked.map((text) => {
        const found = m.answer(text, data, encoder);
        return { ...found, vector: [...found.vector], grades: found.grades && [...found.grades] };
      })))
    })"""

    def answers(texts: list[str]) -> list[dict]:
        command = [find_node(), "-e", code, str(folder / "query.mjs"), str(folder / "payload.bin")]
        done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return answers


def tokens(encoder: TextEncoder, text: str) -> list[str]:
    ids = encoder.tokenizer(text, truncation=True, max_length=encoder.max_length)["input_ids"]
    return encoder.tokenizer.convert_ids_to_tokens(ids)


def test_tokens_and_vectors_agree(shop, encoder, engine, ask):
    texts = [*shop.queries["text"][:], *shop.items["title"][:40], *ODD]
    found = ask(texts)
    assert [one["tokens"] for one in found] == [tokens(encoder, text) for text in texts]
    vectors = np.array([one["vector"] for one in found])
    assert np.abs(vectors - engine.encoder.encode(texts)).max() < 1e-5
    rounding = np.abs(vectors - encoder.encode(texts)).max()
    assert 1e-4 < rounding < 0.2  # int8 is not the encoder that was trained, and not far from it


def test_lists_scores_and_ndcg_agree(shop, engine, ask):
    rows = list(range(60))
    texts, keys = shop.queries["text"][:], IdMap("query", shop.query_ids.take(rows))
    rankings = engine.search(texts, keys)
    for number, ranking in enumerate(rankings.values()):
        report = evaluate(ranking, shop.judgements, "ndcg@10")
        wanted = dict(zip(report.keys, report.per_query["ndcg@10"]))
        for row, found in enumerate(ask(texts)):
            ids, scores = ranking.ids[row, :10], ranking.scores[row, :10]
            assert [item for item, _ in found["lists"][number]] == ids[ids != PAD].tolist(), (number, texts[row])
            assert np.allclose([score for _, score in found["lists"][number]], scores[ids != PAD], atol=1e-5)
            judged = row % 2 == 0 and keys.ids[row] in wanted
            assert (found["ndcg"][number] is not None) == judged
            if judged:
                assert found["ndcg"][number] == pytest.approx(wanted[keys.ids[row]], abs=1e-6)


def test_odd_queries_find_what_course_lib_finds(engine, ask):
    texts = [text for text in dict.fromkeys(ODD) if text.strip()]
    rankings = list(engine.search(texts, IdMap("query", range(len(texts)))).values())
    for row, found in enumerate(ask(texts)):
        for number, ranking in enumerate(rankings):
            ids = ranking.ids[row, :10]
            assert [item for item, _ in found["lists"][number]] == ids[ids != PAD].tolist(), texts[row]
        assert found["grades"] is None and found["ndcg"] == [None] * 3
    assert ask([""])[0]["lists"] == [[], [], []]


def test_a_word_means_the_term_that_the_stemmer_says(shop):
    texts, queries = shop.item_texts, shop.queries["text"][:]
    words = index_parts(texts, queries)[0]["words"]
    terms_of, number = analyser("en"), {}
    for text in texts:
        for term in terms_of(text):
            number.setdefault(term, len(number))
    for text in (*texts, *queries):
        for word in text.lower().split():
            if word.isalpha() and len(word) > 1:
                terms = terms_of(word)
                assert words.get(word, None) == (number.get(terms[0]) if terms else -1), word
    for word in ("shoes", "shoe"):  # a form that nobody wrote is known as well
        assert words.get(word) == number.get(terms_of("shoe")[0])


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_int8_is_off_by_half_a_step_at_most(n, m, size, seed):
    matrix = np.random.default_rng(seed).normal(size=(n, m)).astype(np.float32) * np.float32(size)
    matrix[0] = 0
    whole, scale = quantise(matrix)
    assert whole.dtype == np.int8 and np.abs(whole.astype(int)).max() <= 127
    assert (np.abs(dequantise(whole, scale) - matrix) <= scale[:, None] * 0.501).all()
    again, _ = quantise(dequantise(whole, scale))
    assert (again == whole).all()  # rounding twice is rounding once


def test_a_pack_comes_back_as_it_was():
    arrays = {"a": np.arange(3, dtype=np.int8), "b": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3), "c": np.zeros(0, np.uint16)}
    meta, back = unpack(pack({"text": "红色 “shoes”"}, arrays))
    assert meta == {"text": "红色 “shoes”"} and all((back[name] == arrays[name]).all() for name in arrays)
    with pytest.raises(ContractError, match="x is float64"):
        pack({}, {"x": np.zeros(2)})


def test_the_first_frame_shows_what_the_page_would(shop, demo, ask):
    text = demo.state["q"]
    found = ask([text])[0]
    for language in ("en", "zh"):
        frame = unescape(demo.frames[language])
        for token in found["tokens"]:
            assert f"<li>{token}</li>" in frame
        for number, value in enumerate(found["ndcg"]):
            assert f'data-part="ndcg-{number}">NDCG@10 {value:.3f}<' in frame
            for item, score in found["lists"][number]:
                assert shop.items["title"][item] in frame and f"{score:,.{(2, 3, 4)[number]}f}" in frame
    assert len(demo.payload) < 400_000 and demo.state["url"] == ["q"]


def test_hostile_titles_stay_text(shop):
    evil = '<img src=x onerror=alert(1)> "shoe" \'s </script>'
    titles = [evil, *shop.items["title"][1:]]
    shown = {"tokens": [evil], "vector": np.ones(3), "lists": [[(0, 1.0)]] * 3, "ndcg": [1.0] * 3, "unknown": [evil]}
    made = frame("en", evil, [evil], titles, {0: 3}, **shown)
    assert "<img" not in made and "</script>" not in made and unescape(made).count(evil) >= 7


@pytest.mark.parametrize("given", [{"judged": []}, {"judged": [0, 2], "example": 1}])
def test_an_example_must_be_judged(shop, encoder, engine, given):
    with pytest.raises(ContractError, match="is no judged query"):
        query_demo(shop, encoder, engine=engine, **given)


def test_another_language_is_refused(encoder):
    with pytest.raises(ContractError, match="word index is English"):
        Engine.of(Shop.simulate(n_items=40, n_users=10, n_queries=10, seed=0, language="zh"), encoder)
