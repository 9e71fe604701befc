"""The built site in two languages, as a reader gets it: twins, the switcher, and search from a folder."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from course_lib.publishing.i18n_catalog import po_path, unfinished
from course_lib.publishing.language import load_editions

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not (SITE / "zh" / "index.html").is_file(), reason="no built site: run make book first"),
]
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the Debian package chromium")
EDITIONS = load_editions(ROOT)


def _pages(edition) -> list[Path]:
    folder = SITE / edition.folder
    return [*sorted((folder / "book").rglob("*.html")), folder / "search.html", folder / "genindex.html"]


def _attributes(html: str, tag: str) -> list[dict[str, str]]:
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, name, attributes):
            if name == tag:
                found.append(dict(attributes))

    Parser().feed(html)
    return found


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda e: e.language)
def test_every_page_says_its_language_and_leads_to_its_twin(edition):
    assert len(_pages(edition)) > 5
    for page in _pages(edition):
        html = page.read_text(encoding="utf-8")
        assert _attributes(html, "html")[0]["lang"] == edition.tag, page
        own = page.relative_to(SITE / edition.folder)
        twins = {(SITE / e.folder / own).resolve(): e for e in EDITIONS if e != edition}
        switch = re.search(r'<nav class="language-switch".*?</nav>', html, re.DOTALL)[0]
        links = {(page.parent / unquote(a["href"])).resolve(): a for a in _attributes(switch, "a")}
        assert set(links) == set(twins) and all(path.is_file() for path in links), page
        assert all(links[path]["hreflang"] == links[path]["lang"] == e.tag for path, e in twins.items())
        links = [a for a in _attributes(html, "link") if a.get("rel") == "alternate"]
        tags = {e.tag for e in EDITIONS} | {"x-default"} if 'rel="canonical"' in html else set()
        assert {a.get("hreflang") for a in links} == tags, page  # whole addresses, where the site knows its own
        assert all(a["href"].startswith("http") for a in links), page


def test_links_within_a_translated_page_lead_somewhere():
    for page in sorted((SITE / "zh" / "book").rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        ids = set(re.findall(r'\bid="([^"]+)"', html))
        article = re.search(r"<article.*</article>", html, re.DOTALL)[0]
        assert {unquote(link) for link in re.findall(r'href="#([^"]+)"', article)} <= ids, page


def test_a_complete_page_has_no_english_left_outside_code_and_outputs():
    """Paragraphs, headings, cells and labels of finished pages hold Chinese, or nothing that could be translated."""
    edition = EDITIONS[1]
    checked = 0
    for page in sorted((SITE / "zh" / "book").rglob("*.html")):
        name = page.relative_to(SITE / "zh").with_suffix("").as_posix()
        if name == "book/changelog":
            assert "更新记录只有英文" in page.read_text(encoding="utf-8")
            continue
        if unfinished(po_path(ROOT, edition, name), edition):
            assert "本页尚未译完" in page.read_text(encoding="utf-8")
            continue
        checked += 1
        text = _Prose.of(page.read_text(encoding="utf-8"))
        english = [line for line in text if re.search(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", line)
                   and not re.search("[\u4e00-\u9fff]", line)]  # fmt: skip
        assert english == [], name
        assert not [line for line in text if "**" in line or re.search(r"\]\(|\{\w+\}", line)], name  # markup not read
    assert checked >= 5


class _Prose(HTMLParser):
    """Text of an article by block, without code, cells, formulas, bibliography and diagrams' drawings."""

    VOID = {"img", "br", "hr", "input", "meta", "link", "source", "wbr"}
    OUT = ("cell", "highlight", "math", "bibtex-citation", "citation-list", "run-card", "glossary-en")

    @classmethod
    def of(cls, html: str) -> list[str]:
        prose = cls()
        prose.feed(re.search(r"<article.*</article>", html, re.DOTALL)[0])
        return [" ".join(line.split()) for line in prose.lines if line.strip()]

    def __init__(self):
        super().__init__()
        self.open, self.lines = [], [""]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if not any(hidden for _, hidden in self.open):
            self.lines += [given[name] for name in ("aria-label", "alt") if given.get(name)]
        if tag in ("p", "td", "th", "li", "h1", "h2", "h3", "div", "tspan", "span") or tag in self.VOID:
            self.lines.append("")
        if tag not in self.VOID:
            classes = (given.get("class") or "").split()
            hidden = tag in ("code", "pre", "style", "script") or any(name in self.OUT for name in classes)
            self.open.append((tag, hidden))

    def handle_endtag(self, tag):
        while self.open and tag not in self.VOID and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(hidden for _, hidden in self.open):
            self.lines[-1] += data


@pytest.fixture
def browser(chromium):
    return chromium


@pytest.fixture
def visit(browser):
    """A page without a network, and what goes wrong on it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page, faults
    context.close()


@pytest.mark.browser
@needs_browser
def test_the_switcher_goes_there_and_back_by_keyboard(visit):
    page, faults = visit
    page.goto((SITE / "book" / "start" / "setup.html").as_uri())
    for expected, heading in (("zh-CN", "搭建环境"), ("en", "Set up your machine")):
        page.focus(".language-switch a")
        page.keyboard.press("Enter")
        page.wait_for_function(f"document.documentElement.lang === {expected!r}")
        assert page.locator("h1").first.inner_text().startswith(heading)
    assert faults == []


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize(
    ("folder", "query", "result"),
    [("", "reciprocal rank fusion", "search/retrieval"), ("zh", "沙箱里的评分程序", "start/instructors"), ("", "搭建环境", "start/setup")],
)
def test_search_works_from_a_folder(visit, folder, query, result):
    page, faults = visit
    page.goto((SITE / folder / "search.html").as_uri() + f"?q={quote(query)}")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function("!document.querySelector('#search-results h2 span')?.innerText")
    first = page.locator("#search-results li a").first
    assert f"book/{result}.html" in first.get_attribute("href")
    first.click()
    page.wait_for_load_state("load")
    assert f"/{result}.html" in page.url and faults == []


@pytest.mark.browser
@needs_browser
def test_search_survives_a_browser_that_stores_nothing(visit):
    page, faults = visit
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('refused') }")
    page.goto((SITE / "search.html").as_uri() + "?q=sandbox")
    page.wait_for_selector("#search-results li a")
    assert not [fault for fault in faults if "search" in fault.lower()]


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("edition", EDITIONS, ids=lambda e: e.language)
def test_the_header_fits_a_phone(browser, edition):
    context = browser.new_context(viewport={"width": 360, "height": 800}, offline=True)
    page = context.new_page()
    for path in _pages(edition):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        box = page.locator(".language-switch a").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] >= 0 and box["height"] >= 24, path
    context.close()
