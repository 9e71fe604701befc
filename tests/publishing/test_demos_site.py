"""The demos in the built site, as a reader uses them: by hand, by keyboard, from a folder, and without scripts."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"
MEASUREMENT = "book/shop/measurement.html"
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
