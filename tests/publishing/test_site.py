"""The built book, as a reader gets it: offline, whole, and without a word on the browser's console."""

import json
import re
import shutil
from pathlib import Path

import pytest

from course_lib.publishing.offline import check_offline

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
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
        for tag in re.findall(r"<(?:svg|img)\b[^>]*>", html.partition('class="bd-article"')[2]):
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


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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
        self.page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))

    def _files_only(self, route) -> None:
        if route.request.url.startswith(("file://", "data:", "blob:")):
            route.continue_()
        else:
            self.faults.append(f"asked for {route.request.url}")
            route.abort()

    def open(self, path: Path):
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("load")
        return self.page

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


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
        for path in [SITE / "index.html", *_pages()]:
            page = visit.open(path)
            page.wait_for_function("window.jQuery || document.readyState === 'complete'")
            if page.locator(".math").count():
                page.wait_for_selector("mjx-container", timeout=30_000, state="attached")
                assert page.locator("mjx-merror").count() == 0, path
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
        for path in _pages():
            page = visit.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
            sizes = page.evaluate(
                """[...document.querySelectorAll('svg.flow text, .course-figure svg text')].map(t => {
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
        for path in _pages():
            grounds = visit.open(path).evaluate(
                "[...document.querySelectorAll('.text_html')].map(e => getComputedStyle(e).backgroundColor)"
            )
            assert set(grounds) <= {"rgba(0, 0, 0, 0)"}, path
