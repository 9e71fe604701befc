"""What is mended in the themes' pages, and the script that lets the keyboard reach boxes that scroll."""

import re
from pathlib import Path

import pytest

from course_lib.publishing.accessibility import MENDS, mend

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"

PAGE = """<header id="pst-header" class="bd-header"></header>
<div class="sidebar-primary-item">
  <a class="navbar-brand logo" href="#"><p>Title</p></a></div>
<div class="sidebar-primary-item"><button class="btn search-button-field pst-js-only" title="Search" \
aria-label="Search" data-bs-toggle="tooltip"><i class="fa-solid fa-magnifying-glass"></i> Search</button></div>
<button aria-label="Color mode"><i class="theme-switch fa-solid fa-sun                fa-lg" data-mode="light" \
title="Light"></i></button>
<span class="fa-solid fa-bars"></span><i class="fas fa-file" aria-hidden="true"></i>
<summary aria-label="Toggle hidden content"><p>Show code</p></summary>
<div role="list"><div class="citation" id="a" role="doc-biblioentry">x</div></div>
<main id="main-content" class="bd-main" role="main"></main><i class="fable">words</i><i class="mindmap-facts">x</i>"""


def test_every_mend_finds_its_fault_in_a_page_of_the_theme_and_a_second_time_nothing():
    for what, pattern, _ in MENDS:
        assert pattern.search(PAGE), what
    assert mend(mend(PAGE)) == mend(PAGE)


def test_the_mended_page():
    page = mend(PAGE)
    assert page.count('aria-hidden="true"') == 4 and 'title="Light"' not in page  # all four icons, and no others
    assert 'data-mode="light"' in page  # the theme's script needs it
    assert '<i class="fable">words</i><i class="mindmap-facts">x</i>' in page
    assert 'title="Search" data-bs' in page and 'aria-label="Color mode"' in page
    assert "<summary><p>Show code" in page
    assert re.search(r'role="list"><div class="citation" id="a" role="listitem"', page)
    assert page.count('role="banner"') == 1 and '<header id="pst-header" role="presentation"' in page


def test_the_mends_leave_words_alone():
    text = '<p>role="main", aria-label="Search" and &lt;i class="fa-solid"&gt;</p>'
    assert mend(text) == text


@pytest.mark.site
@pytest.mark.skipif(not (SITE / "book").is_dir(), reason="no built site: run make book first")
def test_every_mend_still_fits_the_theme():
    """Every page was mended, and the marks of the mends are on it."""
    pages = [page.read_text(encoding="utf-8") for page in sorted((SITE / "book").rglob("*.html"))]
    assert pages and [page for page in pages if mend(page) != page] == []
    for mark in ('aria-hidden="true"', 'role="banner"', 'id="main-content" class="bd-main" tabindex="-1"'):
        assert all(mark in page for page in pages), mark
