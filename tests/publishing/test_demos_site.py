"""The demos in the built site, as a reader uses them: by hand, by keyboard, from a folder, and without scripts."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"
MEASUREMENT = "book/shop/measurement.html"
FIRST_HOUR = "book/start/first_hour.html"
TRANSFORMERS = "book/language/transformers.html"
pytestmark = [
    pytest.mark.site,
    pytest.mark.browser,
    pytest.mark.skipif(not (SITE / "zh" / "index.html").is_file(), reason="no built site: run make book first"),
]


def opened(reader, page: str, search: str = "", demo: str = "sampled"):
    """The demo's element on a page of the site, opened from its folder."""
    reader.goto((SITE / page).as_uri() + search)
    return reader.locator(f'.course-demo[data-demo="{demo}"]')


@pytest.mark.parametrize(("edition", "turned", "same"), [("", "wrong winner", "So it does"), ("zh/", "选错了赢家", "也是它")])
def test_a_contest_changes_with_its_sliders_and_stays_in_the_address(reader, edition, turned, same):
    demo = opened(reader, edition + MEASUREMENT)
    verdict, others = demo.locator('[data-part="verdict"]'), demo.get_by_role("slider").first
    assert turned in verdict.inner_text()
    first = demo.locator('[data-part="line-a"]').get_attribute("d")
    others.focus()
    reader.keyboard.press("End")
    for _ in range(2):
        reader.keyboard.press("ArrowLeft")
    assert same in verdict.inner_text() and others.get_attribute("aria-valuetext") == "5,000"
    demo.locator('[data-part="metric"]').select_option("ndcg")
    assert demo.locator('[data-part="line-a"]').get_attribute("d") != first
    assert "ndcg@10" in demo.get_by_role("img").get_attribute("aria-label")
    said = verdict.inner_text()
    assert "sampled-metric=ndcg" in reader.url
    reader.reload()
    assert demo.locator('[data-part="verdict"]').inner_text() == said


@pytest.mark.parametrize("odd", ["sampled-at=999", "sampled-at=-3", "sampled-k=3", "sampled-metric=<b>", "sampled-share=1e9"])
def test_an_odd_address_harms_nothing(reader, odd):
    demo = opened(reader, MEASUREMENT, f"?{odd}")
    assert demo.get_by_role("slider").first.is_visible() and demo.locator('[data-part="verdict"]').inner_text()


def test_nothing_moves_when_the_script_begins(reader, chromium):
    """The first frame is what the script draws."""
    context = chromium.new_context(java_script_enabled=False, offline=True, viewport={"width": 1000, "height": 800})
    still = opened(context.new_page(), MEASUREMENT)
    live = opened(reader, MEASUREMENT)
    for part in ("verdict", "line-a", "line-b", "dot-a", "line-at", "rows"):
        one, other = (demo.locator(f'[data-part="{part}"]') for demo in (still, live))
        assert one.text_content() == other.text_content()
        assert [one.get_attribute(name) for name in ("d", "transform")] == [other.get_attribute(name) for name in ("d", "transform")]
    assert not still.get_by_role("slider").first.is_visible() and still.locator('[data-part="verdict"]').is_visible()
    context.close()


@pytest.mark.parametrize(("edition", "unjudged"), [("", "Nobody judged"), ("zh/", "没有标注")])
def test_a_query_is_answered_in_the_page(reader, edition, unjudged):
    demo = opened(reader, edition + FIRST_HOUR, demo="query")
    box, status = demo.locator("input[type=search]"), demo.locator('[data-part="status"]')
    asked = []
    reader.on("request", lambda request: asked.append(request.url) if request.url.endswith(".js") else None)
    before = demo.locator(".query-lists").inner_text()
    box.focus()
    reader.keyboard.press("Enter")  # the first time, the model is loaded
    reader.wait_for_function("document.querySelector('[data-part=\"status\"]').textContent.includes('ms') || "
                             "document.querySelector('[data-part=\"status\"]').textContent.includes('毫秒')")  # fmt: skip
    assert len(asked) == 1 and "/_static/demos/" in asked[0]
    assert demo.locator(".query-lists").inner_text() == before  # the first frame was what the page computes
    box.fill("warm coat for <b>winter</b> zzzz")
    reader.wait_for_function("document.querySelector('[data-part=\"unknown\"]').textContent.includes('zzzz')")
    assert unjudged in demo.locator('[data-part="judged"]').inner_text() and "<b>winter</b>" in status.inner_text()
    assert demo.locator('[data-part="list-1"] li').count() == 10 and len(asked) == 1
    assert demo.locator('[data-part="ndcg-0"]').inner_text() == "" and demo.locator("b").count() == 0
    box.fill("")
    reader.keyboard.press("Enter")
    assert demo.locator('[data-part="list-1"] li').count() == 10  # an empty query changes nothing


def test_a_link_to_a_query_shows_that_query(reader):
    demo = opened(reader, FIRST_HOUR, "?query-q=red%20shoes", demo="query")
    reader.wait_for_function("document.querySelector('[data-part=\"status\"]').textContent.includes('red shoes')")
    assert demo.locator("input[type=search]").input_value() == "red shoes" and "red" in demo.locator('[data-part="tokens"]').inner_text()


def test_a_model_that_is_gone_is_told_in_a_line(reader, tmp_path):
    page = (SITE / FIRST_HOUR).read_text(encoding="utf-8")
    (tmp_path / "_static").symlink_to(SITE / "_static")
    (tmp_path / "book" / "start").mkdir(parents=True)
    copy = tmp_path / "book" / "start" / "first_hour.html"
    copy.write_text(page.replace('data-payload="../../_static/demos/', 'data-payload="../../_static/demos/gone-'), encoding="utf-8")
    said: list[str] = []
    context = reader.context.browser.new_context(offline=True)
    tab = context.new_page()
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(copy.as_uri())
    demo = tab.locator('.course-demo[data-demo="query"]')
    go = demo.locator('[data-part="go"]')
    go.click()
    tab.wait_for_function("document.querySelector('[data-part=\"status\"]').textContent.includes('could not be loaded')")
    assert said == [] and go.is_enabled()
    context.close()


def _attention(reader, search: str = "", edition: str = ""):
    if not (SITE / edition / TRANSFORMERS).is_file():
        pytest.skip("this edition has no such page")
    return opened(reader, edition + TRANSFORMERS, search, demo="attention")


def _picked(demo) -> str:
    return demo.locator("input:checked + span [data-part=name]").inner_text()


def test_attention_begins_as_it_was_drawn(reader, chromium):
    """The same view asked for again, with the data: what the page computes is what Python drew."""
    context = chromium.new_context(java_script_enabled=False, offline=True, viewport={"width": 1000, "height": 800})
    still = _attention(context.new_page())
    assert still.locator("input:checked").is_disabled() and not still.locator("select").first.is_visible()
    live = _attention(reader)
    live.locator("[data-part=layer]").select_option("2")
    reader.wait_for_function("new URL(location).searchParams.get('attention-layer') === '2'")
    live.locator("[data-part=layer]").select_option("6")
    reader.wait_for_function("document.querySelector('[data-demo=attention] [data-part=status]').textContent === ''")
    assert "attention" not in reader.url.partition("?")[2]  # the first view needs no address
    for part in ("verdict", "rows", "goes", "caption", "chips"):
        one, other = (demo.locator(f'[data-part="{part}"]') for demo in (still, live))
        assert one.text_content() == other.text_content(), part
    heights = "all => all.map(bar => bar.style.height)"
    assert still.locator(".attention-bars i").evaluate_all(heights) == live.locator(".attention-bars i").evaluate_all(heights)
    context.close()


@pytest.mark.parametrize(("edition", "says"), [("", "takes most from"), ("zh/", "取得最多")])
def test_a_token_is_picked_by_hand_and_by_keyboard(reader, edition, says):
    demo = _attention(reader, edition=edition)
    asked = []
    reader.on("request", lambda request: asked.append(request.url) if request.url.endswith(".js") else None)
    verdict, first = demo.locator("[data-part=verdict]"), _picked(demo)
    assert says in verdict.inner_text() and f"“{first}”" in verdict.inner_text()
    demo.locator("[data-part=chips] label", has_text="red").click()
    reader.wait_for_function("document.querySelector('[data-demo=attention] [data-part=verdict]').textContent.includes('“red”')")
    assert len(asked) == 1 and "/_static/demos/" in asked[0]
    reader.keyboard.press("ArrowRight")
    reader.keyboard.press("ArrowRight")  # past a comma, and the keyboard keeps its place
    assert _picked(demo) == "size" and "“size”" in verdict.inner_text()
    assert reader.evaluate("document.activeElement.value") == demo.locator("input:checked").get_attribute("value")
    demo.locator("[data-part=title]").select_option("5")
    demo.locator("[data-part=head]").select_option("0")
    assert demo.locator("[data-part=chips] label").count() == 6 and _picked(demo) == "water"
    demo.locator("summary").click()
    weights = [float(text) for text in demo.locator("[data-part=rows] td:nth-child(2)").all_inner_texts()]
    assert sum(weights) == pytest.approx(1, abs=0.004) and demo.locator("[data-part=rows] tr").count() == 6
    said = verdict.inner_text()
    assert len(asked) == 1
    reader.reload()
    reader.wait_for_function("text => document.querySelector('[data-demo=attention] [data-part=verdict]').innerText === text", arg=said)


@pytest.mark.parametrize("odd", ["title=99", "title=-1", "layer=1.5", "head=13", "token=1e9", "token=0.5", "layer=<b>"])
def test_an_odd_address_shows_some_attention(reader, odd):
    demo = _attention(reader, f"?attention-{odd}")
    reader.wait_for_function("document.querySelector('[data-demo=attention] [data-part=status]').textContent !== 'Loading the numbers …'")
    assert demo.locator("input:checked").count() == 1 and "takes most from" in demo.locator("[data-part=verdict]").inner_text()


def test_attention_fits_a_phone(chromium):
    context = chromium.new_context(viewport={"width": 360, "height": 800}, offline=True, reduced_motion="reduce")
    tab = context.new_page()
    demo = _attention(tab)
    demo.locator("[data-part=title]").select_option("8")  # the long one
    tab.wait_for_function("document.querySelectorAll('[data-demo=attention] [data-part=chips] label').length > 20")
    demo.locator("[data-part=chips] label", has_text="stainless").click()
    tab.wait_for_function("document.querySelector('[data-demo=attention] [data-part=verdict]').textContent.includes('“stainless”')")
    demo.locator("summary").click()
    assert demo.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    box = demo.bounding_box()
    for name in ("controls", "chips", "goes", "rows"):
        inner = demo.locator(f"[data-part={name}]").bounding_box()
        assert inner["x"] >= box["x"] and inner["x"] + inner["width"] <= box["x"] + box["width"], name
    context.close()
