"""The contest among a few: the page computes what Python computes, and Python what SciPy computes."""

import json
import re
import subprocess
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from course_lib.core.errors import ContractError
from course_lib.publishing.demos import assemble, sampled
from course_lib.publishing.offline import find_node
from course_lib.shop.measurement.exhibits.sampled import sampled_hit, sharp_and_vague


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    file = tmp_path_factory.mktemp("demo") / "sampled.mjs"
    file.write_text(assemble.as_module("sampled", exports=("curves", "verdict", "say")), encoding="utf-8")
    return file


def in_page(module, expression: str, given: object) -> object:
    code = f"import(process.argv[1]).then(m => {{ const g = JSON.parse(process.argv[2]); console.log(JSON.stringify({expression})) }})"
    done = subprocess.run([find_node(), "-e", code, str(module), json.dumps(given)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_page_agrees_with_python(module):
    asked = [
        {"items": n, "share": share, "k": k, "metric": metric, "grid": sampled.grid(n), "ranges": sampled.ranges(n)}
        for n, share, k, metric in [(10_000, 30, 10, "hit"), (10_000, 55, 20, "ndcg"), (1_100, 0, 1, "hit"), (40_000, 100, 5, "ndcg")]
    ]
    for one, found in zip(asked, in_page(module, "g.map((one) => m.curves(one, {}))", asked)):
        wanted = sampled.contest_curves(one["items"], share=one["share"], k=one["k"], metric=one["metric"])
        for name in "ab":
            assert np.allclose(found[name], wanted[name], atol=1e-7), (one["items"], name)


@given(st.integers(1_100, 4_000), st.sampled_from(sampled.CUTS), st.data())
@settings(max_examples=25, deadline=None)
def test_python_agrees_with_scipy_and_with_the_taught_function(n, k, data):
    m = data.draw(st.sampled_from(sampled.grid(n)))
    at, (low, high) = sampled.grid(n).index(m), sampled.ranges(n)["vague"]
    ranks = np.arange(low, high + 1)
    gains = 1 / np.log2(np.arange(k) + 2)
    ndcg = (hypergeom.pmf(np.arange(k), n - 1, ranks[:, None] - 1, m) @ gains).mean()
    assert sampled.contest_curves(n, share=30, k=k, metric="ndcg")["b"][at] == pytest.approx(ndcg, abs=1e-9)
    hit = sampled_hit(ranks, n, m, k).mean()
    assert sampled.contest_curves(n, share=30, k=k, metric="hit")["b"][at] == pytest.approx(hit, abs=1e-9)


def test_it_is_the_mean_of_what_the_exhibit_draws():
    sharp, vague = sharp_and_vague(40_000)
    found = sampled.contest_curves(10_000, share=30, k=10, metric="hit")
    for m in (20, 100, 1_000, 9_999):
        at = sampled.grid(10_000).index(m)
        for name, ranks in (("a", sharp), ("b", vague)):
            assert found[name][at] == pytest.approx(sampled_hit(ranks, 10_000, m, 10).mean(), abs=0.01)


def test_a_lost_product_stands_anywhere_so_its_place_among_few_is_even():
    found = sampled.contest_curves(2_000, share=0, k=10, metric="hit")["a"]
    assert np.allclose(found, [min(1, 10 / (m + 1)) for m in sampled.grid(2_000)], atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sampled": 100, "k": 10}, "The contest names the wrong winner"),
        ({"sampled": 5_000}, "So it does in the whole shop"),
        ({"sampled": 9_999}, "No product was left out"),
        ({"sampled": 9_999, "share": 0, "k": 1}, "level"),
        ({"sampled": 100, "share": 0, "k": 1}, "can't tell the methods apart"),
    ],
)
def test_the_sentence_is_the_same_in_both(module, settings, says):
    demo = sampled.contest_demo(**settings)
    state = dict(demo.state)
    for language in ("en", "zh"):
        found = sampled.contest_curves(10_000, share=state["share"], k=state["k"], metric=state["metric"])
        wanted = sampled.verdict(state, found, language)
        model = "{ get: (key) => ({ ...g, language: '%s' })[key] }" % language
        assert in_page(module, f"m.verdict({model}, g, m.curves(g, {{}}))", state) == wanted
        assert wanted in unescape(demo.frames[language])
    assert says in sampled.verdict(state, found, "en")


def test_the_first_frame_is_whole():
    frame = sampled.contest_demo().frames["en"]
    assert frame.count("<tr") == 1 + len(sampled.grid(10_000)) and "hidden" in re.search("<div[^>]*controls[^>]*>", frame)[0]
    for name in ("controls", "picture", "rows", "verdict", "at", "at-value", "share", "share-value", "k", "metric"):
        assert frame.count(f'data-part="{name}"') == 1, name
    assert re.search(r'<svg[^>]* role="img" aria-label="[^"]+wrong winner', frame)


@pytest.mark.parametrize("wrong", [{"n_items": 500}, {"sampled": 101}, {"k": 3}, {"metric": "mrr"}, {"share": 101}])
def test_other_settings_are_refused(wrong):
    with pytest.raises(ContractError, match=next(iter(wrong))):
        sampled.contest_demo(**wrong)
