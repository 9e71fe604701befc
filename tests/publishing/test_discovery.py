"""Descriptions, cards, sitemap, changelog: what others see of the site."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.errors import CourseError
from course_lib.publishing import discovery, discovery_card
from course_lib.publishing.discovery import (
    check_address,
    description,
    entry_page,
    head_tags,
    map_summaries,
    robots,
    sitemap,
)
from course_lib.publishing.discovery_changelog import TITLE, body

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


@given(st.text(), st.integers(20, 200))
def test_a_description_is_one_line_that_fits(text, longest):
    found = description(text, longest)
    assert len(found) <= longest and found == " ".join(found.split())


def test_a_description_ends_with_a_sentence_where_one_fits():
    assert description("One sentence here. Another one that is too long to fit.", 40) == "One sentence here."
    assert description("Short.") == "Short."
    assert description("召回先找候选。" * 40, 60) == "召回先找候选。" * 8
    cut = description("word " * 50, 42)
    assert cut.endswith("word…") and len(cut) <= 42
    assert description("Costs 3.14 and 2.71 in all and more words follow", 30) == "Costs 3.14 and 2.71 in all…"


class _Tags(HTMLParser):
    def __init__(self, html: str):
        super().__init__()
        self.content: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        has = dict(attrs)
        self.content[has.get("name") or has.get("property")] = has["content"]


def test_tags_survive_any_title():
    title = 'A "quoted" <title> & more'
    found = _Tags(head_tags(title, title, "Site", "en", "https://e.org/a.html", "https://e.org/a.png")).content
    assert found["og:title"] == found["description"] == found["og:image:alt"] == title
    assert found["og:url"] == "https://e.org/a.html" and found["twitter:card"] == "summary_large_image"


def test_without_an_address_nothing_absolute_is_claimed():
    found = _Tags(head_tags("T", "S", "Site", "zh")).content
    assert found["description"] == "S" and found["og:locale"] == "zh_CN"
    assert not {"og:url", "og:image"} & found.keys() and found["twitter:card"] == "summary"


def test_the_sitemap_has_the_pages_of_text_of_both_editions(tmp_path):
    for name in ("index.html", "search.html", "genindex.html", "book/index.html", "book/a&b.html", "zh/index.html",
                 "zh/search.html", "zh/book/index.html", "_static/x.html"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    tree = ElementTree.fromstring(sitemap(tmp_path, "https://example.org/c/").encode())
    found = [element.text for element in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert found == [f"https://example.org/c/{p}" for p in ("book/a&b.html", "book/index.html", "zh/book/index.html")]


def test_robots():
    assert "Sitemap: https://e.org/sitemap.xml" in robots("https://e.org/")
    assert "Sitemap" not in robots("") and "Allow: /" in robots("")


@pytest.mark.parametrize("address", ["example.org", "ftp://e.org", "https://", "https://e.org/?x=1", "file:///x"])
def test_an_address_that_is_none_is_one_clear_error(address):
    with pytest.raises(CourseError, match="COURSE_SITE_URL"):
        check_address(address)


def test_an_address_ends_with_one_slash():
    assert check_address("") == ""
    assert check_address("https://e.org/c//") == check_address("https://e.org/c") == "https://e.org/c/"


def test_the_entry_page_leads_on_and_has_a_title():
    page = entry_page("A & B", "S", "en", "https://e.org/")
    assert "<title>A &amp; B</title>" in page and "0; url=book/index.html" in page and 'rel="canonical"' in page
    assert "canonical" not in entry_page("T", "S", "zh-CN") and '<html lang="zh-CN">' in entry_page("T", "S", "zh-CN")


def test_summaries_come_from_the_map(tmp_path):
    found = map_summaries(ROOT, "en"), map_summaries(ROOT, "zh")
    assert found[0].keys() == found[1].keys() and found[0]["book/start/setup"] != found[1]["book/start/setup"]
    assert map_summaries(tmp_path, "en") == {}


# Cards ---------------------------------------------------------------------------------------------------------------


def test_a_card_is_drawn_once_and_shows_its_title(tmp_path):
    from PIL import Image, ImageChops

    first = discovery_card.card("The whole pipeline", "Site", tmp_path)
    stamp = first.stat().st_mtime_ns
    assert discovery_card.card("The whole pipeline", "Site", tmp_path) == first and first.stat().st_mtime_ns == stamp
    other = discovery_card.card("Another title", "Site", tmp_path)
    assert other != first
    pictures = [Image.open(path).convert("RGB") for path in (first, other)]
    assert pictures[0].size == (1200, 630) and ImageChops.difference(*pictures).getbbox()
    assert first.stat().st_size < 60_000


def test_same_card_same_bytes(tmp_path):
    one, two = (discovery_card.card("T", "S", tmp_path / name) for name in "ab")
    assert one.name == two.name and one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("title", ["w" * 200, "many words " * 30, "", "One"])
def test_titles_of_any_length_stay_in_the_picture(tmp_path, title):
    font = discovery_card.font_for(title, 42)
    lines = discovery_card.wrap(title, font, 860)
    assert "".join(lines).replace(" ", "") == title.replace(" ", "")
    assert all(font.getlength(line) <= 860 or " " not in line for line in lines)
    assert discovery_card.card(title, "Site", tmp_path).is_file()


def test_chinese_titles_break_anywhere_and_need_their_font(tmp_path, monkeypatch):
    font = discovery_card.font_for("中文", 42)
    if font is not None:
        lines = discovery_card.wrap("电商搜索与推荐中的大模型" * 4, font, 400)
        assert len(lines) > 3 and all(font.getlength(line) <= 400 for line in lines)
        assert font.getmask("中").getbbox() != font.getmask("文").getbbox() or font.getmask("中").size
    monkeypatch.setattr(discovery_card, "_CJK_FONTS", ())
    assert discovery_card.font_for("中文", 42) is None
    assert discovery_card.card("中文", "Site", tmp_path).is_file()  # a picture without words, not empty boxes


# Changelog, and the built site ---------------------------------------------------------------------------------------


def test_the_changelog_is_one_page_with_one_heading():
    html = body("# Changelog\n\nNotable.\n\n## Unreleased\n\n- `a < b` and <script>x</script>\n", "zh")
    assert html.count("<h1>") == 1 and TITLE.zh in html and '<div lang="en">' in html
    assert "<h2>Unreleased</h2>" in html and "<code>a &lt; b</code>" in html and "<script>" not in html
    assert "lang=" not in body("# C\n\n## U\n", "en")


@pytest.mark.site
@pytest.mark.skipif(not (SITE / "book").is_dir(), reason="no built site: run make book first")
def test_every_page_has_its_own_description_and_a_link_to_the_changelog():
    seen = {}
    for page in sorted((SITE / "book").rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        found = re.findall(r'<meta name="description" content="([^"]*)"', html)
        assert len(found) == 1 and 20 <= len(found[0]) <= discovery.LONGEST + 40, page  # + what escaping adds
        assert seen.setdefault(found[0], page) == page
        assert html.count('name="viewport"') == 1 and 'class="changelog-link"' in html, page
    assert (SITE / "robots.txt").is_file() and "<title>" in (SITE / "index.html").read_text(encoding="utf-8")
