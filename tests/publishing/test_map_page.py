"""The map at work in a browser, the strip on the chapters, and what both are without a script."""

from __future__ import annotations

import io
import json
import re
import shutil
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapoutput import toc
from course_lib.publishing.mapstrip import strip, with_strip
from course_lib.publishing.mindmap import load_map

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the Debian package chromium")
READY = ("start.setup", "start.first_hour", "start.how_to_learn", "start.instructors")


class Site:
    """The real map with stub chapters, built with Sphinx's plainest theme."""

    def __init__(self, root: Path):
        self.root = root
        self.raw = yaml.safe_load((ROOT / "book/mindmap.yml").read_text(encoding="utf-8"))
        for topic in self.topics():  # whatever is ready in the course by now: here it is the start
            topic["status"] = "ready" if topic["id"] in READY else "planned"
        (root / "exercises/start").mkdir(parents=True)
        shutil.copy(ROOT / "exercises/start/first_hour.ipynb", root / "exercises/start")

    def topics(self) -> list[dict]:
        return [topic for branch in self.raw["branches"] for topic in branch["topics"]]

    def build(self, language: str = "en") -> Path:
        """Write the sources and build them; returns the folder of the pages."""
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace, patch_docutils

        (self.root / "book/start").mkdir(parents=True, exist_ok=True)
        path = self.root / "book/mindmap.yml"
        path.write_text(yaml.safe_dump(self.raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
        contents = toc(load_map(path))
        pages = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
        for page in pages:
            if not (self.root / f"{page}.md").is_file():
                (self.root / f"{page}.md").write_text(f"# {page}\n\nSome text.\n")
        listed = "\n".join(page.removeprefix("book/") for page in pages)
        index = f"# The map\n\n```{{image}} map.png\n:class: mindmap\n:alt: The map\n```\n\n```{{toctree}}\n:hidden:\n{listed}\n```\n"
        if not (self.root / "book/index.md").is_file() or (self.root / "book/index.md").read_text() != index:
            (self.root / "book/index.md").write_text(index)
        out, warnings = self.root / "_build" / language, io.StringIO()
        settings = {
            "extensions": ["myst_parser", "course_lib.publishing.mapdirective"], "root_doc": "book/index",
            "source_suffix": {".md": "markdown"}, "language": language, "exclude_patterns": ["exercises", "_build"],
            "html_theme": "basic",
            "html_theme_options": {"nosidebar": True, "body_min_width": 0, "body_max_width": "none"},
        }  # fmt: skip
        with patch_docutils(), docutils_namespace():
            Sphinx(self.root, None, out, out / ".doctrees", "html", settings, status=None, warning=warnings).build()
        assert warnings.getvalue() == ""
        return out / "book"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return Site(tmp_path_factory.mktemp("site")).build()


# --- the strip -----------------------------------------------------------------------------------------------------


the_map = lru_cache(load_map)


def drawn(topic_id: str, language: str = "en") -> str:
    mindmap = the_map()
    return strip(mindmap, mindmap.topic(topic_id), language, lambda page: f"/{page}.html")


def test_strip_names_place_time_role_and_neighbours():
    mindmap, html = load_map(), drawn("search.retrieval")
    texts = re.sub(r"<[^>]+>", "|", html)
    assert "|Map|" in texts and "|Search|" in texts and "|Retrieval|" in texts
    assert "50 min · for developers" in texts
    before, after = html.split("Leads to")
    for needed in mindmap.topic("search.retrieval").prerequisites:
        assert mindmap.topic(needed).title.en in before
    leads = [topic for topic in mindmap.order() if "search.retrieval" in topic.prerequisites]
    assert leads and all(topic.title.en in after for topic in leads)
    assert 'aria-label="You are here"' in html and 'data-topic="search.retrieval"' in html
    assert "book/index.html#branch-search" in html and "book/index.html#search.retrieval" in html


def test_strip_links_ready_topics_only():
    mindmap = load_map()
    for topic in mindmap.order():
        links = set(re.findall(r'<li><a href="/(.*?)\.html">', drawn(topic.id)))
        near = {*topic.prerequisites, *(one.id for one in mindmap.order() if topic.id in one.prerequisites)}
        assert {mindmap.topic(one).page for one in near if mindmap.topic(one).ready} <= links
        assert links <= {one.page for one in mindmap.order() if one.ready}


def test_strip_at_both_ends_of_the_map_and_with_a_star():
    assert "nothing: you can begin here" in drawn("start.setup")
    assert "no further topic" in drawn("capstone.case")
    assert ">Then<" in drawn("start.instructors") and "How a shop shows products" in drawn("start.instructors")
    assert "★" in drawn("search.clicks") and "★" not in drawn("search.ranking")


def test_strip_speaks_chinese():
    html = drawn("shop.measurement", "zh_CN")
    assert "当前位置" in html and "不自欺的评测" in html and "40 分钟" in html and "适合所有人" in html
    assert not re.search(r"[A-Za-z]{4,}", re.sub(r"<[^>]+>", "", html))


def test_strip_stands_after_the_title_or_first():
    assert with_strip("<h1>T</h1><p>x</p><h1>U</h1>", "S") == "<h1>T</h1>S<p>x</p><h1>U</h1>"
    assert with_strip("<p>x</p>", "S") == "S<p>x</p>"


def test_strip_is_on_the_chapters_and_only_there(site):
    for topic_id in READY:
        page = (site / f"{topic_id.replace('.', '/')}.html").read_text(encoding="utf-8")
        assert page.count('class="course-strip"') == 1 and f'data-topic="{topic_id}"' in page
        assert page.index("<h1>") < page.index("course-strip") < page.index("Some text.")
        assert "mapstrip.js" in page and "mapstrip.css" in page and "map.js" not in page
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "course-strip" not in index and "mapstrip" not in index


def test_strip_is_no_part_of_what_the_search_finds(site):
    index = (site.parent / "searchindex.js").read_text(encoding="utf-8")
    terms = json.loads(index[index.index("(") + 1 : index.rindex(")")])
    chapter = terms["docnames"].index("book/start/setup")
    found = terms["terms"].get("instructor", [])  # a topic that start.setup leads to
    assert chapter not in ([found] if isinstance(found, int) else found)


def test_strips_follow_the_map(tmp_path):
    site = Site(tmp_path)
    page = site.build() / "start/instructors.html"
    assert "30 min" in page.read_text(encoding="utf-8")
    next(topic for topic in site.topics() if topic["id"] == "start.instructors")["minutes"] = 35
    site.build()
    assert "35 min" in page.read_text(encoding="utf-8")


# --- the map in a browser ------------------------------------------------------------------------------------------


@pytest.fixture
def visit(chromium):
    """Opens pages in one new profile; fails on an error of a page."""
    contexts, faults = [], []

    def opened(page: Path, width: int = 1280, script: bool = True, **more):
        if not contexts:
            contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, offline=True,
                                                 java_script_enabled=script, **more))  # fmt: skip
        tab = contexts[0].new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        tab.goto(page.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def state(tab, topic_id: str) -> str:
    return tab.get_attribute(f'.mm-topic[data-id="{topic_id}"]', "data-state")


def kept(tab) -> dict:
    return json.loads(tab.evaluate("localStorage.getItem('course:progress')"))


def focused(tab) -> str:
    return tab.evaluate("document.activeElement.dataset.id || document.activeElement.id")


def press(tab, *keys: str) -> str:
    for key in keys:
        tab.keyboard.press(key)
    return focused(tab)


@pytest.mark.browser
@needs_browser
class TestInBrowser:
    def test_without_a_script_the_list_is_whole_and_the_controls_are_not_there(self, visit, site):
        tab = visit(site / "index.html", script=False)
        mindmap = load_map()
        assert tab.locator("li.mindmap-topic:visible").count() == len(mindmap.order())
        assert tab.locator(".mm-tools:visible, .mm-card:visible, .mm-after:visible, .mm-keep:visible").count() == 0
        assert tab.locator(".mm-svg:visible").count() == 1
        tab.set_viewport_size({"width": 360, "height": 800})
        assert tab.locator(".mm-svg:visible").count() == 0  # its text would be too small; the list says it all
        tab = visit(site / "start/setup.html")
        assert tab.locator(".course-strip a:visible").count() > 3
        assert tab.locator(".course-strip-state:visible").count() == 0

    @pytest.mark.parametrize("width", [1280, 800, 360])
    def test_labels_are_readable_apart_and_inside(self, visit, site, width):
        tab = visit(site / "index.html", width=width)
        sizes = tab.evaluate("""[...document.querySelectorAll('.mm-svg text')].filter(t => t.getClientRects().length &&
            t.textContent).map(t => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getScreenCTM().a)""")
        assert len(sizes) > 50 and min(sizes) >= 12
        boxes = tab.evaluate("""[...document.querySelectorAll('.mm-topic > text, .mm-branch .mm-box')].map(t => {
            const b = t.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })""")
        assert all(left >= 0 and right <= width for left, _, right, _ in boxes)
        boxes.sort(key=lambda box: box[1])
        for n, one in enumerate(boxes):
            for other in boxes[n + 1 : n + 8]:
                shared = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
                assert min(shared) <= 1, (one, other)

    def test_keys_reach_every_node_in_order(self, visit, site):
        tab = visit(site / "index.html")
        assert tab.locator('.mm-node[tabindex="0"]').count() == 1
        tab.focus('.mm-node[tabindex="0"]')
        walked = [press(tab)]
        while (here := press(tab, "ArrowDown")) != walked[-1]:
            walked.append(here)
        assert walked == [one for b in load_map().branches for one in [b.id, *(topic.id for topic in b.topics)]]
        assert press(tab, "Home") == "start" and press(tab, "End") == "capstone.case"
        assert press(tab, "ArrowLeft") == "capstone"
        assert tab.locator('.mm-node[tabindex="0"]').get_attribute("data-id") == "capstone"
        tab.keyboard.press("Tab")  # one stop, no trap
        assert not tab.evaluate("document.activeElement.closest('.mm-svg')")

    def test_branches_fold_and_concepts_unfold(self, visit, site):
        tab = visit(site / "index.html")
        tab.focus('[data-id="shop"]')
        assert press(tab, "ArrowLeft") == "shop"
        assert tab.get_attribute('[data-id="shop"]', "aria-expanded") == "false"
        assert tab.locator('[data-id="shop.world"]:visible').count() == 0
        assert press(tab, "ArrowDown") == "language"  # what is hidden is passed over
        press(tab, "ArrowUp", "Enter")
        assert tab.locator('[data-id="shop.world"]:visible').count() == 1
        before = tab.locator(".mm-svg").bounding_box()["height"]
        assert press(tab, "ArrowRight") == "shop.world"
        assert press(tab, "ArrowRight") == "shop.world"  # its concepts unfold first
        assert press(tab, "ArrowRight") == "shop.world#0" and press(tab, "ArrowDown") == "shop.world#1"
        assert press(tab, "ArrowLeft") == "shop.world"
        tab.check("input[name=mm-depth][value=concepts]", force=True)
        assert tab.locator(".mm-concept:visible").count() == sum(len(t.concepts) for t in load_map().order())
        assert tab.locator(".mm-svg").bounding_box()["height"] > 2 * before
        tab.check("input[name=mm-depth][value=branches]", force=True)
        assert tab.locator(".mm-node:visible").count() == len(load_map().branches)

    def test_zoom_by_keys_buttons_and_wheel(self, visit, site):
        tab = visit(site / "index.html")
        size = lambda: tab.locator('[data-id="search"] .mm-box').bounding_box()["width"]  # noqa: E731
        first = size()
        tab.focus('[data-id="search"]')
        press(tab, "+")
        assert size() == pytest.approx(first * 1.25, rel=0.03)
        press(tab, "0")
        assert size() == pytest.approx(first, rel=0.03)
        tab.click("[data-zoom=in]")
        tab.click("[data-zoom=in]")
        assert size() == pytest.approx(first * 1.25**2, rel=0.03)
        tab.click("[data-zoom=fit]")
        tab.locator(".mm-svg").scroll_into_view_if_needed()
        box = tab.locator(".mm-svg").bounding_box()
        tab.mouse.move(box["x"] + 300, box["y"] + 200)
        top = tab.evaluate("scrollY")
        tab.mouse.wheel(0, 40)  # without Ctrl the wheel is the page's
        tab.wait_for_function(f"scrollY != {top}")
        assert size() == pytest.approx(first, rel=0.03)
        tab.keyboard.down("Control")
        tab.mouse.wheel(0, -200)
        tab.keyboard.up("Control")
        width = "document.querySelector('[data-id=search] .mm-box').getBoundingClientRect().width"
        tab.wait_for_function(f"{width} > {first * 1.2}")
        spot = tab.locator('[data-id="search"]').bounding_box()["x"]
        tab.mouse.move(640, 300)
        tab.mouse.down()
        tab.mouse.move(600, 300, steps=5)
        tab.mouse.up()
        assert tab.locator('[data-id="search"]').bounding_box()["x"] == pytest.approx(spot - 40, abs=15)

    def test_one_click_changes_a_state_and_totals_follow(self, visit, site):
        tab = visit(site / "index.html")
        assert "0 of 4 ready topics done" in tab.inner_text(".mm-mine")
        for expected in ("reading", "done", ""):
            tab.locator('[data-id="start.setup"] .mm-dot').click()
            assert state(tab, "start.setup") == expected
            assert kept(tab)["topics"].get("start.setup", "") == expected
        tab.focus('[data-id="start.setup"]')
        press(tab, "Space", "Space")
        assert "1 of 4 ready topics done" in tab.inner_text(".mm-mine")
        assert "Done" in tab.get_attribute('[data-id="start.setup"]', "aria-label")
        tab.click('.mm-card [data-to="reading"]')
        assert state(tab, "start.setup") == "reading" and focused(tab) == ""
        assert tab.evaluate("document.activeElement.dataset.to") == "reading"  # the pressed button keeps the focus
        tab.reload()
        assert state(tab, "start.setup") == "reading"
        tab.locator('[data-id="shop.world"] .mm-dot').click()  # planned: there is nothing to read yet
        assert state(tab, "shop.world") == ""

    def test_next_for_you_follows_progress(self, visit, site):
        tab = visit(site / "index.html")
        offered = lambda: (tab.inner_text(".mm-after .mm-card-title"), tab.inner_text(".mm-after"))  # noqa: E731
        assert offered()[0] == "Set up your machine" and "Nothing has to come before it." in offered()[1]
        tab.click('.mm-after [data-to="done"]')
        assert offered()[0] == "The whole pipeline in one sitting"
        assert "It builds on Set up your machine, which you have done." in offered()[1]
        tab.locator('[data-id="start.instructors"] .mm-dot').click()
        assert offered()[0] == "For instructors" and "You have begun it." in offered()[1]

    def test_exercises_passed_show_and_count_as_done(self, visit, site):
        names = re.findall(r'"grade_id": "(\w+)"', (ROOT / "exercises/start/first_hour.ipynb").read_text())
        names = [name for name in names if not name.startswith("course")]
        tab = visit(site / "index.html")
        for n, entries in enumerate((names[:2], names), start=1):
            data = {"format": "course-progress", "version": 1, "topics": {}, "questions": {
                f"start.first_hour/{name}": {"outcome": "PASS", "points": 1.0} for name in entries}}  # fmt: skip
            tab.evaluate("data => localStorage.setItem('course:progress', data)", json.dumps(data))
            tab.reload()
            assert tab.text_content('[data-id="start.first_hour"] .mm-passed') == f"{len(entries)}/{len(names)}"
            assert state(tab, "start.first_hour") == ("done" if n == 2 else "")
            assert f"{len(entries)} of {len(names)} exercises passed" in tab.inner_text(".mm-mine")

    def test_prerequisites_are_drawn_on_demand(self, visit, site):
        tab, mindmap = visit(site / "index.html"), load_map()
        assert tab.locator(".mm-arc").count() == 0
        tab.focus('[data-id="search.retrieval"]')
        direct = tab.locator(".mm-arc:not(.mm-far)").count()
        assert direct == len(mindmap.topic("search.retrieval").prerequisites)
        behind = [*mindmap.prerequisites_closure("search.retrieval"), mindmap.topic("search.retrieval")]
        assert tab.locator(".mm-arc").count() == sum(len(topic.prerequisites) for topic in behind)
        needed = tab.locator(".mm-need").evaluate_all("all => all.map(e => e.dataset.id)")
        assert sorted(needed) == sorted(mindmap.topic("search.retrieval").prerequisites)
        assert "Retrieval" in tab.inner_text(".mm-card") and "Feature extraction" in tab.inner_text(".mm-card")
        press(tab, "Escape")
        assert tab.locator(".mm-arc").count() == 0 and tab.locator(".mm-card:visible").count() == 0
        tab.hover('[data-id="search.ranking"] > text')
        assert tab.locator(".mm-arc").count() > 0

    def test_role_and_view_are_remembered(self, visit, site):
        tab = visit(site / "index.html")
        tab.check("input[name=mm-role][value=business]", force=True)
        dim = {topic.id for topic in load_map().order() if topic.role == "developer"}
        found = tab.locator(".mm-topic.mm-dim").evaluate_all("all => all.map(e => e.dataset.id)")
        assert set(found) == dim != set()
        tab.check("input[name=mm-view][value=list]", force=True)
        assert tab.locator("li.mindmap-topic:visible").count() == len(load_map().order()) - len(dim)
        assert tab.locator(".mm-svg:visible").count() == 0
        tab.reload()
        assert tab.is_checked("input[value=business]") and tab.locator(".mm-svg:visible").count() == 0
        tab.check("input[name=mm-view][value=map]", force=True)
        assert tab.locator(".mm-topic.mm-dim").count() == len(dim)

    def test_search_lights_topics_and_goes_to_the_first(self, visit, site):
        tab = visit(site / "index.html")
        tab.keyboard.press("Tab")
        tab.fill("#mm-search", "双塔")
        assert tab.inner_text(".mm-found") == "1 found"
        lit = tab.locator(".mm-topic:not(.mm-dim)").evaluate_all("all => all.map(e => e.dataset.id)")
        assert lit == ["recommend.neural"]
        assert tab.locator('[data-id="recommend.neural#1"].mm-hit:visible').count() == 1  # the concept itself
        assert press(tab, "Enter") == "recommend.neural"
        assert press(tab, "/") == "mm-search"
        tab.fill("#mm-search", "no such thing")
        assert tab.inner_text(".mm-found") == "Nothing found"
        tab.fill("#mm-search", "")
        assert tab.locator(".mm-dim").count() == 0 and tab.locator(".mm-concept:visible").count() == 0

    def test_export_and_import(self, visit, site, tmp_path):
        tab = visit(site / "index.html", accept_downloads=True)
        tab.locator('[data-id="start.setup"] .mm-dot').click()
        with tab.expect_download() as download:
            tab.click(".mm-export")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert json.loads(path.read_text()) == kept(tab) != {}
        tab.evaluate("localStorage.removeItem('course:progress')")
        tab.reload()
        assert state(tab, "start.setup") == ""
        tab.set_input_files(".mm-keep input", path)
        tab.wait_for_selector("[data-id='start.setup'][data-state=reading]", state="attached")
        assert "1 topics" in tab.inner_text(".mm-said")
        path.write_text("{}")
        tab.set_input_files(".mm-keep input", path)
        tab.wait_for_function("document.querySelector('.mm-said').textContent.startsWith('Not imported')")
        assert state(tab, "start.setup") == "reading"

    def test_chapter_that_is_opened_is_being_read_and_its_button_says_done(self, visit, site):
        tab = visit(site / "start/first_hour.html")
        assert kept(tab)["topics"] == {"start.first_hour": "reading"}
        button = tab.locator(".course-strip-state")
        assert button.inner_text() == "Mark as done"
        button.click()
        assert button.get_attribute("aria-pressed") == "true" and "Done" in button.inner_text()
        tab.reload()
        assert kept(tab)["topics"] == {"start.first_hour": "done"}  # opening it again undoes nothing
        other = visit(site / "index.html")
        assert state(other, "start.first_hour") == "done"
        button.click()
        # Other tabs follow.
        other.wait_for_selector("[data-id='start.first_hour'][data-state=reading]", state="attached")

    def test_enter_and_the_second_click_open_a_chapter(self, visit, site):
        tab = visit(site / "index.html")
        tab.click('[data-id="start.how_to_learn"] > text')
        assert "index.html" in tab.url and tab.inner_text(".mm-card .mm-card-title") == "How to learn with this map"
        tab.click('[data-id="start.how_to_learn"] > text')
        tab.wait_for_url("**/start/how_to_learn.html")
        tab.go_back()
        tab.focus('[data-id="start.setup"]')
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/start/setup.html")

    def test_links_into_the_map_arrive_also_by_a_retired_id(self, visit, tmp_path):
        site = Site(tmp_path)
        next(topic for topic in site.topics() if topic["id"] == "trust.privacy")["aliases"] = ["trust.secrets"]
        page = site.build() / "index.html"
        tab = visit(page)
        arrives = {"search.clicks": "search.clicks", "trust.secrets": "trust.privacy", "branch-value": "value"}
        for anchor, expected in arrives.items():
            tab.goto(f"{page.as_uri()}#{anchor}")
            assert focused(tab) == expected

    def test_progress_survives_an_edit_of_the_map(self, visit, tmp_path):
        site = Site(tmp_path)
        pages = site.build()
        tab = visit(pages / "start/how_to_learn.html")
        tab.click(".course-strip-state")
        topic = next(topic for topic in site.topics() if topic["id"] == "start.how_to_learn")
        topic.update(id="start.routes", aliases=["start.how_to_learn"])
        topics = site.raw["branches"][0]["topics"]
        topics.append(topics.pop(1))  # and another order
        (tmp_path / "book/start/how_to_learn.md").unlink()
        site.build()
        tab = visit(pages / "index.html")
        assert state(tab, "start.routes") == "done"
        tab = visit(pages / "start/routes.html")
        assert "Done" in tab.inner_text(".course-strip-state")
        tab.click(".course-strip-state")
        assert kept(tab)["topics"] == {"start.routes": "reading"}

    def test_chinese_map_speaks_chinese(self, visit, tmp_path):
        tab = visit(Site(tmp_path).build("zh_CN") / "index.html")
        said = tab.inner_text(".mindmap")
        assert "接下来" in said and "搭建环境" in said and "导出进度" in said
        tab.fill("#mm-search", "two-tower")
        assert tab.locator('[data-id="recommend.neural"]:not(.mm-dim)').count() == 1
        controls = tab.inner_text(".mm-tools") + tab.inner_text(".mm-mine") + tab.inner_text(".mm-keep")
        assert not re.search(r"[A-Za-z]{4,}", controls)

    def test_roles_and_names_of_the_tree(self, visit, site):
        tab = visit(site / "index.html")
        assert tab.get_attribute(".mm-svg", "role") == "tree" and tab.get_attribute(".mm-svg", "aria-label")
        levels = tab.locator("[role=treeitem]").evaluate_all("all => all.map(e => e.getAttribute('aria-level'))")
        assert set(levels) == {"1", "2", "3"}
        label = tab.get_attribute('[data-id="search.retrieval"]', "aria-label")
        assert label.startswith("Retrieval. 50 min. Planned") and "Builds on: " in label
