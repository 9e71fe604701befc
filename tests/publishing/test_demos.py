"""Demos: one module for two hosts, a first frame that needs no script, data that a page loads when it is asked."""

import base64
import json
import re
import subprocess

import pytest

from course_lib.core.errors import ContractError
from course_lib.publishing.demos import Demo, assemble, site
from course_lib.publishing.demos.base import BOOK, MAX_PAYLOAD
from course_lib.publishing.offline import find_node

FRAMES = {"en": "<div><p>first <b>frame</b></p></div>", "zh": "<p>第一帧</p>"}
HOST = "course_lib/publishing/static/demo-host.js"


def node(code: str, *files: str) -> object:
    done = subprocess.run([find_node(), "-e", code, *files], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def demo(**more) -> Demo:
    return Demo("sampled", FRAMES, **{"state": {"k": 10, "url": ["k"]}, **more})


@pytest.mark.parametrize("name", assemble.names())
def test_the_pieces_make_a_module_and_a_script(name, tmp_path):
    module, script = tmp_path / "demo.mjs", tmp_path / "demo.js"
    module.write_text(assemble.as_module(name), encoding="utf-8")
    script.write_text(assemble.as_script(name), encoding="utf-8")
    assert node("import(process.argv[1]).then(m => console.log(JSON.stringify(typeof m.default.render)))", str(module)) == "function"
    code = "global.window = {}; require(process.argv[1]); console.log(JSON.stringify(Object.keys(window.courseDemos)))"
    assert node(code, str(script)) == [name]
    assert not re.search(r"^\s*(import|export)\b", assemble.source(name), re.MULTILINE)
    assert "innerHTML" not in assemble.source(name)  # texts of a shop or of a reader never become markup
    assert ".course-demo" in assemble.style(name)


@pytest.mark.parametrize("name", ["", "shared", "nobody", "../static", "sampled/.."])
def test_an_unknown_demo_is_named(name):
    with pytest.raises(ContractError, match="there is no demo .*known are .*sampled"):
        assemble.as_module(name)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"state": {"payload": 1}}, "the host itself uses payload"),
        ({"state": {"x": {1, 2}}}, "the state is no JSON"),
        ({"state": {"x": float("nan")}}, "the state is no JSON"),
        ({"payload": bytes(MAX_PAYLOAD)}, "the payload is 2,666,668 characters"),
        ({"frames": {"en": "x"}}, "no first frame in zh"),
        ({"frames": {"en": " ", "zh": "x"}}, "no first frame in en"),
    ],
)
def test_what_is_no_demo_is_refused(given, says):
    with pytest.raises(ContractError, match=says):
        Demo(**{"name": "sampled", "frames": FRAMES, **given})


def test_a_state_can_not_break_out_of_its_element():
    evil = "</script><script>alert(1)</script><!--"
    html = demo(state={"text": evil, "url": []}).html()
    assert html.count("</script>") == 1
    kept = re.search(r'class="course-demo-state">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(kept)["text"] == evil


def test_a_page_gets_its_language_and_the_data_beside_it(tmp_path):
    body = f"<p>before</p>{demo(payload=b'data').html()}<p>between</p>{demo().html()}<p>after</p>"
    for language, shown, hidden in (("en", "first <b>frame</b>", "第一帧"), ("zh", "第一帧", "first")):
        made, names = site.adapt(body, language, tmp_path / language, "../../")
        assert names == ["sampled"] and made.count(shown) == 2 and hidden not in made
        assert made.startswith("<p>before</p>") and "<p>between</p>" in made and made.endswith("<p>after</p>")
        assert 'hidden>' not in made and base64.b64encode(b"data").decode() not in made
        file = re.search(r'data-payload="\.\./\.\./([^"]+)"', made)[1]
        assert base64.b64encode(b"data").decode() in (tmp_path / language / file).read_text()
        assert made.count("data-payload") == 1 and made.count('class="course-demo-state"') == 2
        assert made.count("<div") == made.count("</div>")
    assert site.adapt("<p>no demo</p>", "en", tmp_path, "") == ("<p>no demo</p>", [])


def test_the_book_shows_html_and_jupyterlab_a_widget(monkeypatch):
    monkeypatch.setenv(BOOK, "1")
    assert set(demo()._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert "course-demo-payload" in demo(payload=b"12")._repr_mimebundle_()["text/html"]
    monkeypatch.delenv(BOOK)
    shown = demo(payload=b"12")._repr_mimebundle_()
    assert "course-demo-payload" not in shown["text/html"]  # the widget brings it
    assert "application/vnd.jupyter.widget-view+json" in shown and "course-demo-frame" in shown["text/html"]
    widget = demo(payload=b"12").widget()
    assert (widget.k, widget.payload, widget.language, widget.frame) == (10, b"12", "en", FRAMES["en"])
    assert "renderDemo" in widget._esm and ".course-demo" in widget._css
    monkeypatch.setenv("COURSE_LANG", "zh")
    assert demo().widget().frame == FRAMES["zh"] and 'lang="en" hidden' in demo().html()
    assert repr(demo(payload=b"12")) == "[demo: sampled, 2 bytes of data]"


def test_without_anywidget_the_first_frame_is_shown(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "anywidget", None)
    monkeypatch.delenv(BOOK, raising=False)
    assert set(demo()._repr_mimebundle_()) == {"text/html", "text/plain"}
    with pytest.raises(ContractError, match="anywidget is not installed"):
        demo().widget()


def test_the_address_keeps_what_differs_and_reads_it_again():
    code = f"""
      const h = require("./{HOST}"), first = {{ q: "red shoes", k: 10, url: ["q", "k"] }};
      const read = (search) => h.readAddress(search, "query", first);
      console.log(JSON.stringify({{
        written: h.writeAddress("?track=business&query-k=5", "query", {{ ...first, q: "50% & <b>" }}, first),
        back: read("?query-q=" + encodeURIComponent("50% & <b>") + "&query-k=20"),
        nothing: h.writeAddress("", "query", first, first),
        odd: [read("?query-k=ten"), read("?query-k="), read("?query-k=Infinity"), read("?k=5&q=x"), read("?other-k=5")],
        long: read("?query-q=" + "x".repeat(5000)).q.length,
      }}))"""
    told = node(code)
    assert told["written"] == "?track=business&query-q=50%25+%26+%3Cb%3E" and told["nothing"] == ""
    assert told["back"] == {"q": "50% & <b>", "k": 20}
    assert told["odd"] == [{}] * 5 and told["long"] == 200


def test_the_model_tells_its_listeners_once_per_change():
    code = f"""
      const h = require("./{HOST}"), saved = [], seen = [];
      const model = h.makeModel({{ k: 1 }}, null, (values) => saved.push(values.k));
      const listener = () => seen.push(model.get("k"));
      model.on("change:k", listener); model.set("k", 1); model.set("k", 2); model.save_changes();
      model.off("change:k", listener); model.set("k", 3);
      const bytes = h.bytesOf("{base64.b64encode(bytes(range(256))).decode()}");
      console.log(JSON.stringify({{ saved, seen, none: model.get("other"), last: bytes.getUint8(255), n: bytes.byteLength }}))"""
    assert node(code) == {"saved": [2], "seen": [2], "none": None, "last": 255, "n": 256}
