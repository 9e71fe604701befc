"""How others find and show the pages: descriptions, cards for shared links, canonical addresses, sitemap, robots.txt.

What needs the site's own address comes from ``html: baseurl`` in ``_config.yml``, or from the environment variable
``COURSE_SITE_URL``, which a workflow sets where it knows the host. Without an address those parts are left out, and
the build says so in one line.
"""

from __future__ import annotations

import os
import re
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from course_lib.core.bilingual import language_of
from course_lib.core.errors import CourseError
from course_lib.publishing.discovery_card import card
from course_lib.publishing.light import build_folder
from course_lib.publishing.mindmap import load_map

LOGGER = logging.getLogger(__name__)
VARIABLE = "COURSE_SITE_URL"
LONGEST = 160  # characters of a description that search engines show
#: pages that are tools, not text
NOT_LISTED = ("genindex.html", "search.html", "index.html")


def description(text: str, longest: int = LONGEST) -> str:
    """The first sentences of ``text`` that fit ``longest`` characters; a longer first one is cut at a word."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    ends = [m.end() for m in re.finditer(r"[.!?](?=\s)|[。！？]", text[: longest + 1])]
    if ends and ends[-1] >= longest // 3:
        return text[: ends[-1]].strip()
    cut = text[: longest - 1]
    if " " in cut[longest // 2 :]:
        cut = cut[: cut.rindex(" ")]
    return cut.rstrip(" ,;:，；：、") + "…"


def first_paragraphs(doctree: nodes.document) -> str:
    """The page's first paragraphs of running text, in order, without notes, boxes and code."""
    found = []
    for paragraph in doctree.findall(nodes.paragraph):
        parents = []
        node: nodes.Node | None = paragraph.parent
        while node is not None and not isinstance(node, nodes.document):
            parents.append(node)
            node = node.parent
        if all(isinstance(parent, nodes.section) for parent in parents):
            found.append(paragraph.astext())
        if sum(map(len, found)) > LONGEST:
            break
    return " ".join(found)


def head_tags(title: str, summary: str, site: str, language: str, url: str = "", image: str = "") -> str:
    """``<meta>`` tags of a page: description, OpenGraph and the card of a shared link.

    Args:
        url: address of the page, ``""`` where the site's is not known; then what must be absolute is left out.
        image: address of the card's picture.
    """
    names = {"description": summary, "twitter:card": "summary_large_image" if url and image else "summary"}
    properties = {"og:type": "article", "og:site_name": site, "og:title": title, "og:description": summary,
                  "og:locale": "zh_CN" if language == "zh" else "en_GB"}  # fmt: skip
    if url:
        properties["og:url"] = url
    if url and image:
        properties |= {"og:image": image, "og:image:width": "1200", "og:image:height": "630", "og:image:alt": title}
    tags = [f'<meta name="{key}" content="{escape(value)}" />' for key, value in names.items()]
    tags += [f'<meta property="{key}" content="{escape(value)}" />' for key, value in properties.items()]
    return "\n".join(tags)


def sitemap(site: Path, base: str) -> str:
    """A sitemap of all pages of text under ``site``, editions included."""
    base = base.rstrip("/")
    pages = [page.relative_to(site).as_posix() for page in sorted(site.rglob("*.html"))]
    listed = [page for page in pages if "_static/" not in page and page.rpartition("zh/")[2] not in NOT_LISTED]
    lines = "".join(f"  <url><loc>{escape(f'{base}/{page}')}</loc></url>\n" for page in listed)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{lines}</urlset>\n")  # fmt: skip


def robots(base: str) -> str:
    """``robots.txt``: everything may be read; where the sitemap is."""
    return "User-agent: *\nAllow: /\n" + (f"Sitemap: {base.rstrip('/')}/sitemap.xml\n" if base else "")


def entry_page(title: str, summary: str, language: str, base: str = "") -> str:
    """``index.html`` of the site: a page with a title that leads on to the map at once."""
    canonical = f'<link rel="canonical" href="{escape(base)}book/index.html" />\n' if base else ""
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{escape(title)}</title>
<meta name="description" content="{escape(summary)}" />
<meta http-equiv="refresh" content="0; url=book/index.html" />
{canonical}<link rel="icon" href="data:," />
</head>
<body><main><h1>{escape(title)}</h1><p><a href="book/index.html">{escape(title)}</a></p></main></body>
</html>
"""


def check_address(address: str) -> str:
    """The address with one slash at its end, or ``""``. Raises CourseError where it is no http(s) address."""
    if not address:
        return ""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise CourseError(f"not an address of a site: {address!r}", where=f"html.baseurl or {VARIABLE}",
                          remedy="Expected something like https://example.org/course/")  # fmt: skip
    return address.strip().rstrip("/") + "/"


def _folder(app: Sphinx) -> str:
    """The edition's folder in the site: ``""`` or ``zh/``."""
    root = build_folder(app) / "html"
    out = Path(app.outdir)
    return f"{out.relative_to(root).as_posix()}/" if out != root and out.is_relative_to(root) else ""


def _configure(app: Sphinx, config: Config) -> None:
    address = check_address(os.environ.get(VARIABLE, ""))
    if address:
        config.html_baseurl = address + _folder(app)  # type: ignore[attr-defined]
    else:
        check_address(config.html_baseurl or "")


def map_summaries(root: Path, language: str) -> dict[str, str]:
    """Page → what its topic's entry in the map says of it; empty where the book has no map."""
    path = root / "book" / "mindmap.yml"
    if not path.is_file():
        return {}
    return {topic.page: topic.summary.get(language) for topic in load_map(path).order()}


def _start(app: Sphinx) -> None:
    language = language_of(app.config.language)
    app.course_summaries = map_summaries(Path(app.srcdir), language)  # type: ignore[attr-defined]


def _page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title") or "")) or app.config.html_title
    own = first_paragraphs(doctree) if doctree is not None else context.get("course_summary")
    said = [app.course_summaries.get(page), own]  # type: ignore[attr-defined]
    summary = description(" ".join(filter(None, said)) or title)
    base = app.config.html_baseurl or ""
    image = ""
    if base and "body" in context:
        folder = build_folder(app) / "cards"
        made = card(title, app.config.html_title, folder)
        target = Path(app.outdir) / "_static" / "cards" / made.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(made.read_bytes())
        image = f"{base}_static/cards/{made.name}"
    url = f"{base}{page}.html" if base else ""
    tags = head_tags(title, summary, app.config.html_title, language_of(app.config.language), url, image)
    context["metatags"] = f"{context.get('metatags') or ''}\n{tags}\n"


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out, folder = Path(app.outdir), _folder(app)
    site = out.parents[folder.count("/") - 1] if folder else out
    title, own = app.config.html_title, app.config.html_baseurl or ""
    entry = entry_page(title, title, app.config.language.replace("_", "-"), own)
    (out / "index.html").write_text(entry, encoding="utf-8")
    base = own.removesuffix(folder)
    (site / "robots.txt").write_text(robots(base), encoding="utf-8")
    if base:
        (site / "sitemap.xml").write_text(sitemap(site, base), encoding="utf-8")
    else:
        (site / "sitemap.xml").unlink(missing_ok=True)
        LOGGER.info("no sitemap, canonical addresses and cards: the site's address is not set (%s)", VARIABLE)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("course_lib.publishing.discovery_changelog")
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _page)
    app.connect("build-finished", _finish, priority=870)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
