"""The built book, as a reader gets it: offline, whole, and without a word on the browser's console."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from course_lib.publishing.offline import CHECKS, check_offline, vendor_assets

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
SCREENSHOTS = ROOT / "_build" / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_site = pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no built site: run make book first")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the Debian package chromium")


def _pages() -> list[Path]:
    """The pages of the book itself: what the table of contents names and is built."""
    return sorted((SITE / "book").rglob("*.html"))


@pytest.mark.site
@needs_site
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_missing():
    assert _pages() and check_offline(SITE) == []


@pytest.mark.site
@needs_site
def test_no_page_has_a_traceback_or_an_unnamed_picture():
    for page in _pages():
        html = page.read_text(encoding="utf-8")
        assert "Traceback (most recent call last)" not in html, page
        inside = 0  # a drawing inside a drawing is part of the outer one's name
        for tag in re.findall(r"<(?:svg|img|/svg)\b[^>]*>", html.partition('class="bd-article"')[2]):
            inside += {"<svg": 1, "</sv": -1}.get(tag[:4], 0)
            if tag.startswith("</") or (tag.startswith("<svg") and inside > 1):
                continue
            assert re.search(r"\b(?:aria-label|aria-labelledby|aria-hidden|alt)=", tag), (page, tag)


@pytest.mark.site
@needs_site
def test_the_run_cards_are_those_of_the_execution():
    runs = json.loads((ROOT / "_build" / "execution.json").read_text(encoding="utf-8"))
    assert runs
    for page, run in runs.items():
        html = (SITE / f"{page}.html").read_text(encoding="utf-8")
        if "run-card" in html:
            assert f"<td>{run['execution_seconds']:.0f} s</td>" in html and run["date"][:10] in html, page


@pytest.fixture
def browser(chromium):
    return chromium


class Visit:
    """A page opened from ``file://``, with everything that is no file refused; what went wrong is in ``faults``."""

    def __init__(self, browser, width: int = 1280, theme: str = "light"):
        self.faults: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        self.context.add_init_script(f"localStorage.mode = localStorage.theme = {theme!r}")
        self.page = self.context.new_page()
        self.page.route("**/*", self._files_only)
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("requestfailed", self._failed)

    def _files_only(self, route) -> None:
        if route.request.url.startswith(("file://", "data:", "blob:")):
            route.continue_()
        else:
            self.faults.append(f"asked for {route.request.url}")
            route.abort()

    def _failed(self, request) -> None:
        # A page that is left while its icon still loads gives the request up; a file that isn't there fails otherwise.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url}")

    def open(self, path: Path):
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("load")
        return self.page

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.browser
def test_nothing_is_skipped_where_the_browser_is_required():
    if not os.environ.get("COURSE_REQUIRE_BROWSER"):
        pytest.skip("COURSE_REQUIRE_BROWSER is not set (make test-browser sets it)")
    assert CHROMIUM and (SITE / "index.html").is_file() and (SITE / "zh" / "index.html").is_file()


@pytest.mark.browser
@needs_browser
def test_a_visit_notices_what_goes_wrong(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<script src='https://cdn.example/x.js'></script><script>nothing()</script><img src='gone.png'>")
    with Visit(browser) as visit:
        visit.open(page)
    said = " ".join(visit.faults)
    assert "cdn.example" in said and "nothing is not defined" in said and "gone.png" in said


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_opens_without_a_fault(browser, theme):
    faults = {}
    with Visit(browser, theme=theme) as visit:
        for path in [SITE / "index.html", *_all_pages()]:
            page = visit.open(path)
            page.wait_for_function("window.jQuery || document.readyState === 'complete'")
            if page.locator(".math").count():
                assert page.locator(".math").count() == page.locator(".math mjx-container > svg").count(), path
            assert page.evaluate("document.documentElement.dataset.theme") == theme, path
            if visit.faults:
                faults[path.name], visit.faults = visit.faults, []
    assert faults == {}


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
def test_no_page_is_wider_than_a_phone_and_labels_stay_readable(browser):
    with Visit(browser, width=360) as visit:
        for path in _all_pages():
            page = visit.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
            ends = page.evaluate(
                "[...document.querySelectorAll('.prev-next-area *')].map(e => e.getBoundingClientRect().right)"
            )
            assert all(end <= 360 for end in ends), path  # cut off, since nothing there scrolls
            sizes = page.evaluate(
                """[...document.querySelectorAll('svg.flow text, .course-figure svg text, .course-demo svg text')].map(t => {
                     const svg = t.ownerSVGElement
                     return parseFloat(getComputedStyle(t).fontSize) * svg.getScreenCTM().a })"""
            )
            assert all(size >= 11.9 for size in sizes), (path, min(sizes))


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
def test_outputs_keep_the_pages_ground_in_the_dark(browser):
    """The theme lays a light ground under HTML outputs in dark mode, on which text in the page's colour is lost."""
    with Visit(browser, theme="dark") as visit:
        for path in _all_pages():
            grounds = visit.open(path).evaluate(
                "[...document.querySelectorAll('.text_html')].map(e => getComputedStyle(e).backgroundColor)"
            )
            assert set(grounds) <= {"rgba(0, 0, 0, 0)"}, path


@pytest.fixture(scope="module")
def axe() -> Path:
    """axe-core, fetched from npm into ``_build/checks`` the first time."""
    checks = vendor_assets(ROOT / "book" / "vendor", ROOT / "_build" / "checks", assets=CHECKS, dev=True)
    return checks / "axe" / "axe.min.js"


def _violations(page, axe: Path) -> list[str]:
    """What axe finds serious or critical on an open page: one line per element."""
    page.add_script_tag(path=str(axe))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{v['impact']} {v['id']}: {node['html'][:160]}"
            for v in found if v["impact"] in ("serious", "critical") for node in v["nodes"]]  # fmt: skip


@pytest.mark.browser
@needs_browser
def test_axe_finds_a_planted_fault(browser, axe, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><html><title>t</title><body><button></button><img src='data:,'></body></html>")
    with Visit(browser) as visit:
        found = " ".join(_violations(visit.open(page), axe))
    assert "button-name" in found and "image-alt" in found and "html-has-lang" in found


def _all_pages() -> list[Path]:
    """Every page that a reader can open, in every edition, but not the ones that only lead on."""
    pages = [p for p in sorted(SITE.rglob("*.html")) if "_static" not in p.relative_to(SITE).parts]
    return [p for p in pages if 'http-equiv="refresh"' not in p.read_text(encoding="utf-8")[:3000].lower()]


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_has_nothing_serious_to_say_on_any_page(browser, axe, theme, width):
    """And a picture of each page is kept, for who looks at the site before it is published."""
    faults, pictures = {}, SCREENSHOTS / f"{width}-{theme}"
    shutil.rmtree(pictures, ignore_errors=True)
    with Visit(browser, width=width, theme=theme) as visit:
        for path in _all_pages():
            page = visit.open(path)
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=pictures / f"{'-'.join(path.relative_to(SITE).with_suffix('').parts)}.png", full_page=True)
            found = _violations(page, axe)
            if found:
                faults[path.relative_to(SITE).as_posix()] = found
    assert faults == {}


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_s_colours_are_the_default_and_the_button_turns_them(browser, scheme):
    context = browser.new_context(color_scheme=scheme, offline=True)
    page = context.new_page()
    said = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((SITE / "book" / "index.html").as_uri())
    root = "[document.documentElement.dataset.mode, document.documentElement.dataset.theme]"
    assert page.evaluate(root) == ["auto", scheme]
    page.locator(".theme-switch-button").first.click()
    other = {"light": "dark", "dark": "light"}[scheme]
    assert page.evaluate(root) == [other, other]
    page.reload()
    assert page.evaluate(root) == [other, other] and said == []
    context.close()


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
def test_what_the_keyboard_reaches_shows_it(browser):
    """Tab through a chapter: every stop is in sight and has a ring."""
    with Visit(browser) as visit:
        page = visit.open(SITE / "book" / "start" / "setup.html")
        seen = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            name, ring, width, height = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect()
                     return [e.outerHTML.slice(0, 120), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0
                             || s.boxShadow !== "none", box.width, box.height] }"""
            )
            if name.startswith("<body"):
                break
            seen.add(name)
            assert ring and width > 0 and height > 0, name
        assert len(seen) > 15


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
def test_without_a_script_formulas_and_text_are_there(browser):
    context = browser.new_context(java_script_enabled=False, offline=True, viewport={"width": 360, "height": 900})
    page = context.new_page()
    page.goto((SITE / "book" / "start" / "first_hour.html").as_uri())
    boxes = page.locator("mjx-container > svg")
    assert boxes.count() > 5 and all(box.bounding_box()["width"] > 3 for box in boxes.all())
    assert page.locator(".theme-switch-button:visible").count() == 0  # a button that could do nothing
    context.close()


@pytest.mark.browser
@pytest.mark.site
@needs_site
@needs_browser
def test_less_motion_where_a_reader_asks_for_it(browser):
    moving = """[...document.querySelectorAll("*")].filter(e => {
      const s = getComputedStyle(e)
      return [...s.transitionDuration.split(","), ...s.animationDuration.split(",")].some(t => parseFloat(t) > 0.01)
    }).length"""
    counts = []
    for wish in ("no-preference", "reduce"):
        context = browser.new_context(reduced_motion=wish, offline=True)
        page = context.new_page()
        page.goto((SITE / "book" / "start" / "setup.html").as_uri())
        counts.append(page.evaluate(moving))
        context.close()
    assert counts[0] > 0 and counts[1] == 0
