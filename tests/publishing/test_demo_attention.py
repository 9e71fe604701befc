"""Attention over a title: the page shows Python's numbers, and Python's are those of the library ``transformers``."""

import json
import subprocess
from html import unescape

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, tokenize
from course_lib.language.tokenization import train_tokenizer
from course_lib.language.transformers import from_bert
from course_lib.publishing.demos import assemble
from course_lib.publishing.demos.attention import attention_demo, look
from course_lib.publishing.demos.attention_frame import PLACES, goes, strongest, verdict, weights_of
from course_lib.publishing.demos.packing import unpack
from course_lib.publishing.offline import find_node

TITLES = ["light jacket for women", "bike light with <b>", "red red red", "a long title: red, light bottle without straw, 750 ml, for the bike"]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    tokenizer = train_tokenizer(TITLES * 3, 200, max_length=64)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
                        intermediate_size=48, max_position_embeddings=64, initializer_range=0.5)  # fmt: skip
    torch.manual_seed(0)
    model = BertModel(config, add_pooling_layer=False)
    model.set_attn_implementation("eager")
    return TextEncoder(model, tokenizer, autocast=False, device="cpu")


@pytest.fixture(scope="module")
def looked(encoder):
    rows, model = tokenize(encoder.tokenizer, TITLES, 64), from_bert(encoder.model)
    return [look(model, ids, text, encoder.tokenizer.convert_ids_to_tokens(ids)) for text, ids in zip(TITLES, rows)]


@pytest.fixture(scope="module")
def demo(encoder):
    return attention_demo(encoder, TITLES, title=3, layer=2, head=3, token=2)


@pytest.fixture(scope="module")
def in_page(demo, tmp_path_factory):
    """The value of an expression in the module: m, its titles, the demo's words for a language."""
    folder = tmp_path_factory.mktemp("demo")
    names = ("openLooks", "strongest", "goes", "verdict")
    (folder / "demo.mjs").write_text(assemble.as_module("attention", exports=names), encoding="utf-8")
    (folder / "payload.bin").write_bytes(demo.payload)
    (folder / "words.json").write_text(json.dumps(demo.state["words"]), encoding="utf-8")

    def value(expression: str) -> object:
        code = f"""import(process.argv[1]).then((m) => {{
          const fs = require("fs"), bytes = fs.readFileSync(process.argv[2]), words = JSON.parse(fs.readFileSync(process.argv[3]));
          const titles = m.openLooks(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
          const model = (language) => ({{ get: (key) => ({{ words, language }})[key] }});
          console.log(JSON.stringify({expression}));
        }})"""
        files = [str(folder / name) for name in ("demo.mjs", "payload.bin", "words.json")]
        done = subprocess.run([find_node(), "-e", code, *files], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return value


@torch.no_grad()
def test_attention_is_that_of_the_library_within_1e_4(encoder, looked):
    for one, ids in zip(looked, tokenize(encoder.tokenizer, TITLES, 64)):
        theirs = torch.stack(encoder.model(torch.tensor([ids]), output_attentions=True).attentions)[:, 0].numpy()
        assert one.attention.shape == theirs.shape == (3, 4, len(ids), len(ids))
        for layer in range(1, 4):
            assert np.abs(weights_of(one, layer, 0) - theirs[layer - 1].mean(0)).max() < 1e-5
            for head in range(1, 5):
                assert np.abs(weights_of(one, layer, head) - theirs[layer - 1, head - 1]).max() < 1e-5


@torch.no_grad()
def test_what_moves_is_what_the_library_says_of_the_shorter_title(encoder, looked):
    for one, ids in zip(looked, tokenize(encoder.tokenizer, TITLES, 64)):
        whole = encoder.model(torch.tensor([ids])).last_hidden_state[0]
        assert np.isnan(one.moved[:, [0, -1]]).all() and np.isnan(one.title_moved[[0, -1]]).all()
        for j in range(1, len(ids) - 1):
            short = encoder.model(torch.tensor([ids[:j] + ids[j + 1 :]])).last_hidden_state[0]
            cosine = torch.nn.functional.cosine_similarity
            assert np.isnan(one.moved[j, j])
            for i in range(len(ids)):
                if i != j:
                    wanted = 1 - cosine(whole[i], short[i - (i > j)], dim=0).item()
                    assert one.moved[i, j] == pytest.approx(wanted, abs=1e-5)
            wanted = 1 - cosine(whole.mean(0), short.mean(0), dim=0).item()
            assert one.title_moved[j] == pytest.approx(wanted, abs=1e-5)


def test_the_page_has_pythons_numbers_within_1e_4(in_page, looked):
    for at, (one, found) in enumerate(zip(looked, in_page("titles"))):
        assert found["tokens"] == one.tokens
        # JSON has no NaN: it comes out as null, which becomes NaN again
        assert np.allclose(np.array(found["moved"], dtype=float), one.moved, atol=1e-6, equal_nan=True)
        assert np.allclose(np.array(found["titleMoved"], dtype=float), one.title_moved, atol=1e-6, equal_nan=True)
        layers = in_page(f"[1, 2, 3].map((layer) => [0, 1, 2, 3, 4].map((head) => titles[{at}].weights(layer, head)))")
        wanted = [[weights_of(one, layer, head) for head in range(5)] for layer in range(1, 4)]
        assert np.abs(np.array(layers) - wanted).max() < 1e-12  # the rounding to 1/65,535 was in Python, too


def test_sentence_and_shares_are_the_same_in_both(in_page, looked):
    for at, one in enumerate(looked):
        for language in ("en", "zh"):
            for head in (0, 4):
                weights, n = weights_of(one, 2, head), len(one.tokens)
                made = in_page(f"(() => {{ const w = titles[{at}].weights(2, {head}); return "
                               f"[m.goes(w), w.map((_, i) => m.verdict(model('{language}'), titles[{at}], w, i))]; }})()")  # fmt: skip
                assert np.allclose(made[0], goes(weights), atol=1e-9) and sum(made[0]) == pytest.approx(1, abs=1e-3)
                assert made[1] == [verdict(language, one, weights, i) for i in range(n)]


def test_what_is_counted_is_right_by_hand(looked):
    one = looked[0]._replace(tokens=["[CLS]", "a", "b", "c", "[SEP]"])
    back = np.eye(5, k=-1)  # everybody looks one place back, and the first at nobody
    assert goes(back) == pytest.approx([1 / 3, 0, 2 / 3, 0, 0]) and len(PLACES) == 5
    assert strongest(np.array([9, 1, 5, 5, 9]), 0) == 2 and strongest(np.array([9, 1, 5, 2, 9]), 2) == 3
    assert strongest(np.array([9, np.nan, 5, 7, np.nan]), 1) == 3
    moved = np.full((5, 5), np.nan)
    moved[:, 1:4] = [0.1, 0.2, 0.3]  # c matters most for all others, and b for c
    said = verdict("en", one._replace(moved=moved), back, 2)
    assert said.startswith("“b” takes most from “a” (100 %). Take “a” away, and the vector of “b” moves by 0.100. It moves further, by 0.300")
    assert "agree for 1 of the 3 tokens" in said and "for 1.5 on average" in said
    assert "Here the two agree" in verdict("en", one._replace(moved=moved), back, 3)


def test_the_first_frame_is_whole_and_its_data_light(demo, looked):
    one, weights = looked[3], weights_of(looked[3], 2, 3)
    for language in ("en", "zh"):
        frame = demo.frames[language]
        assert verdict(language, one, weights, 2) in unescape(frame)
        assert frame.count('type="radio"') == len(one.tokens) and frame.count("<tr") == 1 + len(one.tokens)
        for name in ("form", "controls", "title", "layer", "head", "tokens", "chips", "verdict", "goes", "rows", "status", "caption"):
            assert frame.count(f'data-part="{name}"') == 1, name
        assert f"<td>{weights[2, 1]:.3f}</td><td>{one.moved[2, 1]:.3f}</td><td>{one.title_moved[1]:.3f}</td>" in frame
    assert "<b>" not in demo.frames["en"].partition("goes")[0] and "bike light with &lt;b&gt;" in demo.frames["en"]
    assert demo.state["url"] == ["title", "layer", "head", "token"] and "NaN" not in json.dumps(dict(demo.state))
    meta, arrays = unpack(demo.payload)
    entries = sum(len(tokens) ** 2 for tokens in meta["tokens"])
    assert arrays["attention"].size == 12 * entries and arrays["moved"].size == entries
    assert len(demo.payload) < 2 * 12 * entries + 4 * entries + 4_000


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"titles": []}, "at least one title"),
        ({"titles": "light jacket"}, "at least one title"),
        ({"titles": ["light jacket for women", "x"]}, "'x' is too short"),
        ({"title": 4}, "title is 4"),
        ({"layer": 0}, "layer is 0"),
        ({"head": 5}, "head is 5"),
        ({"token": -1}, "token is -1"),
        ({"token": 99}, "token is 99"),
    ],
)
def test_what_can_not_be_shown_is_refused(encoder, given, says):
    with pytest.raises(ContractError, match=says):
        attention_demo(encoder, **{"titles": TITLES, **given})


def test_another_kind_of_model_is_refused(encoder):
    other = encoder.copy()
    other.model.config.model_type = "roberta"
    with pytest.raises(ContractError, match="not a bert model"):
        attention_demo(other, TITLES)


@pytest.mark.browser
def test_the_widget_begins_with_an_empty_element_and_has_its_data(demo, looked, reader):
    """As ``anywidget`` calls it: no frame in the element, the payload at hand, nothing to load."""
    state = json.dumps({**demo.state, "language": "en", "frame": demo.frames["en"]})
    reader.set_content('<div id="here"></div>')
    reader.add_script_tag(type="module", content=assemble.as_module("attention").replace("export default", "window.demo ="))
    reader.wait_for_function("window.demo")
    reader.evaluate(
        """([state, bytes]) => {
          const values = { ...JSON.parse(state), payload: new DataView(new Uint8Array(bytes).buffer) }, listeners = {};
          window.model = { get: (key) => values[key], on: (event, call) => { listeners[event] = call; }, save_changes() {},
            set(key, value) { const old = values[key]; values[key] = value; if (old !== value) listeners[`change:${key}`]?.(); } };
          window.demo.render({ model: window.model, el: document.getElementById("here") });
        }""",
        [state, list(demo.payload)],
    )
    verdicts, status = reader.locator("[data-part=verdict]"), reader.locator("[data-part=status]")
    assert verdicts.inner_text() == verdict("en", looked[3], weights_of(looked[3], 2, 3), 2)
    reader.locator("[data-part=title]").select_option("1")
    reader.locator("[data-part=chips] label", has_text="<").first.click()  # a title that would be markup stays text
    place = looked[1].tokens.index("<")
    wanted = verdict("en", looked[1], weights_of(looked[1], 2, 3), place)
    reader.wait_for_function("text => document.querySelector('[data-part=verdict]').textContent === text", arg=wanted)
    assert status.inner_text() == "" and reader.locator("[data-part=rows] tr").count() == len(looked[1].tokens)
    reader.evaluate("() => { model.set('head', 0); }")  # from Python
    wanted = verdict("en", looked[1], weights_of(looked[1], 2, 0), place)
    reader.wait_for_function("text => document.querySelector('[data-part=verdict]').textContent === text", arg=wanted)
